"""What `entryway up` is about to do: an application without mistakes, and a port for every part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from entryway.config.descriptor import IDENTITY
from entryway.config.landscape_file import LANDSCAPE_FILE, PortsDocument
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.schema import did_you_mean
from entryway.landscape.application import Application, read_application
from entryway.landscape.check import check_application, in_order
from entryway.landscape.ports import WantedPort
from entryway.landscape.record import ControlPorts

OWN_PARTS = ("services", "connectivity", "connector", "entryway")
COMMAND_LINE = "the command line"
BESIDE = 3
CONTROL_PARTS = {
    "services": "the control plane",
    "gateway": "the gateway",
    "onpremise-proxy": "the on-premise proxy",
    "identity-provider": "the identity provider",
    "certificates": "the listener for client certificates",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """An application that may be started; `warnings` speak to it nevertheless."""

    application: Application
    ports: ControlPorts
    warnings: tuple[Mistake, ...]

    @property
    def needs_connectivity(self) -> bool:
        """Whether anything of this application goes through the tunnel."""
        offered = any(instance.service == "connectivity" for instance in self.application.descriptor.instances)
        return offered or self.application.landscape.on_premise is not None

    @property
    def needs_identity_provider(self) -> bool:
        """Whether anybody logs in at an identity provider of this landscape."""
        return _has_identity_provider(self.application)


def prepare(folder: Path, port_options: Sequence[str]) -> Plan:
    """Return what to start, or raise with every mistake in the files and options."""
    chosen, mistakes = parse_port_options(port_options)
    modules = {name: port for name, port in chosen.items() if name not in CONTROL_PARTS}
    application, wrong = read_application(folder, modules)
    mistakes += wrong
    if application is not None:
        mistakes += _unknown_options(modules, application)
        mistakes += check_application(application)
    mistakes = in_order(mistakes)
    if application is None or any(mistake.severity == "error" for mistake in mistakes):
        raise ConfigurationMistakes(mistakes)
    ports = control_ports(application.landscape.ports, chosen)
    clashes = [*_clashes(application, ports), *_names_taken(application)]
    if clashes:
        raise ConfigurationMistakes([*clashes, *mistakes])
    return Plan(application, ports, tuple(mistakes))


def parse_port_options(options: Sequence[str]) -> tuple[dict[str, int], list[Mistake]]:
    """Return ports by name, and what cannot be understood."""
    chosen: dict[str, int] = {}
    mistakes = []
    for option in options:
        name, _, port = option.partition("=")
        if name and port.isascii() and port.isdigit() and 1 <= int(port) <= 65535:
            chosen[name] = int(port)
        else:
            rule = f"--port {option} is not understood"
            mistakes.append(
                Mistake(COMMAND_LINE, "", rule, "write --port NAME=NUMBER, for example --port services=9443")
            )
    return chosen, mistakes


def control_ports(document: PortsDocument, chosen: Mapping[str, int]) -> ControlPorts:
    """Return the ports of the control plane: those of the options, else of the file, else the usual ones."""
    services = chosen.get("services", document.services) or ControlPorts().services
    values = {
        "services": services,
        "gateway": chosen.get("gateway", document.gateway),
        "onpremise_proxy": chosen.get("onpremise-proxy", document.onpremise_proxy),
        "identity_provider": chosen.get("identity-provider", document.identity_provider),
        "certificates": chosen.get("certificates", document.certificates) or _beside(services),
    }
    return ControlPorts(**{name: port for name, port in values.items() if port is not None})


def _beside(services: int) -> int:
    """Return 8446 beside 8443: two landscapes that were given ports of their own must not meet there."""
    return services + BESIDE if services + BESIDE <= 65535 else services - BESIDE


def wanted_ports(plan: Plan) -> list[WantedPort]:
    """Return every port that must be free, with the setting that changes it."""
    return [wanted for _, wanted in _named_ports(plan.application, plan.ports, connectivity=plan.needs_connectivity)]


def _named_ports(
    application: Application, ports: ControlPorts, *, connectivity: bool = True
) -> Iterator[tuple[str, WantedPort]]:
    yield "services", _wanted(CONTROL_PARTS["services"], ports.services, "services")
    if ports.certificates is not None and not ports.one_for_all:
        yield "certificates", _wanted(CONTROL_PARTS["certificates"], ports.certificates, "certificates")
    if connectivity:
        yield "gateway", _wanted(CONTROL_PARTS["gateway"], ports.gateway, "gateway")
        yield "onpremise-proxy", _wanted(CONTROL_PARTS["onpremise-proxy"], ports.onpremise_proxy, "onpremise-proxy")
    if _has_identity_provider(application):
        part = CONTROL_PARTS["identity-provider"]
        yield "identity-provider", _wanted(part, ports.identity_provider, "identity-provider")
    for name, port in application.module_ports.items():
        yield f"modules/{name}", _wanted(f"the module {name}", port, name, "modules: ")
    on_premise = application.landscape.on_premise
    for index, system in enumerate(on_premise.systems if on_premise else []):
        if system.process is not None:
            setting = f"on-premise: systems: internal in {LANDSCAPE_FILE}"
            host = "127.0.0.1" if system.internal_host == "localhost" else system.internal_host
            wanted = WantedPort(f"the system {system.name}", system.internal_port, setting, host)
            yield f"on-premise/systems/{index}/internal", wanted


def _has_identity_provider(application: Application) -> bool:
    offered = any(instance.service == IDENTITY for instance in application.descriptor.instances)
    return offered or application.landscape.identity_provider is not None


def _wanted(part: str, port: int, key: str, within: str = "") -> WantedPort:
    return WantedPort(part, port, f"--port {key}=NUMBER or ports: {within}{key} in {LANDSCAPE_FILE}")


def _clashes(application: Application, ports: ControlPorts) -> Iterator[Mistake]:
    seen: dict[int, str] = {}
    for name, wanted in _named_ports(application, ports):
        if wanted.port in seen:
            rule = f"{wanted.part} and {seen[wanted.port]} have the same port {wanted.port}"
            yield Mistake(LANDSCAPE_FILE, f"/ports/{name}", rule, f"choose another one with {wanted.setting}")
        seen.setdefault(wanted.port, wanted.part)


def _names_taken(application: Application) -> Iterator[Mistake]:
    """Yield names that two parts would have in logs, files and options."""
    taken = dict.fromkeys((*CONTROL_PARTS, *OWN_PARTS), "a part of every landscape")
    places = [(application.descriptor.file, module.place, module.name) for module in application.descriptor.modules]
    on_premise = application.landscape.on_premise
    for index, system in enumerate(on_premise.systems if on_premise else []):
        places.append((LANDSCAPE_FILE, f"/on-premise/systems/{index}", system.name))
    for file, place, name in places:
        if name in taken:
            yield Mistake(file, f"{place}/name", f'the name "{name}" is that of {taken[name]}', "choose another one")
        taken.setdefault(name, f"{file} at {place}")


def _unknown_options(modules: Mapping[str, int], application: Application) -> Iterator[Mistake]:
    known = [*CONTROL_PARTS, *(module.name for module in application.descriptor.modules)]
    for name in modules:
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
            yield Mistake(COMMAND_LINE, "", f'--port names "{name}", which is no part of this application', hint)
