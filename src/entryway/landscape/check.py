"""Every mistake in the configuration files of a folder, and what would better be different."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from entryway.config import xs_security
from entryway.config.descriptor import XSUAA, Module, ServiceInstance, undefined_services
from entryway.config.landscape_file import LANDSCAPE_FILE
from entryway.config.manifest import start_mistakes
from entryway.config.mistakes import Mistake
from entryway.config.schema import did_you_mean
from entryway.landscape.application import MANIFEST_FILES, Application, find_descriptor, read_application
from entryway.landscape.destination_advice import (
    advise_on_cookies,
    advise_on_destinations,
    advise_on_variables,
    in_services,
)
from entryway.landscape.loose_files import XS_SECURITY_FILES, loose_files, loose_mistakes
from entryway.landscape.router_check import environment_in, list_in, router_mistakes, virtual_hosts


def check_folder(folder: Path) -> list[Mistake]:
    """Return every mistake and warning in the files of a folder, whether or not they make an application."""
    if not folder.is_dir():
        return [Mistake(str(folder), "", "is no folder")]
    mistakes: list[Mistake] = []
    application: Application | None = None
    if find_descriptor(folder) is not None or (folder / LANDSCAPE_FILE).exists() or not loose_files(folder):
        application, mistakes = read_application(folder)
    if application is not None:
        mistakes += _application_mistakes(application, to_start=application.has_landscape_file)
    mistakes += loose_mistakes(folder, application)
    return in_order(mistakes)


def check_application(application: Application) -> list[Mistake]:
    """Return every mistake and warning that stands against starting an application, or speaks to it."""
    return in_order(
        [*_application_mistakes(application, to_start=True), *loose_mistakes(application.folder, application)]
    )


def in_order(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Return each mistake once, errors first."""
    return sorted(dict.fromkeys(mistakes), key=lambda mistake: mistake.severity != "error")


def _application_mistakes(application: Application, *, to_start: bool) -> Iterator[Mistake]:
    folder, descriptor = application.folder, application.descriptor
    # Without an entryway.yaml the manifest is for another platform: what a start on this machine needs may be missing.
    if to_start and descriptor.file in MANIFEST_FILES:
        yield from start_mistakes(descriptor, folder)
    if to_start:
        yield from undefined_services(descriptor)
    for instance in descriptor.instances:
        if _describes_security(instance):
            yield from _security_mistakes(instance, application)
    yield from _role_collections(application)
    virtual = virtual_hosts(application)
    yield from advise_on_destinations(in_services(descriptor.instances, descriptor.file), virtual)
    yield from advise_on_variables(descriptor.modules, virtual, descriptor.file)
    cookies: list[tuple[Module, str]] = []
    for module in descriptor.modules:
        if module.is_router:
            environment, mistakes = environment_in(folder / module.folder, module.environment)
            yield from (replace(mistake, suggestion=_of(module.name, mistake.suggestion)) for mistake in mistakes)
            yield from router_mistakes(application, module, environment)
            cookies += [] if environment is None else [(module, environment.session_cookie_name)]
    yield from advise_on_cookies(cookies, descriptor.file)


def _describes_security(instance: ServiceInstance) -> bool:
    # A mistake in the service's name must not hide those in its file.
    return instance.service == XSUAA or PurePath(instance.source or "").match(XS_SECURITY_FILES)


def _security_mistakes(instance: ServiceInstance, application: Application) -> Sequence[Mistake]:
    if instance.source is None:
        return xs_security.check(instance.parameters, f"{application.descriptor.file} (config of {instance.name})")
    file = _relative(instance.source)
    try:
        content = (application.folder / instance.source).read_bytes()
    except (OSError, ValueError):
        return []  # said already, by whoever read the parameters
    # The text says more than what was read from it: a key that is written twice, for example.
    alone = xs_security.check(content, file)
    return alone or xs_security.check(instance.parameters, file)


def _role_collections(application: Application) -> Iterator[Mistake]:
    known = [
        collection["name"]
        for instance in application.descriptor.instances
        if _describes_security(instance)
        for collection in list_in(instance.parameters.get("role-collections"))
        if isinstance(collection, Mapping) and isinstance(collection.get("name"), str)
    ]
    for index, user in enumerate(application.landscape.users):
        for number, name in enumerate(user.role_collections):
            if name not in known:
                rule = f'no xs-security.json of this application has the role collection "{name}"'
                hint = did_you_mean(name, known) or f"known: {', '.join(known) or 'none'}"
                yield Mistake(LANDSCAPE_FILE, f"/users/{index}/role-collections/{number}", rule, hint)


def _relative(name: str) -> str:
    return posixpath.normpath(name)


def _of(name: str, suggestion: str) -> str:
    return "; ".join(text for text in (suggestion, f"of {name}") if text)
