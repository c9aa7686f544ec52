"""Connections as asyncio wants them: an `asyncio.Protocol` in all but name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection
    from entryway.http.upstream import UpstreamConnection


def as_protocol(connection: ServerConnection | UpstreamConnection) -> asyncio.Protocol:
    """Return the connection: it has every method, but a class that is compiled cannot inherit from one that is not."""
    return cast("asyncio.Protocol", connection)
