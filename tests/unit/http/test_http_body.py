"""A body between its producer and its consumer."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.http import Body, BodyIncomplete, ContentTooLarge
from entryway.http.body import EMPTY, HIGH_WATER


class Producer:
    def __init__(self):
        self.calls = []

    def wanted(self):
        self.calls.append("wanted")

    def pause_reading(self):
        self.calls.append("pause")

    def resume_reading(self):
        self.calls.append("resume")

    def abandon(self):
        self.calls.append("abandon")


class Consumer:
    def __init__(self):
        self.got = []

    def write(self, data):
        self.got.append(data)

    def end(self, trailers):
        self.got.append("end")

    def fail(self, error):
        self.got.append(type(error).__name__)


@given(st.lists(st.binary(min_size=1, max_size=10), max_size=6), st.integers(0, 6))
def test_a_pipe_gets_everything_in_order_whenever_it_begins(chunks, begin):
    body, consumer = Body(None), Consumer()
    for index, chunk in enumerate(chunks):
        if index == begin:
            body.pipe(consumer)
        body.feed(chunk)
    if begin >= len(chunks):
        body.pipe(consumer)
    body.end()
    assert b"".join(consumer.got[:-1]) == b"".join(chunks)
    assert consumer.got[-1] == "end"


async def test_a_reader_gets_everything():
    body = Body(None)
    reading = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    body.feed(b"a")
    await asyncio.sleep(0)
    body.feed(b"b")
    body.end()
    assert await reading == b"ab"


def test_a_producer_is_paused_when_nobody_consumes_and_resumed_when_somebody_does():
    producer = Producer()
    body = Body(None, producer)
    body.feed(b"x" * HIGH_WATER)
    assert producer.calls == ["pause"]
    body.pipe(Consumer())
    assert producer.calls == ["pause", "wanted", "resume"]
    body.pause()
    body.pause()
    body.resume()
    body.resume()
    assert producer.calls[3:] == ["pause", "resume"]


async def test_a_failure_reaches_the_reader_after_what_came_before_it():
    body = Body(None)
    body.feed(b"a")
    body.fail(BodyIncomplete("gone"))
    stream = body.chunks()
    assert await anext(stream) == b"a"
    with pytest.raises(BodyIncomplete):
        await anext(stream)


def test_abandoning_tells_the_producer_once():
    producer = Producer()
    body = Body(None, producer)
    body.feed(b"a")
    body.abandon()
    body.abandon()
    assert producer.calls == ["abandon"]
    assert body.take() == b""


async def test_a_limit_holds_for_declared_and_for_real_length():
    with pytest.raises(ContentTooLarge):
        await Body(11).read(limit=10)
    body = Body(None)
    body.feed(b"x" * 6)
    body.feed(b"x" * 6)
    body.end()
    with pytest.raises(ContentTooLarge):
        await body.read(limit=10)
    whole = Body(None)
    whole.feed(b"x" * 11)
    whole.end()
    with pytest.raises(ContentTooLarge):
        await whole.read(limit=10)


async def test_the_empty_body_is_shared_and_stays_empty():
    consumer = Consumer()
    EMPTY.pipe(consumer)
    EMPTY.abandon()
    EMPTY.fail(BodyIncomplete(""))
    assert consumer.got == ["end"]
    assert not EMPTY.consumed
    assert EMPTY.error is None
    assert await EMPTY.read() == b""


async def test_a_generator_stops_while_nobody_takes_and_ends_with_its_body():
    produced = 0
    closed = asyncio.Event()

    async def chunks():
        nonlocal produced
        try:
            while True:
                produced += 1
                yield b"x" * HIGH_WATER
        finally:
            closed.set()

    body = Body.from_chunks(chunks())
    stream = body.chunks()
    await anext(stream)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert produced <= 3
    await stream.aclose()
    body.abandon()
    await asyncio.wait_for(closed.wait(), 1)


async def test_two_readers_at_once_are_a_mistake():
    body = Body(None)
    first = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await body.read()
    body.end()
    await first
