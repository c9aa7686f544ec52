"""The data plane's process: settings in, and it runs until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop

from entryway.clients.http import new_http
from entryway.clients.tls import outgoing_context
from entryway.connectivity.admission import Admission
from entryway.connectivity.callers import Callers
from entryway.connectivity.gateway import Gateway, GatewayLimits
from entryway.connectivity.proxy import Proxy, render
from entryway.connectivity.settings import DataPlaneSettings
from entryway.connectivity.status import Status
from entryway.connectivity.tunnels import Tunnels
from entryway.errors import ConfigurationError
from entryway.http import Client, ErrorRenderer, Handler, Limits, PoolLimits, Server
from entryway.http.admin_port import Readiness
from entryway.http.certificate_files import CertificateFiles
from entryway.telemetry import get_logger
from entryway.tunnel.admin import listening
from entryway.tunnel.contexts import KeyPair, gateway_context
from entryway.tunnel.meters import Gauges, TunnelMeters
from entryway.tunnel.respond import PROXY
from entryway.tunnel.sockets import affordable_connections, allow_many_connections

log = get_logger("connectivity")

# Lines of a request may have 8,192 bytes each; a router's headers with two tokens need the room of several.
PROXY_LIMITS = Limits(target_bytes=8192, header_bytes=64 * 1024, header_count=200)
IDLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the data plane listens, when ports were left to the system."""

    proxy: int
    gateway: int
    admin: int | None = None


def run(settings: DataPlaneSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    allow_many_connections()
    uvloop.run(_until_told(settings))


@asynccontextmanager
async def running(settings: DataPlaneSettings) -> AsyncIterator[Ports]:
    """Serve within the block."""
    tls = outgoing_context(os.environ, ca_files=[settings.ca_file])
    readiness, meters = Readiness(), TunnelMeters(PROXY)
    tunnels = Tunnels(on_removed=meters.disconnected)
    client = Client(
        PoolLimits(connections_per_origin=settings.demand.maximum, idle_seconds=IDLE_SECONDS, header_count=300)
    )
    proxy = Proxy(
        Callers(settings.uaa_url, tls), tunnels, client, settings.timeouts, Status(tunnels, settings.uaa_url, tls)
    )
    limits = GatewayLimits(settings.demand, settings.ping_seconds, settings.open_seconds)
    context = gateway_context(
        KeyPair(_read(settings.certificate_file), _read(settings.key_file)), _read(settings.tunnel_ca_file)
    )
    admission = Admission(new_http(tls), settings.pairing_url)
    files = CertificateFiles(settings.certificate_file, settings.key_file, context)
    handler: Handler = proxy.handle
    renderer: ErrorRenderer = render
    if settings.admin is not None:
        handler, renderer = meters.counting(handler), meters.rendering(renderer)
    server = Server(handler, replace(PROXY_LIMITS, connections=affordable_connections()), on_error=renderer)
    async with (
        listening(settings.admin, readiness, meters, partial(_gauges, tunnels)) as admin_port,
        admission.http,
        Gateway(tunnels, context, limits, lambda: datetime.now(UTC), admission) as gateway,
    ):
        try:
            await admission.ask()
            with _naming("gateway_port", settings.gateway_port):
                gateway_port = await gateway.listen(settings.gateway_host, settings.gateway_port)
            with _naming("proxy_port", settings.proxy_port):
                _, proxy_port = await server.listen(settings.proxy_host, settings.proxy_port)
            log.info("connectivity_ready", proxy_port=proxy_port, gateway_port=gateway_port)
            watching = [asyncio.create_task(files.watch()), asyncio.create_task(admission.watch())]
            readiness.ready = True
            try:
                yield Ports(proxy_port, gateway_port, admin_port)
            finally:
                readiness.ready = False
                for each in watching:
                    each.cancel()
        finally:
            await server.close(settings.grace_seconds)
            await client.close()


def _gauges(tunnels: Tunnels) -> Gauges:
    open_now = tunnels.by_id.values()
    return {
        "tunnels": ("Connectors that are connected", len(open_now)),
        "tunnel_connections": ("Connections of theirs, idle and busy", sum(each.connections for each in open_now)),
    }


async def _until_told(settings: DataPlaneSettings) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told.set)
    async with running(settings):
        await told.wait()


@contextmanager
def _naming(setting: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"port {port} ({setting}) cannot be listened on: {error.strerror}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
