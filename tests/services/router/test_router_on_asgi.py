"""The router as an ASGI application on Granian behaves as on our own engine: the same stories, told again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# The tests of these modules are collected here once more, with a world that serves them another way.
from test_router_built_in import *  # noqa: F403
from test_router_files import *  # noqa: F403
from test_router_hooks import *  # noqa: F403
from test_router_login_flow import *  # noqa: F403
from test_router_requests import *  # noqa: F403

if TYPE_CHECKING:
    from conftest import World


@pytest.fixture
def world(world: World) -> World:
    world.on_granian = True
    return world


async def test_before_login_guards_web_sockets_too(world: World) -> None:
    """They are not served here at all, and say so."""
    browser = await world.start(websockets={"enabled": True})
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = await browser.get("/public/x", sec_websocket_version="13", **upgrade)
    assert (answer.status_code, answer.headers["entryway-error"]) == (501, "websocket_unsupported")
    assert world.backend.requests == []
