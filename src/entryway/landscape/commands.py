"""Which processes a landscape is made of, and how each is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from entryway.clients.outgoing_addresses import VARIABLE as OUTGOING_NETWORKS
from entryway.config.descriptor import Module
from entryway.config.landscape_file import SystemDocument
from entryway.config.operation import ADMIN_PORT
from entryway.landscape.environment import inherited, trusting
from entryway.landscape.parts import log_file
from entryway.landscape.plan import Plan
from entryway.landscape.process import Command
from entryway.landscape.state import StateFolder

SERVICES, CONNECTIVITY, CONNECTOR = "services", "connectivity", "connector"
IDENTITY_PROVIDER = "identity-provider"
OWN_PARTS = (SERVICES, IDENTITY_PROVIDER, CONNECTIVITY, CONNECTOR)
"""In the order in which they get admin ports; the modules of the application follow."""


@dataclass(frozen=True, slots=True)
class Commands:
    """Builds the command of each part; `colours` asks our own parts for coloured logs."""

    plan: Plan
    state: StateFolder
    environ: Mapping[str, str]
    colours: bool

    def services(self) -> Command:
        """Return how the control plane is run."""
        ports = self.plan.ports
        listening = ("--port", str(ports.services), "--certificate-port", str(ports.certificates))
        return self._own(SERVICES, "services", "--state", str(self.state.root), *listening)

    def identity_provider(self) -> Command:
        """Return how the identity provider is run."""
        port = str(self.plan.ports.identity_provider)
        return self._own(IDENTITY_PROVIDER, "idp", "--state", str(self.state.root), "--port", port)

    def connectivity(self) -> Command:
        """Return how the cloud end of the tunnel is run."""
        return self._own(CONNECTIVITY, "connectivity", "--state", str(self.state.root))

    def connector(self, config: Path) -> Command:
        """Return how the company end of the tunnel is run."""
        return self._own(CONNECTOR, "connector", "run", "--config", str(config))

    def module(self, module: Module, environment: Mapping[str, str]) -> Command:
        """Return how a module is run, with what the landscape gives it."""
        folder = (self.plan.application.folder / module.folder).resolve()
        names = [*OWN_PARTS, *(each.name for each in self.plan.application.descriptor.modules)]
        environ = {**self._base(), **self._admin_port(names.index(module.name, len(OWN_PARTS))), **environment}
        if module.command is None:
            arguments = _entryway("router", "--workdir", str(folder))
            # On a platform a router listens everywhere, for the platform's front end; here for this machine only.
            environ = {"ENTRYWAY_ROUTER_HOST": "127.0.0.1", **environ, **self._log_settings()}
            return self._command(module.name, arguments, folder, environ)
        return self._command(module.name, _shell(module.command), folder, environ)

    def system(self, system: SystemDocument, environment: Mapping[str, str]) -> Command:
        """Return how a local process that plays a system on premise is run."""
        assert system.process is not None  # noqa: S101 - only such systems are run
        folder = (self.plan.application.folder / system.process.path).resolve()
        environ = {**self._base(), **system.process.properties, **environment}
        return self._command(system.name, _shell(system.process.command), folder, environ)

    def _own(self, name: str, *arguments: str) -> Command:
        # Everything that a landscape calls may be on the developer's machine.
        shared = {OUTGOING_NETWORKS: "loopback,private", **self._base(), **self._admin_port(OWN_PARTS.index(name))}
        environ = {**shared, **self._log_settings()}
        return self._command(name, _entryway(*arguments), self.plan.application.folder.resolve(), environ)

    def _command(self, name: str, arguments: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> Command:
        return Command(name, arguments, folder, environ, log_file(self.state.run, name))

    def _base(self) -> dict[str, str]:
        environ = trusting(inherited(self.environ), self.state)
        # The Python that runs Entryway is the one that has what the application needs, too.
        binaries = str(Path(sys.executable).parent)
        path = os.pathsep.join([binaries, environ.get("PATH", os.defpath)])
        return {**environ, "PATH": path, "PYTHONUNBUFFERED": "1"}

    def _admin_port(self, index: int) -> dict[str, str]:
        """Return the admin port of a process: one for several would be taken by the first."""
        first = self.environ.get(ADMIN_PORT, "").strip()
        # What is no port is for the process to refuse.
        return {ADMIN_PORT: str(int(first) + index)} if first.isascii() and first.isdigit() else {}

    def _log_settings(self) -> dict[str, str]:
        return {"ENTRYWAY_LOG_FORMAT": "text", **({"FORCE_COLOR": "1"} if self.colours else {"NO_COLOR": "1"})}


def _entryway(*arguments: str) -> tuple[str, ...]:
    # -P: a folder of that name beside the application must not be taken for ours.
    return (sys.executable, "-P", "-m", "entryway", *arguments)


def _shell(command: str) -> tuple[str, ...]:
    # As the platform does: the command is a line for a shell, which replaces $PORT.
    return ("/bin/sh", "-c", command)
