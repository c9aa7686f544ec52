"""The router as an ASGI application on our own engine behaves as natively, also in what other servers decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from router_world import surroundings

# The tests of these modules are collected here once more, with a world that serves them another way.
from test_router_incoming_timeouts import (  # noqa: F401
    test_a_connection_on_which_nothing_moves_is_closed_while_the_backend_is_awaited,
)
from test_router_requests import *  # noqa: F403
from test_router_websockets import *  # noqa: F403
from websockets import InvalidStatus
from websockets.asyncio.client import connect

from entryway.testing.upstream import dial

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from router_world import World


@pytest.fixture
def world(world: World) -> World:
    world.served_by = "asgi"
    return world


async def test_middleware_goes_around_the_router(world: World) -> None:
    seen = []

    def around(app):
        async def middleware(scope, receive, send) -> None:
            seen.append((scope["type"], scope["path"]))

            async def tell(event) -> None:
                if event["type"] == "http.response.start":
                    event["headers"] = [*event["headers"], (b"x-around", b"yes")]
                await send(event)

            await app(scope, receive, tell)

        return middleware

    world.around = around
    browser = await world.start(websockets={"enabled": True})
    assert (await browser.get("/public/x")).headers["x-around"] == "yes"
    with pytest.raises(InvalidStatus):
        await connect(f"ws://127.0.0.1:{world.port}/public/y", proxy=None)
    assert seen == [("http", "/public/x"), ("websocket", "/public/y")]


HEADS = {
    "a path": b"GET /public/x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    "HEAD": b"HEAD /public/x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    "an old client": b"GET /public/x HTTP/1.0\r\n\r\n",
    "whole address": b"GET http://h/public/x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    "CONNECT": b"CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\n\r\n",
    "no host": b"GET /public/x HTTP/1.1\r\n\r\n",
    "two lengths": b"POST /public/x HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    "many headers": b"GET /public/x HTTP/1.1\r\nhost: h\r\n%bconnection: close\r\n\r\n" % (b"x: y\r\n" * 150),
    "large head": b"GET /public/x HTTP/1.1\r\nhost: h\r\nx: %b\r\n\r\n" % (b"y" * 20_000),
    "another upgrade": b"GET /public/x HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "a web socket of nobody": b"GET /public/x HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "half a handshake": b"GET /public/x HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "garbage": b"\x16\x03\x01\r\n\r\n",
    "dots": b"GET /%2e%2e/x HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    "nothing": b"GET /nothing HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
}


async def said(world: World, head: bytes) -> list[bytes]:
    """Return the lines of an answer, without what differs from one request to the next."""
    wire = await dial("127.0.0.1", world.port)
    await wire.saying(head)
    heard = await wire.hear_all()
    await wire.close()
    return [line for line in heard.split(b"\r\n") if not line.startswith((b"date:", b"x-request-id:"))]


@pytest.fixture
async def natively(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "natively").mkdir()
    async with surroundings(tmp_path / "natively") as world:
        yield world


async def test_every_byte_of_an_answer_is_what_it_is_natively(world: World, natively: World) -> None:
    for served in (world, natively):
        await served.start()
    answers = {name: (await said(world, head), await said(natively, head)) for name, head in HEADS.items()}
    assert {name: ours for name, (ours, _) in answers.items()} == {name: own for name, (_, own) in answers.items()}
