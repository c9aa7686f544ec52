"""Granian in front keeps the router's time-outs of clients: for what it does not know, the application does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from entryway.testing.upstream import dial, scripted_upstream

if TYPE_CHECKING:
    from router_world import World

    from entryway.testing.upstream import Wire


@pytest.fixture
def world(world: World) -> World:
    world.served_by = "granian"
    return world


async def test_a_body_that_drips_is_refused_when_the_time_is_over(world: World) -> None:
    await world.start(env={"INCOMING_REQUEST_TIMEOUT": "800"})
    head = b"POST /public/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    began = time.monotonic()

    async def drip() -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.1)

    # Not until the connection's end: when Granian closes one whose body is incomplete is Granian's.
    async with asyncio.timeout(10):
        dripping = asyncio.create_task(drip())
        received = await reader.readuntil(b"\r\n\r\n")
    seconds = time.monotonic() - began
    dripping.cancel()
    writer.close()
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"entryway-error: request_timeout\r\n" in received
    assert b"connection: close\r\n" in received
    assert 0.7 < seconds < 3


async def test_a_client_is_answered_when_nothing_moves_and_the_backend_is_let_go(world: World) -> None:
    async def silent(wire: Wire) -> None:
        await wire.hear_head()
        await wire.closed(10)

    async with scripted_upstream(silent) as backend:
        destination = {"url": f"http://127.0.0.1:{backend.origin.port}"}
        await world.start(env={"INCOMING_CONNECTION_TIMEOUT": "700"}, destination=destination)
        wire = await dial("127.0.0.1", world.port)
        began = time.monotonic()
        await wire.saying(b"GET /public/x HTTP/1.1\r\nHost: h\r\n\r\n")
        head = await wire.hear_head()
        await wire.close()
    assert head.startswith(b"HTTP/1.1 504 ")
    assert b"entryway-error: answer_timeout\r\n" in head
    assert 0.6 < time.monotonic() - began < 3


async def test_a_connection_without_requests_is_kept_as_long_as_is_said(world: World) -> None:
    await world.start(env={"SERVER_KEEP_ALIVE": "900"})
    wire = await dial("127.0.0.1", world.port)
    began = time.monotonic()
    await wire.saying(b"GET /public/x HTTP/1.1\r\nHost: h\r\n\r\n")
    await wire.hear_all()
    assert 0.8 < time.monotonic() - began < 3
    await wire.close()
