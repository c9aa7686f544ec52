"""An application's folder, read: its descriptor, what `entryway.yaml` adds, and every mistake in the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from entryway.config.descriptor import Descriptor, Module
from entryway.config.landscape_file import LANDSCAPE_FILE, LandscapeDocument, defined_services, read_landscape_file
from entryway.config.manifest import read_manifest
from entryway.config.mistakes import Mistake
from entryway.config.mta import read_mta
from entryway.config.schema import did_you_mean, pointer

MTA_FILES = ("mta.yaml", "mtad.yaml")
MANIFEST_FILES = ("manifest.yml", "manifest.yaml")
FIRST_ROUTER_PORT = 5000


@dataclass(frozen=True, slots=True)
class Application:
    """A folder without mistakes that would keep it from being described."""

    folder: Path
    descriptor: Descriptor
    landscape: LandscapeDocument
    module_ports: Mapping[str, int]

    @property
    def has_landscape_file(self) -> bool:
        return (self.folder / LANDSCAPE_FILE).exists()


def find_descriptor(folder: Path) -> Path | None:
    """Return the file that describes the application."""
    candidates = (folder / name for name in (*MTA_FILES, *MANIFEST_FILES))
    return next((path for path in candidates if path.is_file()), None)


def read_application(
    folder: Path, overrides: Mapping[str, int] | None = None
) -> tuple[Application | None, list[Mistake]]:
    """Return the application and every mistake; `overrides` are ports by name of module that win over the file's."""
    landscape, mistakes = read_landscape_file(folder)
    path = find_descriptor(folder)
    if path is None:
        hint = f"create one of {', '.join((MTA_FILES[0], MANIFEST_FILES[0]))}"
        return None, [*mistakes, Mistake(str(folder), "", "no file describes an application here", hint)]
    descriptor, wrong = _read(path, {})
    if descriptor is None or landscape is None:
        return None, mistakes + wrong
    ports = assign_ports(descriptor.modules, {**landscape.ports.modules, **(overrides or {})}, _taken(landscape))
    # The URLs of modules, which properties may name, are known only now.
    descriptor, wrong = _read(path, ports)
    mistakes += wrong
    if descriptor is None:
        return None, mistakes
    mistakes += _unknown_modules(descriptor, landscape)
    services, wrong = defined_services(landscape, folder)
    mistakes += wrong
    by_name = {service.name: service for service in services}
    instances = tuple(
        replace(by_name[each.name], place=each.place) if each.name in by_name else each for each in descriptor.instances
    )
    return Application(folder, replace(descriptor, instances=instances), landscape, ports), mistakes


def assign_ports(modules: tuple[Module, ...], chosen: Mapping[str, int], taken: frozenset[int]) -> dict[str, int]:
    """Return a port for each module, the same ones at every start: 5000 for the first router, then 5001, 5002, …"""
    used = {*taken, *chosen.values()}
    ports = {module.name: chosen[module.name] for module in modules if module.name in chosen}
    routers = [module for module in modules if module.is_router]
    candidate = FIRST_ROUTER_PORT
    if not routers or routers[0].name in ports:
        # 5000 is where people look for a router.
        candidate += 1
    for module in sorted(modules, key=lambda each: each not in routers[:1]):
        if module.name in ports:
            continue
        while candidate in used:
            candidate += 1
        ports[module.name] = candidate
        used.add(candidate)
    return ports


def url_of(port: int) -> str:
    """Return the URL under which a module on this machine is reached."""
    return f"http://localhost:{port}"


def _read(path: Path, ports: Mapping[str, int]) -> tuple[Descriptor | None, list[Mistake]]:
    if path.name in MANIFEST_FILES:
        return read_manifest(path)
    return read_mta(path, lambda name: url_of(ports.get(name, FIRST_ROUTER_PORT)))


def _taken(landscape: LandscapeDocument) -> frozenset[int]:
    systems = landscape.on_premise.systems if landscape.on_premise else []
    return frozenset(system.internal_port for system in systems if system.process)


def _unknown_modules(descriptor: Descriptor, landscape: LandscapeDocument) -> list[Mistake]:
    known = [module.name for module in descriptor.modules]
    return [
        Mistake(
            LANDSCAPE_FILE,
            "/ports/modules" + pointer([name]),
            f'{descriptor.file} has no module "{name}"',
            did_you_mean(name, known) or f"known: {', '.join(known)}",
        )
        for name in landscape.ports.modules
        if name not in known
    ]
