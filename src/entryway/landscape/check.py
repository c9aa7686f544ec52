"""Every mistake in the configuration files of a folder, and what would better be different."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from entryway.config import xs_security
from entryway.config.bindings import read_bindings
from entryway.config.default_env import read_default_env
from entryway.config.descriptor import XSUAA, Module, ServiceInstance, undefined_services
from entryway.config.environment_model import RouterEnvironment
from entryway.config.landscape_file import LANDSCAPE_FILE
from entryway.config.manifest import start_mistakes
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.schema import did_you_mean
from entryway.config.xs_app import ToDestination, XsApp, parse_xs_app
from entryway.config.xs_app_environment import read_environment
from entryway.landscape.application import MANIFEST_FILES, Application, find_descriptor, read_application
from entryway.landscape.destination_advice import (
    advise_on_cookies,
    advise_on_destinations,
    advise_on_routes,
    advise_on_tokens,
    advise_on_variables,
    in_environment,
    in_services,
)
from entryway.landscape.lone_xs_app import parse_alone
from entryway.landscape.route_advice import OWN_SCOPE, advise

XS_APP_FILES = "xs-app*.json"
XS_SECURITY_FILES = "xs-security*.json"
SHARED = "shared"
DESTINATION = "destination"


def check_folder(folder: Path) -> list[Mistake]:
    """Return every mistake and warning in the files of a folder, whether or not they make an application."""
    if not folder.is_dir():
        return [Mistake(str(folder), "", "is no folder")]
    mistakes: list[Mistake] = []
    application: Application | None = None
    if find_descriptor(folder) is not None or (folder / LANDSCAPE_FILE).exists() or not _loose_files(folder):
        application, mistakes = read_application(folder)
    if application is not None:
        mistakes += _application_mistakes(application, to_start=application.has_landscape_file)
    mistakes += _loose_mistakes(folder, application)
    return in_order(mistakes)


def check_application(application: Application) -> list[Mistake]:
    """Return every mistake and warning that stands against starting an application, or speaks to it."""
    return in_order(
        [*_application_mistakes(application, to_start=True), *_loose_mistakes(application.folder, application)]
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
    virtual = _virtual_hosts(application)
    yield from advise_on_destinations(in_services(descriptor.instances, descriptor.file), virtual)
    yield from advise_on_variables(descriptor.modules, virtual, descriptor.file)
    cookies: list[tuple[Module, str]] = []
    for module in descriptor.modules:
        if module.is_router:
            environment, mistakes = _environment(folder / module.folder, module.environment)
            yield from (replace(mistake, suggestion=_of(module.name, mistake.suggestion)) for mistake in mistakes)
            yield from _router_mistakes(application, module, environment)
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


def _router_mistakes(
    application: Application, module: Module, environment: RouterEnvironment | None
) -> Iterator[Mistake]:
    relative = _relative(f"{module.folder}/xs-app.json")
    xs_app, mistakes = parse_xs_app(application.folder / module.folder / "xs-app.json")
    yield from (replace(mistake, file=relative) for mistake in mistakes)
    if xs_app is None or environment is None:
        return
    descriptor, destinations = application.descriptor, environment.destinations
    yield from advise(xs_app, destinations, relative, _own_scopes(application, module))
    declared = in_environment(destinations, descriptor.file, module.place)
    yield from advise_on_destinations(declared, _virtual_hosts(application))
    yield from advise_on_routes(xs_app, [*declared, *in_services(descriptor.instances, descriptor.file)], relative)
    yield from advise_on_tokens(xs_app, destinations, application, relative)
    bound = {bound.instance for bound in module.bindings}
    instances = [each for each in descriptor.instances if each.name in bound]
    if not any(each.service in {DESTINATION, None} for each in instances):
        yield from _missing_destinations(xs_app, environment, relative)
    for each in instances:
        if each.service == XSUAA and each.parameters.get("tenant-mode") == SHARED:
            yield from _tenant_host_pattern(environment, descriptor.file, module.place)


def _missing_destinations(xs_app: XsApp, environment: RouterEnvironment, file: str) -> Iterator[Mistake]:
    known = sorted(environment.destinations)
    for route in xs_app.routes:
        if isinstance(route.goal, ToDestination) and _is_missing(route.goal, known):
            rule = f'no destination "{route.goal.name}" is defined, and no destination service is bound'
            yield Mistake(file, f"{route.place}/destination", rule, did_you_mean(route.goal.name, known))


def _is_missing(goal: ToDestination, known: Sequence[str]) -> bool:
    # Which name a pattern stands for shows with requests.
    return goal.template is None and goal.name not in known and goal.name != "*" and "$" not in goal.name


def _own_scopes(application: Application, module: Module) -> set[str] | None:
    """Return the scopes that the router's authorization server knows as the application's own, if that can be told."""
    bound = {bound.instance for bound in module.bindings}
    uaas = [each for each in application.descriptor.instances if each.name in bound and each.service == XSUAA]
    return declared_scopes(each.parameters for each in uaas) if uaas else None


def _virtual_hosts(application: Application) -> list[str]:
    on_premise = application.landscape.on_premise
    return [] if on_premise is None else [system.virtual for system in on_premise.systems]


def _tenant_host_pattern(environment: RouterEnvironment, file: str, place: str) -> Iterator[Mistake]:
    if environment.tenant_host_pattern is None:
        rule = "TENANT_HOST_PATTERN is missing, although tenant-mode is shared"
        hint = "set it for the router, for example ^(.*)-app.example.com, or use tenant-mode dedicated"
        yield Mistake(file, place, rule, hint, "warning")


def _role_collections(application: Application) -> Iterator[Mistake]:
    known = [
        collection["name"]
        for instance in application.descriptor.instances
        if _describes_security(instance)
        for collection in _list(instance.parameters.get("role-collections"))
        if isinstance(collection, Mapping) and isinstance(collection.get("name"), str)
    ]
    for index, user in enumerate(application.landscape.users):
        for number, name in enumerate(user.role_collections):
            if name not in known:
                rule = f'no xs-security.json of this application has the role collection "{name}"'
                hint = did_you_mean(name, known) or f"known: {', '.join(known) or 'none'}"
                yield Mistake(LANDSCAPE_FILE, f"/users/{index}/role-collections/{number}", rule, hint)


def _loose_files(folder: Path) -> list[Path]:
    return [path for pattern in (XS_APP_FILES, XS_SECURITY_FILES) for path in sorted(folder.glob(pattern))]


def _loose_mistakes(folder: Path, application: Application | None) -> Iterator[Mistake]:
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
    environment, mistakes = _environment(folder, values)
    if not led_to:
        yield from mistakes
    for path in sorted(folder.glob(XS_APP_FILES)):
        if path.resolve() in led_to:
            continue
        xs_app, mistakes = parse_alone(path)
        yield from mistakes
        if xs_app is not None and environment is not None:
            yield from advise(xs_app, environment.destinations, path.name, scopes)
            declared = in_environment(environment.destinations, path.name, "")
            yield from advise_on_routes(xs_app, declared, path.name)
            if environment.destinations and application is None and not _has_destination_service(folder):
                # Elsewhere the environment may be another one: here the router would not start.
                missing = _missing_destinations(xs_app, environment, path.name)
                yield from (replace(mistake, severity="warning") for mistake in missing)
    if shared and not led_to and environment is not None:
        yield from _tenant_host_pattern(environment, xs_security.FILE, "/tenant-mode")


def _has_destination_service(folder: Path) -> bool:
    try:
        bindings = read_bindings(read_default_env(folder, {}), folder)
    except ConfigurationMistakes:
        return True  # who knows
    return any(DESTINATION in {each.label, *each.tags} for each in bindings)


def _environment(folder: Path, values: Mapping[str, str]) -> tuple[RouterEnvironment | None, list[Mistake]]:
    try:
        environ = {**read_default_env(folder, {}), **values}
    except ConfigurationMistakes as error:
        return None, list(error.mistakes)
    environment, mistakes = read_environment(environ)
    # A landscape on one machine has one tenant and does without the pattern; the configuration is for others, too.
    return environment, [mistake for mistake in mistakes if mistake.file != "TENANT_HOST_PATTERN"]


def declared_scopes(documents: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names, without the prefix, of the scopes that descriptors of the application declare."""
    return {
        scope["name"].removeprefix(OWN_SCOPE)
        for document in documents
        for scope in _list(document.get("scopes"))
        if isinstance(scope, Mapping) and isinstance(scope.get("name"), str)
    }


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _relative(name: str) -> str:
    return posixpath.normpath(name)


def _of(name: str, suggestion: str) -> str:
    return "; ".join(text for text in (suggestion, f"of {name}") if text)
