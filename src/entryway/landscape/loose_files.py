"""Files that no module leads to, as they are reviewed or passed on: each is read on its own terms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from entryway.config import xs_security
from entryway.config.bindings import read_bindings
from entryway.config.default_env import read_default_env
from entryway.config.environment_model import RouterEnvironment
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.landscape.application import Application
from entryway.landscape.destination_advice import advise_on_routes, in_environment
from entryway.landscape.lone_xs_app import parse_alone
from entryway.landscape.route_advice import advise
from entryway.landscape.router_check import (
    DESTINATION,
    SHARED,
    declared_scopes,
    environment_in,
    missing_destinations,
    tenant_host_pattern,
)

XS_APP_FILES = "xs-app*.json"
XS_SECURITY_FILES = "xs-security*.json"


def loose_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may be checked alone."""
    return [path for pattern in (XS_APP_FILES, XS_SECURITY_FILES) for path in sorted(folder.glob(pattern))]


def loose_mistakes(folder: Path, application: Application | None) -> Iterator[Mistake]:
    """Yield what is wrong with files that no module leads to."""
    modules = application.descriptor.modules if application else ()
    led_to = {(folder / module.folder).resolve() / "xs-app.json" for module in modules if module.is_router}
    instances = application.descriptor.instances if application else ()
    read = {(folder / instance.source).resolve() for instance in instances if instance.source is not None}
    shared = False
    security: list[Mapping[str, Any]] = []
    for path in sorted(folder.glob(XS_SECURITY_FILES)):
        try:
            content = path.read_bytes()
        except OSError as error:
            yield Mistake(path.name, "", f"cannot be read: {error.strerror}")
            continue
        security.append(_document(content))
        if path.resolve() in read:
            continue
        yield from xs_security.check(content, path.name)
        shared = shared or security[-1].get("tenant-mode") == SHARED
    scopes = declared_scopes(security) if security else None
    # Whichever module it is meant for: its environment counts.
    values = {name: value for module in modules for name, value in module.environment.items()}
    environment, mistakes = environment_in(folder, values)
    if not led_to:
        yield from mistakes
    for path in sorted(folder.glob(XS_APP_FILES)):
        if path.resolve() in led_to:
            continue
        yield from _xs_app_mistakes(path, environment, scopes, of_nobody=application is None)
    if shared and not led_to and environment is not None:
        yield from tenant_host_pattern(environment, xs_security.FILE, "/tenant-mode")


def _xs_app_mistakes(
    path: Path, environment: RouterEnvironment | None, scopes: set[str] | None, *, of_nobody: bool
) -> Iterator[Mistake]:
    xs_app, mistakes = parse_alone(path)
    yield from mistakes
    if xs_app is None or environment is None:
        return
    yield from advise(xs_app, environment.destinations, path.name, scopes)
    yield from advise_on_routes(xs_app, in_environment(environment.destinations, path.name, ""), path.name)
    if environment.destinations and of_nobody and not _has_destination_service(path.parent):
        # Elsewhere the environment may be another one: here the router would not start.
        missing = missing_destinations(xs_app, environment, path.name)
        yield from (replace(mistake, severity="warning") for mistake in missing)


def _has_destination_service(folder: Path) -> bool:
    try:
        bindings = read_bindings(read_default_env(folder, {}), folder)
    except ConfigurationMistakes:
        return True  # who knows
    return any(DESTINATION in {each.label, *each.tags} for each in bindings)


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
