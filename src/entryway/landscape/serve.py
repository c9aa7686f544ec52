"""An ASGI application on one HTTPS port of our own engine, until the process is asked to end."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from entryway.http.admin_port import Readiness
from entryway.http.certificate_files import CertificateFiles
from entryway.http.hosted_asgi import HostedAsgi
from entryway.http.limits import Limits
from entryway.http.server import Server
from entryway.landscape.admin_listener import AdminListener
from entryway.landscape.dispatch import Dispatcher
from entryway.landscape.lifespan import Lifespan, StartupFailed
from entryway.landscape.renewal import Renewal
from entryway.landscape.stopping import on_stop_signal
from entryway.telemetry import get_logger

# Requests that hang must not keep a process alive that was asked to end.
STOP_GRACE_SECONDS = 8.0
HEAD_LIMIT = 64 * 1024
# SAML and OpenID Connect put whole messages into the address.
TARGET_LIMIT = 32 * 1024
LIMITS = Limits(
    header_bytes=HEAD_LIMIT,
    target_bytes=TARGET_LIMIT,
    header_count=200,
    header_timeout=30.0,
    # No service takes more than some megabytes: who takes longer to send them holds a connection for nothing.
    request_timeout=120.0,
    # Clients whose event loop was busy for a while send their next request on a connection that they believe open.
    idle_timeout=125.0,
    # Each port's. What TLS needs of memory for so many is some hundred megabytes.
    connections=2000,
)

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to listen, and the certificate to prove it with."""

    host: str
    port: int
    certificate: Path
    key: Path
    limits: Limits = LIMITS


def usual_tls(endpoint: Endpoint) -> ssl.SSLContext:
    """Return TLS 1.2 at least, as Python has it: Node.js and older clients still come with that."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(endpoint.certificate, endpoint.key)
    return context


async def serve(
    app: Dispatcher,
    endpoint: Endpoint,
    tls: Callable[[Endpoint], ssl.SSLContext] = usual_tls,
    admin: AdminListener | None = None,
    renewal: Renewal | None = None,
) -> None:
    """Answer requests until SIGINT or SIGTERM; raise if a service cannot start."""
    services, asked_to_stop = Lifespan("the services", app), asyncio.Event()
    with on_stop_signal(lambda _: asked_to_stop.set()):
        try:
            await services.start()
        except StartupFailed as error:
            raise app.failure or error from error
        try:
            if admin is not None:
                await admin.open()
            context = tls_of(endpoint, tls)
            async with renewed(endpoint, context, renewal):
                await _answer(app, endpoint, context, asked_to_stop, admin.readiness if admin else Readiness())
        finally:
            if admin is not None:
                await admin.close()
            await services.stop()


def tls_of(endpoint: Endpoint, tls: Callable[[Endpoint], ssl.SSLContext]) -> ssl.SSLContext:
    """Return the context of an endpoint, or raise StartupFailed."""
    try:
        return tls(endpoint)
    except OSError as error:  # ssl.SSLError among them
        raise StartupFailed(f"port {endpoint.port}: {error}") from error


@asynccontextmanager
async def renewed(endpoint: Endpoint, context: ssl.SSLContext, renewal: Renewal | None) -> AsyncIterator[None]:
    """Keep the certificate of a listener good within the block."""
    if renewal is None:
        yield
        return
    files = CertificateFiles(endpoint.certificate, endpoint.key, context)
    keeping = asyncio.create_task(renewal.keep(files))
    try:
        yield
    finally:
        keeping.cancel()


async def _answer(
    app: Dispatcher,
    endpoint: Endpoint,
    context: ssl.SSLContext,
    asked_to_stop: asyncio.Event,
    readiness: Readiness,
) -> None:
    server = Server(HostedAsgi(app, (endpoint.host, endpoint.port)), endpoint.limits)
    try:
        await server.listen(endpoint.host, endpoint.port, ssl=context)
    except OSError as error:
        raise StartupFailed(f"port {endpoint.port}: {error}") from error
    # What is here now stays: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    readiness.ready = True
    await asked_to_stop.wait()
    readiness.ready = False
    await server.close(STOP_GRACE_SECONDS)
