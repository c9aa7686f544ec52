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
from test_router_websockets import *  # noqa: F403

if TYPE_CHECKING:
    from router_world import World


@pytest.fixture
def world(world: World) -> World:
    world.on_granian = True
    return world
