"""Reads a router's configuration and writes a proxy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from entryway.clients.tls import unverified_context
from entryway.config.js_regex_dialects import pcre, re2
from entryway.router.configuration import read_configuration
from entryway.router.export.envoy import write_envoy
from entryway.router.export.nginx import write_nginx
from entryway.router.export.plan import Plan, Write, plan
from entryway.router.origins import TlsContexts

DEFAULT_DECISION_PORT = 5001
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"

Proxy = Literal["nginx", "envoy"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where somebody listens."""

    host: str
    port: int

    @property
    def pair(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Instances = tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the proxy listens, and where it finds each instance of the router.

    None stands for what the configuration says.
    """

    listen: Address
    routers: Instances = ()
    decisions: Instances = ()
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A proxy's configuration, and what its reader should know."""

    text: str
    plan: Plan


def export(proxy: Proxy, workdir: Path, environ: Mapping[str, str], places: Places) -> Exported:
    """Return the proxy's configuration for the application in a folder; raise ConfigurationMistakes."""
    configuration = read_configuration(workdir, environ)
    expressions, write = _PROXIES[proxy]
    # Nobody is dialled here; the kind of connection is all that counts.
    context = unverified_context()
    planned = plan(configuration, expressions, TlsContexts(context, context))
    routers = places.routers or (Address("127.0.0.1", configuration.environment.port),)
    port = configuration.environment.decision_port or DEFAULT_DECISION_PORT
    decisions = places.decisions or (Address("127.0.0.1", port),)
    ca_file = places.ca_file or environ.get("SSL_CERT_FILE") or SYSTEM_AUTHORITIES
    return Exported(write(planned, places.listen, routers, decisions, ca_file), planned)


def _nginx(planned: Plan, listen: Address, routers: Instances, decisions: Instances, ca_file: str) -> str:
    return write_nginx(
        planned,
        listen=str(listen),
        routers=[str(address) for address in routers],
        decisions=[str(address) for address in decisions],
        ca_file=ca_file,
    )


def _envoy(planned: Plan, listen: Address, routers: Instances, decisions: Instances, ca_file: str) -> str:
    return write_envoy(
        planned,
        listen=listen.pair,
        routers=[address.pair for address in routers],
        decisions=[address.pair for address in decisions],
        ca_file=ca_file,
    )


_PROXIES: dict[Proxy, tuple[Write, Callable[[Plan, Address, Instances, Instances, str], str]]] = {
    "nginx": (pcre, _nginx),
    "envoy": (re2, _envoy),
}
