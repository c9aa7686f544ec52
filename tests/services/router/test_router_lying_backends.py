"""A backend that lies is a 502, or an answer that visibly breaks off; its connection ends, the session does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from router_world import World

from entryway.testing.upstream import Wire, scripted_upstream

HONEST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

LIES = {
    "no HTTP": b"220 mail.example ESMTP\r\n",
    "an unknown version": b"HTTP/3.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
    "a status beyond 599": b"HTTP/1.1 700 What\r\ncontent-length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
    "a length below zero": b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
    "a length that is no number": b"HTTP/1.1 200 OK\r\ncontent-length: 2x\r\n\r\nab",
    "length and chunks": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "a folded header": b"HTTP/1.1 200 OK\r\nx-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n",
    "a blank in a name": b"HTTP/1.1 200 OK\r\nx a: 1\r\ncontent-length: 0\r\n\r\n",
    "a header without a name": b"HTTP/1.1 200 OK\r\n: 1\r\ncontent-length: 0\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nx-a: 1\0\r\ncontent-length: 0\r\n\r\n",
    "a bare CR in a value": b"HTTP/1.1 200 OK\r\nx-a: 1\rset-cookie: a=b\r\ncontent-length: 0\r\n\r\n",
    "another protocol, unasked": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "too many headers": b"HTTP/1.1 200 OK\r\n" + b"x-a: 1\r\n" * 5000 + b"\r\n",
    "a header without end": b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 2_000_000,
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
}

BREAKING_OFF = {
    "less than its length": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
    "a chunk cut off": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    "no last chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n",
    "a chunk longer than it says": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n",
}

Ask = Callable[[bytes], Awaitable[httpx.Response | None]]


@pytest.fixture
async def ask(world: World) -> Ask:
    """Ask for a protected page with a backend that says these bytes and then ends; who lies once is honest later."""

    async def asked(lie: bytes) -> httpx.Response | None:
        said = iter([lie])

        async def script(wire: Wire) -> None:
            while True:
                await wire.hear_head()
                words = next(said, None)
                if words is not None:
                    wire.say(words)
                    return
                wire.say(HONEST)

        async with scripted_upstream(script) as upstream:
            url = f"http://{upstream.host}:{upstream.port}"
            browser = await world.start(destination={"url": url})
            await browser.log_in()
            answer: httpx.Response | None
            try:
                answer = await browser.get("/private/x")
            except (httpx.RemoteProtocolError, httpx.ReadError):
                answer = None  # it visibly broke off
            again = await browser.get("/private/x")
            assert (again.status_code, again.text) == (200, "ok"), "the session is gone, or the router with it"
            assert len(upstream.connections) > 1, "the liar's connection was used again"
            return answer

    return asked


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_what_is_no_answer_is_a_502_and_the_session_stays(ask: Ask, lie: bytes) -> None:
    answer = await ask(lie)

    assert answer is not None
    assert answer.status_code == 502
    assert answer.headers["entryway-error"].startswith("upstream")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("lie", BREAKING_OFF.values(), ids=BREAKING_OFF)
async def test_a_body_that_is_not_what_was_said_is_a_502_or_breaks_off_visibly(ask: Ask, lie: bytes) -> None:
    answer = await ask(lie)

    assert answer is None or answer.status_code == 502


async def test_more_than_its_length_is_not_taken_for_the_next_answer(ask: Ask) -> None:
    smuggled = (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello" + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    )
    answer = await ask(smuggled)

    assert answer is not None
    assert (answer.status_code, answer.text) == (200, "hello")


async def test_a_flood_of_interim_answers_ends(world: World) -> None:
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        for _ in range(100_000):
            await wire.saying(b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n" * 20)
            await asyncio.sleep(0)

    async with scripted_upstream(script) as upstream:
        browser = await world.start(destination={"url": f"http://{upstream.host}:{upstream.port}"})
        answer = await browser.get("/public/x")

    assert answer.status_code == 502


async def test_headers_that_never_end_are_cut_off(world: World) -> None:
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        wire.say(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            await wire.saying(b"x-%d: %b\r\n" % (number, b"a" * 500))

    async with scripted_upstream(script) as upstream:
        browser = await world.start(destination={"url": f"http://{upstream.host}:{upstream.port}"})
        answer = await browser.get("/public/x")

    assert answer.status_code == 502


async def test_trailers_and_a_trailer_field_with_a_length_harm_nobody(ask: Ask) -> None:
    answer = await ask(b"HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ncontent-length: 2\r\n\r\nab")

    assert answer is not None
    assert (answer.status_code, answer.text) == (200, "ab")
    assert "trailer" not in answer.headers
