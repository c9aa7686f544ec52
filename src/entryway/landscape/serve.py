"""An ASGI application on one HTTPS port, until the process is asked to end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from granian.constants import Interfaces, SSLProtocols
from granian.errors import FatalError
from granian.http import HTTP1Settings
from granian.server.embed import Server

from entryway.errors import EntrywayError
from entryway.landscape.dispatch import Dispatcher
from entryway.landscape.stopping import on_stop_signal
from entryway.telemetry import get_logger

# Requests that hang must not keep a process alive that was asked to end.
STOP_GRACE_SECONDS = 8.0
HEAD_LIMIT = 64 * 1024

log = get_logger(__name__)


class ServerStopped(EntrywayError):
    """The server ended although nobody asked for it."""

    code = "server_stopped"
    title = "The server stopped by itself"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen, and the certificate to prove it with."""

    host: str
    port: int
    certificate: Path
    key: Path


async def serve(app: Dispatcher, endpoint: Endpoint) -> None:
    """Answer requests until SIGINT or SIGTERM; raise if a service cannot start."""
    server = Server(
        app,
        address=endpoint.host,
        port=endpoint.port,
        interface=Interfaces.ASGI,
        ssl_cert=endpoint.certificate,
        ssl_key=endpoint.key,
        # Node.js and older clients still come with TLS 1.2.
        ssl_protocol_min=SSLProtocols.tls12,
        http1_settings=HTTP1Settings(header_read_timeout=30_000, max_buffer_size=HEAD_LIMIT),
        # Its records take the way of all others; what it says besides is said by our own events.
        log_enabled=False,
        websockets=False,
    )
    asked_to_stop = asyncio.Event()

    def stop(_signal: object) -> None:
        asked_to_stop.set()
        server.stop()  # type: ignore[no-untyped-call]

    with on_stop_signal(stop):
        serving = asyncio.ensure_future(server.serve())
        stopping = asyncio.ensure_future(asked_to_stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if asked_to_stop.is_set():
            await _ended(serving)
            return
    try:
        await serving
    except FatalError as error:
        raise app.failure or ServerStopped(str(error)) from error
    raise app.failure or ServerStopped


async def _ended(serving: asyncio.Future[None]) -> None:
    _, pending = await asyncio.wait({serving}, timeout=STOP_GRACE_SECONDS)
    if pending:
        log.warning("requests_abandoned", after_seconds=STOP_GRACE_SECONDS)
        serving.cancel()
        await asyncio.wait({serving})
