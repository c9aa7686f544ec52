"""`entryway.yaml`: who may log in, which systems stand in the company network, and the ports of a landscape."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path

from entryway.config.descriptor import OFFERED, USER_PROVIDED, ServiceInstance
from entryway.config.json_file import read_json_object
from entryway.config.landscape_schema import (
    IdentityUserDocument,
    LandscapeDocument,
    LocalProcessDocument,
    OnPremiseDocument,
    PortsDocument,
    ServiceDocument,
    SystemDocument,
    UserDocument,
)
from entryway.config.mistakes import Mistake
from entryway.config.schema import check, pointer
from entryway.config.yaml_file import read_yaml_object

__all__ = [
    "LANDSCAPE_FILE",
    "IdentityUserDocument",
    "LandscapeDocument",
    "LocalProcessDocument",
    "OnPremiseDocument",
    "PortsDocument",
    "ServiceDocument",
    "SystemDocument",
    "UserDocument",
    "defined_services",
    "read_landscape_file",
]

LANDSCAPE_FILE = "entryway.yaml"


def read_landscape_file(folder: Path) -> tuple[LandscapeDocument | None, list[Mistake]]:
    """Return what `entryway.yaml` says (nothing if there is none) and every mistake in it."""
    path = folder / LANDSCAPE_FILE
    if not path.exists():
        return LandscapeDocument.model_validate({}), []
    content, mistakes = read_yaml_object(path, LANDSCAPE_FILE)
    if content is None:
        return None, mistakes
    document, wrong = check(LandscapeDocument, content, LANDSCAPE_FILE)
    mistakes += wrong
    if document is not None:
        mistakes += _rules(document, folder)
    return document, mistakes


def defined_services(document: LandscapeDocument, folder: Path) -> tuple[list[ServiceInstance], list[Mistake]]:
    """Return the service instances that the file defines."""
    instances: list[ServiceInstance] = []
    mistakes: list[Mistake] = []
    for name, service in document.services.items():
        place = "/services" + pointer([name])
        config = service.config
        source = config if isinstance(config, str) else None
        if isinstance(config, str):
            config, wrong = read_json_object(folder / config, config)
            mistakes += wrong
        plan = service.plan or OFFERED.get(service.service)
        instances.append(ServiceInstance(name, place, service.service, plan, config or {}, source))
    return instances, mistakes


def _rules(document: LandscapeDocument, folder: Path) -> Iterator[Mistake]:
    yield from _twice([(f"/users/{index}/name", user.name) for index, user in enumerate(document.users)])
    people = document.identity_provider.users if document.identity_provider else []
    yield from _twice([(f"/identity-provider/users/{index}/name", user.name) for index, user in enumerate(people)])
    for name, service in document.services.items():
        if service.service == USER_PROVIDED and service.plan is not None:
            place = f"/services{pointer([name])}/plan"
            yield Mistake(LANDSCAPE_FILE, place, "a user-provided service has no plan", "remove it")
    systems = document.on_premise.systems if document.on_premise else []
    places = [(f"/on-premise/systems/{index}", system) for index, system in enumerate(systems)]
    yield from _twice([(f"{place}/name", system.name) for place, system in places])
    yield from _twice([(f"{place}/virtual", system.virtual) for place, system in places])
    for place, system in places:
        for relative, rule, suggestion in _system_rules(system, folder):
            yield Mistake(LANDSCAPE_FILE, place + relative, rule, suggestion)
        if not system.resources:
            hint = "add resources: - path: / to let everything through"
            yield Mistake(LANDSCAPE_FILE, place, "no resources: nothing of this system can be reached", hint, "warning")


def _system_rules(system: SystemDocument, folder: Path) -> Iterator[tuple[str, str, str]]:
    if system.principal == "x509" and not system.is_https:
        yield "/principal", "a plain http system cannot know that the connector calls", "use https, or principal: none"
    if system.trust is not None and not (folder / system.trust).is_file():
        yield "/trust", f'the file "{system.trust}" does not exist', ""
    if system.process is None:
        return
    if not (folder / system.process.path).is_dir():
        yield "/process/path", f'the folder "{system.process.path}" does not exist', "it is relative to this file"
    if not _is_this_machine(system.internal_host):
        rule = f'the process runs on this machine, but internal names "{system.internal_host}"'
        yield "/internal", rule, "use 127.0.0.1 or localhost"


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _twice(places: Iterable[tuple[str, str]]) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for place, value in places:
        if value in seen:
            yield Mistake(LANDSCAPE_FILE, place, f'"{value}" is used already at {seen[value]}', "choose another one")
        seen.setdefault(value, place)
