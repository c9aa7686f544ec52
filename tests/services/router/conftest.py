"""What every test of the router starts with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from router_world import World, surroundings


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with surroundings(tmp_path) as world:
        yield world
