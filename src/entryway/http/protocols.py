"""Connections as asyncio wants them: an `asyncio.Protocol` in all but name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from entryway.http.messages import Peer

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection
    from entryway.http.upstream import UpstreamConnection


def as_protocol(connection: ServerConnection | UpstreamConnection) -> asyncio.Protocol:
    """Return the connection: it has every method, but a class that is compiled cannot inherit from one that is not."""
    return cast("asyncio.Protocol", connection)


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return who is at the other end of a connection."""
    address = transport.get_extra_info("peername")
    host, port = (address[0], address[1]) if isinstance(address, tuple) else ("", 0)
    tls = transport.get_extra_info("ssl_object")
    return Peer(host, port, tls.getpeercert(binary_form=True) if tls is not None else None)
