"""The admin port of either end of the tunnel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from entryway.config.environment_reader import Reader
from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.operation import ADMIN_HOST, LOOPBACK, read_admin_port
from entryway.errors import ConfigurationError
from entryway.http import Server
from entryway.http.admin_port import AdminPort, Readiness
from entryway.telemetry import get_logger
from entryway.tunnel.meters import Gauges, TunnelMeters

log = get_logger("tunnel.admin")


@dataclass(frozen=True, slots=True)
class AdminAddress:
    """Where the admin port listens; 0 leaves the port to the system."""

    host: str = LOOPBACK
    port: int = 0


def read_admin_address(environ: Mapping[str, str], given: int | None) -> AdminAddress | None:
    """Return the address that the option or the environment asks for."""
    read = Reader(environ)
    port = read_admin_port(read) if given is None else given
    if read.mistakes:
        raise ConfigurationMistakes(read.mistakes)
    return None if port is None else AdminAddress(environ.get(ADMIN_HOST, "").strip() or LOOPBACK, port)


@asynccontextmanager
async def listening(
    address: AdminAddress | None, readiness: Readiness, meters: TunnelMeters, gauges: Callable[[], Gauges]
) -> AsyncIterator[int | None]:
    """Answer on the admin port within the block, which is told the port; without an address there is none."""
    if address is None:
        yield None
        return
    # Prometheus is two megabytes that a process without this port does without.
    from entryway.tunnel.exposition import CONTENT_TYPE, exposition  # noqa: PLC0415

    def all_gauges() -> Gauges:
        return {"ready": ("Whether requests are wanted", float(readiness.ready)), **gauges()}

    server = Server(AdminPort(readiness, CONTENT_TYPE, exposition(meters, all_gauges)))
    try:
        host, port = await server.listen(address.host, address.port)
    except OSError as error:
        raise ConfigurationError(f"the admin port {address.port} cannot be listened on: {error.strerror}") from error
    log.info("admin_port_open", host=host, port=port)
    try:
        yield port
    finally:
        await server.close(0)
