"""INCOMING_REQUEST_TIMEOUT and INCOMING_CONNECTION_TIMEOUT: on time, and only for those whom they concern."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from router_neighbours import until

from entryway.http import Body, Headers, Request, Response, Server

if TYPE_CHECKING:
    from router_world import World


async def exchange(world: World, *pieces: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """Send the pieces, and return everything that comes back with the time until the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    began = time.monotonic()

    async def send() -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(10):
            received = await reader.read()
    except ConnectionResetError:
        received = b""
    sending.cancel()
    writer.close()
    return received, time.monotonic() - began


async def test_a_body_that_drips_is_refused_when_the_time_is_over(world: World):
    await world.start(env={"INCOMING_REQUEST_TIMEOUT": "800"})
    head = b"POST /public/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"
    received, seconds = await exchange(world, head, *[b"x"] * 60, pause=0.1)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.7 < seconds < 2


async def test_a_head_that_drips_is_refused_too(world: World):
    await world.start(env={"INCOMING_REQUEST_TIMEOUT": "800"})
    received, seconds = await exchange(world, b"GET /public/x HTTP/1.1\r\n", *[b"x: y\r\n"] * 60, pause=0.1)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 0.7 < seconds < 2


async def test_the_time_of_a_dripping_head_counts_for_the_body(world: World):
    await world.start(env={"INCOMING_REQUEST_TIMEOUT": "1500"})
    head = b"POST /public/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n"
    received, seconds = await exchange(world, head, *[b"x: y\r\n"] * 10, b"\r\n", *[b"x"] * 60, pause=0.1)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert 1.3 < seconds < 2.3


async def test_a_connection_on_which_nothing_moves_is_closed_while_the_backend_is_awaited(world: World):
    asked = asyncio.Event()
    cancelled = asyncio.Event()

    async def slow(_: Request) -> Response:
        asked.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Response(200)

    backend = Server(slow)
    host, port = await backend.listen("127.0.0.1", 0)
    world.stack.push_async_callback(backend.close, 0)
    await world.start(env={"INCOMING_CONNECTION_TIMEOUT": "700"}, destination={"url": f"http://{host}:{port}"})
    received, seconds = await exchange(world, b"GET /public/x HTTP/1.1\r\nHost: h\r\n\r\n")
    assert received == b""
    assert 0.6 < seconds < 2
    assert asked.is_set()
    await until(cancelled.is_set)


async def test_an_answer_that_keeps_coming_is_not_cut_off(world: World):
    async def steady(_: Request) -> Response:
        class Source:
            def wanted(self) -> None: ...
            def pause_reading(self) -> None: ...
            def resume_reading(self) -> None: ...
            def abandon(self) -> None: ...

        body = Body(None, Source())

        async def feed() -> None:
            for _ in range(8):
                await asyncio.sleep(0.25)
                body.feed(b"x")
            body.end()

        feeding.append(asyncio.create_task(feed()))
        return Response(200, Headers(), body)

    feeding: list[asyncio.Task[None]] = []
    backend = Server(steady)
    host, port = await backend.listen("127.0.0.1", 0)
    world.stack.push_async_callback(backend.close, 0)
    browser = await world.start(
        env={"INCOMING_CONNECTION_TIMEOUT": "700"}, destination={"url": f"http://{host}:{port}"}
    )
    assert (await browser.get("/public/x")).text == "x" * 8
