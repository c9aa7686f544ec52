"""What is wrong with one router of an application, and with its environment."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from entryway.config.default_env import read_default_env
from entryway.config.descriptor import XSUAA, Module
from entryway.config.environment_model import RouterEnvironment
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.schema import did_you_mean
from entryway.config.xs_app import ToDestination, XsApp, parse_xs_app
from entryway.config.xs_app_environment import read_environment
from entryway.landscape.application import Application
from entryway.landscape.destination_advice import (
    advise_on_destinations,
    advise_on_routes,
    advise_on_tokens,
    in_environment,
    in_services,
)
from entryway.landscape.route_advice import OWN_SCOPE, advise

SHARED = "shared"
DESTINATION = "destination"
ANY_HOST = ToDestination("*", None)


def environment_in(folder: Path, values: Mapping[str, str]) -> tuple[RouterEnvironment | None, list[Mistake]]:
    """Return the environment of a router in a folder, as far as files tell it, and what is wrong with it."""
    try:
        environ = {**read_default_env(folder, {}), **values}
    except ConfigurationMistakes as error:
        return None, list(error.mistakes)
    environment, mistakes = read_environment(environ)
    # A landscape on one machine has one tenant and does without the pattern; the configuration is for others, too.
    return environment, [mistake for mistake in mistakes if mistake.file != "TENANT_HOST_PATTERN"]


def router_mistakes(
    application: Application, module: Module, environment: RouterEnvironment | None
) -> Iterator[Mistake]:
    """Yield what is wrong with the routes of a router, or rarely meant."""
    relative = posixpath.normpath(f"{module.folder}/xs-app.json")
    xs_app, mistakes = parse_xs_app(application.folder / module.folder / "xs-app.json")
    yield from (replace(mistake, file=relative) for mistake in mistakes)
    if xs_app is None or environment is None:
        return
    descriptor, destinations = application.descriptor, environment.destinations
    yield from advise(xs_app, destinations, relative, _own_scopes(application, module))
    declared = in_environment(destinations, descriptor.file, module.place)
    yield from advise_on_destinations(declared, virtual_hosts(application))
    yield from advise_on_routes(xs_app, [*declared, *in_services(descriptor.instances, descriptor.file)], relative)
    yield from advise_on_tokens(xs_app, destinations, application, relative)
    bound = {bound.instance for bound in module.bindings}
    instances = [each for each in descriptor.instances if each.name in bound]
    if not any(each.service in {DESTINATION, None} for each in instances):
        yield from missing_destinations(xs_app, environment, relative)
    for each in instances:
        if each.service == XSUAA and each.parameters.get("tenant-mode") == SHARED:
            yield from tenant_host_pattern(environment, descriptor.file, module.place)


def missing_destinations(xs_app: XsApp, environment: RouterEnvironment, file: str) -> Iterator[Mistake]:
    """Yield the routes to destinations that the environment does not define."""
    known = sorted(environment.destinations)
    for route in xs_app.routes:
        if route.goal == ANY_HOST and environment.destination_host_pattern is None:
            rule = 'the destination "*" is taken from the host, and DESTINATION_HOST_PATTERN is not set'
            hint = "set it for the router, for example ^(.*)-app.example.com"
            yield Mistake(file, f"{route.place}/destination", rule, hint, "warning")
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


def tenant_host_pattern(environment: RouterEnvironment, file: str, place: str) -> Iterator[Mistake]:
    """Yield a warning where a router of several tenants does not know how hosts name them."""
    if environment.tenant_host_pattern is None:
        rule = "TENANT_HOST_PATTERN is missing, although tenant-mode is shared"
        hint = "set it for the router, for example ^(.*)-app.example.com, or use tenant-mode dedicated"
        yield Mistake(file, place, rule, hint, "warning")


def virtual_hosts(application: Application) -> list[str]:
    """Return the hosts and ports that only the tunnel knows."""
    on_premise = application.landscape.on_premise
    return [] if on_premise is None else [system.virtual for system in on_premise.systems]


def declared_scopes(documents: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names, without the prefix, of the scopes that descriptors of the application declare."""
    return {
        scope["name"].removeprefix(OWN_SCOPE)
        for document in documents
        for scope in list_in(document.get("scopes"))
        if isinstance(scope, Mapping) and isinstance(scope.get("name"), str)
    }


def list_in(value: Any) -> list[Any]:
    """Return a list of a document that nobody has checked yet; an empty one where it holds something else."""
    return value if isinstance(value, list) else []
