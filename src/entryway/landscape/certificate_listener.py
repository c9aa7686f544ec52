"""The listener at which clients of one service show a TLS certificate: on our own engine, in the service's process.

The service learns of the certificate by ASGI's TLS extension, which no client can write into.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from cryptography import x509

from entryway.http.asking_tls import AskingContext
from entryway.http.hosted_asgi import HostedAsgi
from entryway.http.limits import Limits
from entryway.http.server import Server
from entryway.landscape.lifespan import AsgiApp, Lifespan, StartupFailed
from entryway.landscape.serve import HEAD_LIMIT, STOP_GRACE_SECONDS, Endpoint
from entryway.landscape.stopping import on_stop_signal
from entryway.telemetry import get_logger

log = get_logger(__name__)


async def serve_with_certificates(app: AsgiApp, endpoint: Endpoint, issuers: Sequence[x509.Certificate] = ()) -> None:
    """Answer requests of clients that may show certificates until SIGINT or SIGTERM; raise if `app` cannot start.

    `issuers` are whose certificates clients are told to be asked for.
    """
    asked_to_stop = asyncio.Event()
    with on_stop_signal(lambda _: asked_to_stop.set()):
        async with serving_certificates(app, endpoint, issuers):
            await asked_to_stop.wait()


@asynccontextmanager
async def serving_certificates(
    app: AsgiApp, endpoint: Endpoint, issuers: Sequence[x509.Certificate] = ()
) -> AsyncIterator[None]:
    """Run an application and its only listener."""
    lifespan, listener = Lifespan("the application", app), CertificateListener(app, endpoint, issuers)
    await lifespan.start()
    try:
        await listener.open()
        yield
    finally:
        await listener.close()
        await lifespan.stop()


class CertificateListener:
    """A door to `app`, which somebody else starts and stops."""

    def __init__(self, app: AsgiApp, endpoint: Endpoint, issuers: Sequence[x509.Certificate] = ()) -> None:
        self._app = app
        self._endpoint = endpoint
        self._issuers = issuers
        self._server: Server | None = None

    async def open(self) -> None:
        """Listen, or raise StartupFailed."""
        at = self._endpoint
        self._server = Server(HostedAsgi(self._app, (at.host, at.port)), Limits(header_bytes=HEAD_LIMIT))
        try:
            await self._server.listen(at.host, at.port, ssl=AskingContext(at.certificate, at.key, self._issuers))
        except OSError as error:
            raise StartupFailed(f"the listener for client certificates on port {at.port}: {error}") from error
        log.info("certificates_accepted", port=at.port)

    async def close(self) -> None:
        """Answer what has been asked, and stop."""
        if self._server is not None:
            await self._server.close(STOP_GRACE_SECONDS / 2)
