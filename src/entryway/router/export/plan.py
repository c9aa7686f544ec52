"""What a proxy in front does with each route, in no proxy's language.

The proxy never decides what a route means: the decision endpoint does, and names the upstream and the target. What is
planned from the routes here is a short way only: requests that are the router's anyway go there without a question. To
send a request to the router is always right; where an expression cannot be written down for a proxy, it asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from entryway.config.js_regex import JsRegex
from entryway.config.js_regex_characters import RegexRefused
from entryway.router.backends import Backend
from entryway.router.built_in import endpoint_routes
from entryway.router.configuration import RouterConfiguration
from entryway.router.deciding import own_paths, why_by_router, why_not_carried
from entryway.router.decision_dialects import upstream_name
from entryway.router.origins import TlsContexts, environment_backend
from entryway.router.returned import additions

Write = Callable[[JsRegex], str]


@dataclass(frozen=True, slots=True)
class PlannedRoute:
    """One route: whose it is, and how the proxy recognizes it if it can."""

    label: str
    by_router: str | None
    """Why the router serves it; None if the proxy carries its bytes."""
    pattern: str | None
    """The source in the proxy's language; None if the proxy asks without having looked."""
    inexpressible: str | None = None
    """Why there is no pattern."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A destination that the proxy carries bytes for."""

    name: str
    key: str
    """How the decision names it."""
    scheme: str
    host: str
    port: int
    idle_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a proxy's configuration says."""

    routes: tuple[PlannedRoute, ...]
    upstreams: tuple[Upstream, ...]
    own_paths: tuple[str, ...]
    cross_origin: bool
    """Whether requests of pages of other origins are told apart, which the router does."""
    additions: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def plan(configuration: RouterConfiguration, write: Write, tls: TlsContexts) -> Plan:
    """Return what the proxy whose expressions `write` writes has to do."""
    xs_app, environment = configuration.xs_app, configuration.environment
    own = endpoint_routes(xs_app.plugin_metadata_endpoint, xs_app.allowlist_endpoint)
    routes = tuple(
        _route(
            f"{route.place} {route.source.source}",
            route.source,
            route.methods,
            why_by_router(route, environment),
            write,
        )
        for route in (*own, *configuration.plugins, *xs_app.routes)
    )
    carried = [
        destination
        for name, destination in environment.destinations.items()
        if why_not_carried(name, environment) is None
    ]
    added = additions(environment.http_headers, xs_app.response_headers, frame_options=environment.send_x_frame_options)
    return Plan(
        routes,
        tuple(_upstream(environment_backend(destination, tls), destination.timeout_ms) for destination in carried),
        tuple(sorted(own_paths(xs_app))),
        bool(xs_app.cors or environment.cors),
        tuple((name.decode(), value.decode("latin-1")) for name, value in added.headers),
        _remarks(configuration),
    )


def short_ways(routes: tuple[PlannedRoute, ...]) -> list[PlannedRoute]:
    """Return the routes that the proxy may tell apart, in order: up to the first whose source it cannot have."""
    known: list[PlannedRoute] = []
    for route in routes:
        if route.pattern is None:
            break
        known.append(route)
    while known and known[-1].by_router is None:
        known.pop()  # what is asked about anyway needs no line
    return known


def _route(
    label: str, source: JsRegex, methods: frozenset[str] | None, by_router: str | None, write: Write
) -> PlannedRoute:
    try:
        pattern = write(source)
    except RegexRefused as refused:
        return PlannedRoute(label, by_router, None, str(refused))
    if by_router is not None and methods is not None:
        # Another route may take the path for other methods.
        return PlannedRoute(label, by_router, None, "it is for some methods only")
    return PlannedRoute(label, by_router, pattern)


def _upstream(backend: Backend, idle_ms: int) -> Upstream:
    origin = backend.origin
    return Upstream(backend.name, upstream_name(backend.name), origin.scheme, origin.host, origin.port, idle_ms)


def _remarks(configuration: RouterConfiguration) -> tuple[str, ...]:
    environment = configuration.environment
    remarks = []
    if environment.decision_port is None:
        remarks.append("set ENTRYWAY_DECISION_PORT for the router: it answers no decisions yet")
    if environment.trusted_proxies is None:
        remarks.append(
            "set TRUSTED_PROXIES for the router to the proxy's addresses: it believes everybody's forwarding headers"
        )
    return tuple(remarks)
