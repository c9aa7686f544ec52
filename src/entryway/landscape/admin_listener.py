"""The admin port of the control plane and of the identity provider: plain HTTP, apart from what everybody reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.applications import Starlette

from entryway.config.environment_reader import Reader
from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.operation import ADMIN_HOST, ADMIN_PORT, LOOPBACK, read_admin_port
from entryway.http.admin_port import AdminPort, Readiness
from entryway.http.server import Server
from entryway.landscape.lifespan import AsgiApp, StartupFailed
from entryway.landscape.ports import WantedPort
from entryway.telemetry import get_logger
from entryway.telemetry.service_meters import ServiceMeters
from entryway.web.measuring import measured

log = get_logger(__name__)


@dataclass(slots=True)
class AdminListener:
    """Tells about the services whose meters it has made."""

    host: str
    port: int
    readiness: Readiness = field(default_factory=Readiness)
    _meters: list[ServiceMeters] = field(default_factory=list)
    _server: Server | None = None

    def meters(self, service: str) -> ServiceMeters:
        """Return what a service counts in."""
        made = ServiceMeters(service)
        self._meters.append(made)
        return made

    @property
    def wanted(self) -> WantedPort:
        """The port that must be free."""
        return WantedPort("the admin port", self.port, f"--admin-port or {ADMIN_PORT}", self.host)

    async def open(self) -> None:
        """Listen, or raise StartupFailed."""
        # Prometheus is two megabytes that services without this port do without.
        from entryway.landscape.exposition import CONTENT_TYPE, exposition  # noqa: PLC0415

        answers = AdminPort(self.readiness, CONTENT_TYPE, exposition(self._meters, self.readiness))
        self._server = Server(answers)
        try:
            await self._server.listen(self.host, self.port)
        except OSError as error:
            raise StartupFailed(f"the admin port {self.port}: {error}") from error
        log.info("admin_port_open", host=self.host, port=self.port)

    async def close(self) -> None:
        """Stop at once."""
        if self._server is not None:
            await self._server.close(0)


def read_admin_listener(environ: Mapping[str, str], given: int | None) -> AdminListener | None:
    """Return the listener that the option or the environment asks for."""
    read = Reader(environ)
    port = read_admin_port(read) if given is None else given
    if read.mistakes:
        raise ConfigurationMistakes(read.mistakes)
    return None if port is None else AdminListener(environ.get(ADMIN_HOST, "").strip() or LOOPBACK, port)


def counted(app: Starlette, meters: ServiceMeters | None) -> AsgiApp:
    """Return a service with its requests counted, where anything is counted."""
    return app if meters is None else measured(app, meters)
