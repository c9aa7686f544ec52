"""The router as an ASGI application on Granian behaves as on our own engine: the same stories, told again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

# The tests of these modules are collected here once more, with a world that serves them another way.
from test_router_built_in import *  # noqa: F403
from test_router_files import *  # noqa: F403
from test_router_hooks import *  # noqa: F403
from test_router_login_flow import *  # noqa: F403
from test_router_requests import *  # noqa: F403
from test_router_websockets import *  # noqa: F403
from websockets import ConnectionClosedError
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from entryway.http.websocket_messages import LARGEST_MESSAGE

if TYPE_CHECKING:
    from router_world import World


async def test_a_request_without_host_is_refused(world: World) -> None:
    await world.start()
    for head in (b"GET /public/x HTTP/1.1\r\n", b"GET /public/x HTTP/1.1\r\nhost: a b\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(head + b"connection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        writer.close()
        await writer.wait_closed()
    assert world.backend.requests == []


async def test_a_connection_says_whether_it_stays(world: World) -> None:
    browser = await world.start()
    assert (await browser.get("/public/x")).headers["connection"] == "keep-alive"
    assert (await browser.get("/public/x", connection="close")).headers["connection"] == "close"


async def test_a_message_that_is_too_long_to_hold_ends_the_socket(world: World) -> None:
    async def speak(socket: ServerConnection) -> None:
        await socket.send(b"x" * (LARGEST_MESSAGE + 1))
        await socket.wait_closed()

    async with serve(speak, "127.0.0.1", 0, compression=None) as backend:
        url = f"ws://127.0.0.1:{backend.sockets[0].getsockname()[1]}"
        await world.start(websockets={"enabled": True}, destination={"url": url})
        address = world.origin.replace("http:", "ws:") + "/public/x"
        async with connect(address, origin=world.origin, proxy=None) as socket:
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
            assert socket.close_code == 1011


@pytest.fixture
def world(world: World) -> World:
    world.served_by = "granian"
    return world
