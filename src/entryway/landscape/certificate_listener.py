"""The listener at which clients of one service show a TLS certificate: on our own engine, in the service's process.

The service learns of the certificate by ASGI's TLS extension, which no client can write into.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from entryway.http.asking_tls import AskingContext
from entryway.http.certificate_files import CertificateFiles
from entryway.http.hosted_asgi import HostedAsgi
from entryway.http.server import Server
from entryway.landscape.lifespan import AsgiApp, StartupFailed
from entryway.landscape.serve import STOP_GRACE_SECONDS, Endpoint
from entryway.telemetry import get_logger

log = get_logger(__name__)


def asking_tls(endpoint: Endpoint) -> AskingContext:
    """Return TLS that asks for a certificate and shows the endpoint's own, whatever name it is asked for."""
    return AskingContext(endpoint.certificate, endpoint.key)


class CertificateListener:
    """A door to `app`, which somebody else starts and stops."""

    def __init__(self, app: AsgiApp, endpoint: Endpoint, tls: Callable[[Endpoint], AskingContext] = asking_tls) -> None:
        self._app = app
        self._endpoint = endpoint
        self._tls = tls
        self._server: Server | None = None
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen, or raise StartupFailed."""
        at = self._endpoint
        self._server = Server(HostedAsgi(self._app, (at.host, at.port)), at.limits)
        try:
            context = self._tls(at)
            await self._server.listen(at.host, at.port, ssl=context)
        except OSError as error:
            raise StartupFailed(f"the listener for client certificates on port {at.port}: {error}") from error
        self._watching = asyncio.create_task(CertificateFiles(at.certificate, at.key, context).watch())
        log.info("certificates_accepted", port=at.port)

    async def close(self) -> None:
        """Answer what has been asked, and stop."""
        if self._watching is not None:
            self._watching.cancel()
        if self._server is not None:
            await self._server.close(STOP_GRACE_SECONDS / 2)
