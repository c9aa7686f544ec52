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


@pytest.fixture
def world(world: World) -> World:
    world.on_granian = True
    return world
