"""What stands between clients and the router in a process of its own: our engine, or Granian (which HTTP/2 needs).

On our engine the router may be an ASGI application, too: it behaves as it does natively, and middleware goes around it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import TYPE_CHECKING, Protocol

from entryway.config.operation import ASGI, GRANIAN, Certificate, Operation
from entryway.http import Server
from entryway.http.asgi_request import Receive, Scope, Send
from entryway.router.application import Application
from entryway.router.asgi import Serving
from entryway.router.rendering import renderer
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from granian.server.embed import Server as Granian

    from entryway.http.hosted_asgi import AsgiApp

    Around = Callable[[AsgiApp], AsgiApp]

log = get_logger("router")

HEAD_BYTES = 16 * 1024
START_SECONDS = 10.0
IDLE_SECONDS = 0.5
"""A proxy in front may be sending a request on a connection that is idle here; it learns from the answer to stop."""


class Front(Protocol):
    """A listener that hands requests to an application."""

    @property
    def connections(self) -> int | None:
        """How many connections of clients are open, if that is known."""

    async def listen(self, host: str, port: int, certificate: Certificate | None) -> None:
        """Begin to accept; raise OSError if that cannot be."""

    async def install(self, application: Application) -> None:
        """Hand new requests to another application; return when the former one has answered its own."""

    async def close(self, grace_seconds: float) -> None:
        """Stop accepting, let requests end, cut off what is left."""


class EngineFront:
    """Our own engine: HTTP/1.1, web sockets, every limit and time-out."""

    def __init__(self, application: Application, *, share_port: bool = False) -> None:
        self._share_port = share_port
        self._server = Server(application.router, application.limits, on_error=renderer(application))

    @property
    def connections(self) -> int | None:
        return self._server.connections

    async def listen(self, host: str, port: int, certificate: Certificate | None) -> None:
        context = None if certificate is None else server_context(certificate)
        await self._server.listen(host, port, ssl=context, reuse_port=self._share_port)

    async def install(self, application: Application) -> None:
        await self._server.replace(application.router, application.limits, renderer(application))

    async def close(self, grace_seconds: float) -> None:
        await self._server.close(grace_seconds, idle_seconds=IDLE_SECONDS)


class AsgiFront:
    """Our own engine as a server of ASGI applications, with what is wrapped around the router's."""

    def __init__(self, application: Application, around: Around | None = None, *, share_port: bool = False) -> None:
        self._share_port = share_port
        # A router that is no ASGI application need not hold what web sockets take there.
        from entryway.http.asgi_host import AsgiHost  # noqa: PLC0415

        self._serving = Serving(application, keeps_time=False)
        self._host = AsgiHost(self if around is None else around(self))
        self._server = Server(self._host, application.limits, on_error=renderer(application))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serving.serve(scope, receive, send)

    @property
    def connections(self) -> int | None:
        return self._server.connections

    async def listen(self, host: str, port: int, certificate: Certificate | None) -> None:
        context = None if certificate is None else server_context(certificate)
        self._host.server = await self._server.listen(host, port, ssl=context, reuse_port=self._share_port)

    async def install(self, application: Application) -> None:
        former, self._serving = self._serving, Serving(application, keeps_time=False)
        await self._server.replace(self._host, application.limits, renderer(application))
        await former.finished()

    async def close(self, grace_seconds: float) -> None:
        await self._server.close(grace_seconds, idle_seconds=IDLE_SECONDS)
        await self._host.close()


class GranianFront:
    """Granian: HTTP/1.1 and, if it is wanted, HTTP/2 on the same port, with prior knowledge or by TLS."""

    def __init__(self, application: Application, around: Around | None = None, *, http2: bool = False) -> None:
        self._serving = Serving(application)
        self._app = self if around is None else around(self)
        self._idle_seconds = application.limits.idle_timeout
        self._http2 = http2
        self._server: Granian | None = None
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serving.serve(scope, receive, send)

    @property
    def connections(self) -> int | None:
        return None

    async def listen(self, host: str, port: int, certificate: Certificate | None) -> None:
        # A router that does without Granian need not hold it in memory.
        from granian.constants import HTTPModes, Interfaces, SSLProtocols  # noqa: PLC0415
        from granian.http import HTTP1Settings, HTTP2Settings  # noqa: PLC0415
        from granian.server.embed import Server as Granian  # noqa: PLC0415

        check_free(host, port)
        self._server = Granian(
            self._app,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto if self._http2 else HTTPModes.http1,
            ssl_cert=None if certificate is None else certificate.chain,
            ssl_key=None if certificate is None else certificate.key,
            ssl_protocol_min=SSLProtocols.tls12,
            # Granian has one time-out for heads and for the time between two requests. The longer one counts: whoever
            # keeps a connection to us must not find it closed while a request is on its way.
            http1_settings=HTTP1Settings(
                header_read_timeout=int(self._idle_seconds * 1000), max_buffer_size=HEAD_BYTES
            ),
            http2_settings=HTTP2Settings(max_headers_size=HEAD_BYTES),
            log_enabled=False,
        )
        self._task = asyncio.get_running_loop().create_task(self._server.serve())
        await self._accepting(host, port, self._task)

    async def install(self, application: Application) -> None:
        former, self._serving = self._serving, Serving(application)
        await former.finished()

    async def close(self, grace_seconds: float) -> None:
        if self._server is None or self._task is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        _, late = await asyncio.wait({self._task}, timeout=grace_seconds)
        if late:
            log.warning("requests_abandoned", after_seconds=grace_seconds)
            self._task.cancel()
            await asyncio.wait({self._task})

    @staticmethod
    async def _accepting(host: str, port: int, task: asyncio.Task[None]) -> None:
        asked = "127.0.0.1" if host == "0.0.0.0" else host
        async with asyncio.timeout(START_SECONDS):
            while not task.done():
                try:
                    _, writer = await asyncio.open_connection(asked, port)
                except OSError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    return
        raise OSError(errno.EADDRNOTAVAIL, "the server ended at once")


def new_front(
    application: Application, operation: Operation, around: Around | None = None, *, share_port: bool = False
) -> Front:
    """Return what the settings ask for; where something is wrapped around the router, ASGI is what they meet in."""
    if operation.server == GRANIAN:
        return GranianFront(application, around, http2=operation.http2)
    if operation.server == ASGI or around is not None:
        return AsgiFront(application, around, share_port=share_port)
    return EngineFront(application, share_port=share_port)


def check_free(host: str, port: int) -> None:
    """Raise OSError if nobody could listen there: Granian would share the port with whoever is there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return how to prove to clients who we are."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate.chain, certificate.key)
    return context
