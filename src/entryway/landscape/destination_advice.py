"""What is allowed in destinations and yet rarely meant, as it shows when they meet modules and systems on premise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from entryway.config.descriptor import XSUAA, Module, ServiceInstance
from entryway.config.mistakes import Mistake
from entryway.config.xs_app import Route, ToDestination, XsApp
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.landscape.application import Application

HERE = {"localhost", "127.0.0.1", "::1"}
DEFAULT_PORTS = {"http": 80, "https": 443}
READING = frozenset({"GET", "HEAD", "OPTIONS"})
ODATA_OF_A_SYSTEM = "/sap/opu/"
_URL = re.compile(r"https?://[A-Za-z0-9.\-]+(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Declared:
    """A destination, wherever it is declared."""

    name: str
    url: str
    on_premise: bool
    is_backend_system: bool
    """Whether it is a system with CSRF tokens of its own."""
    file: str
    place: str


def in_environment(destinations: Mapping[str, EnvironmentDestination], file: str, place: str) -> list[Declared]:
    """Return the destinations of a router's environment."""
    return [
        Declared(each.name, each.url, each.on_premise, each.on_premise, file, place) for each in destinations.values()
    ]


def in_services(instances: Iterable[ServiceInstance], file: str) -> list[Declared]:
    """Return the destinations that the descriptor creates with its destination services."""
    return [
        Declared(
            str(each.get("Name")),
            str(each.get("URL", "")),
            each.get("ProxyType") == "OnPremise",
            each.get("ProxyType") == "OnPremise" or "sap-client" in each,
            file,
            instance.place,
        )
        for instance in instances
        if instance.service == "destination"
        for each in _initial(instance.parameters)
    ]


def advise_on_destinations(declared: Sequence[Declared], virtual_hosts: Iterable[str]) -> Iterator[Mistake]:
    """Yield warnings about URLs: those of virtual hosts work through the connectivity proxy alone, by http."""
    virtual = set(virtual_hosts)
    for each in declared:
        if each.on_premise and each.url.lower().startswith("https:"):
            rule = f'the destination "{each.name}" is OnPremise and its URL begins with https'
            hint = "write http: the way to the virtual host is encrypted by the tunnel, and the connector speaks TLS"
            yield Mistake(each.file, each.place, rule, hint, "warning")
        if not each.on_premise and (host := _authority(each.url)) in virtual:
            rule = f'the destination "{each.name}" calls the virtual host {host} directly, which only the tunnel knows'
            yield Mistake(each.file, each.place, rule, "add proxyType OnPremise", "warning")


def advise_on_routes(xs_app: XsApp, declared: Sequence[Declared], file: str) -> Iterator[Mistake]:
    """Yield a warning for each route where router and backend both want a CSRF token of their own."""
    systems = {each.name for each in declared if each.is_backend_system}
    for route in _protected(xs_app):
        goal = route.goal
        if not isinstance(goal, ToDestination) or not route.csrf or (route.methods or {"POST"}) <= READING:
            continue
        target = "" if route.target is None else "".join(part for part in route.target.parts if isinstance(part, str))
        if goal.name in systems or ODATA_OF_A_SYSTEM in target or ODATA_OF_A_SYSTEM in route.source.source:
            rule = (
                f'requests to "{goal.name}" are protected against CSRF twice: the system wants a token of its own, '
                "which the router takes for its own and does not pass on"
            )
            hint = "set csrfProtection to false on this route, if the system checks tokens"
            yield Mistake(file, f"{route.place}/csrfProtection", rule, hint, "warning")


def advise_on_tokens(
    xs_app: XsApp, destinations: Mapping[str, EnvironmentDestination], application: Application, file: str
) -> Iterator[Mistake]:
    """Yield a warning for each destination that leads to a module which checks tokens, and brings none."""
    checking = {application.module_ports.get(each.name): each for each in _that_check_tokens(application)}
    told: set[str] = set()
    for route in _protected(xs_app):
        destination = destinations.get(route.goal.name) if isinstance(route.goal, ToDestination) else None
        if destination is None or destination.forward_auth_token or destination.name in told:
            continue
        module = checking.get(_local_port(destination.url))
        if module is not None:
            told.add(destination.name)
            rule = (
                f'"{module.name}" is bound to the authorization server, so it checks tokens; '
                f'the destination "{destination.name}" brings it none'
            )
            yield Mistake(file, f"{route.place}/destination", rule, "set forwardAuthToken to true", "warning")


def advise_on_variables(modules: Iterable[Module], virtual_hosts: Iterable[str], file: str) -> Iterator[Mistake]:
    """Yield a warning for each variable of a module that holds the URL of a virtual host."""
    virtual = set(virtual_hosts)
    for module in modules:
        for name, value in module.environment.items():
            hosts = {_authority(url) for url in _URL.findall(value)} & virtual
            # What is wrong with destinations is said of each by its name.
            if hosts and not (module.is_router and name == "destinations"):
                rule = f"the variable {name} of {module.name} names the virtual host {min(hosts)} directly"
                hint = "only the connectivity proxy knows it: look its destination up and call it through the proxy"
                yield Mistake(file, module.place, rule, hint, "warning")


def advise_on_cookies(names: Sequence[tuple[Module, str]], file: str) -> Iterator[Mistake]:
    """Yield a warning for each router whose session cookie another router of the application has as well."""
    for index, (module, cookie) in enumerate(names):
        earlier = next((other for other, name in names[:index] if name == cookie), None)
        if earlier is not None:
            rule = (
                f'{module.name} and {earlier.name} both keep sessions in the cookie "{cookie}": on one host, '
                "also on different ports, each login ends the other"
            )
            yield Mistake(file, module.place, rule, "give one of them another SESSION_COOKIE_NAME", "warning")


def _initial(parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    init_data = parameters.get("init_data")
    for level in ("instance", "subaccount"):
        part = init_data.get(level) if isinstance(init_data, Mapping) else None
        found = part.get("destinations") if isinstance(part, Mapping) else None
        yield from (each for each in found or () if isinstance(each, Mapping)) if isinstance(found, list) else ()


def _protected(xs_app: XsApp) -> list[Route]:
    if xs_app.authentication == "none":
        return []
    return [route for route in xs_app.routes if route.login != "none"]


def _that_check_tokens(application: Application) -> Iterator[Module]:
    uaas = {each.name for each in application.descriptor.instances if each.service == XSUAA}
    for module in application.descriptor.modules:
        if not module.is_router and any(bound.instance in uaas for bound in module.bindings):
            yield module


def _authority(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or DEFAULT_PORTS.get(parts.scheme, 0)}"
    except ValueError:
        return ""


def _local_port(url: str) -> int | None:
    try:
        parts = urlsplit(url)
        return (parts.port or DEFAULT_PORTS.get(parts.scheme)) if parts.hostname in HERE else None
    except ValueError:
        return None
