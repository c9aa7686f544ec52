"""What a proxy in front of the router may be told, and what stays the router's: decided once, when it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from entryway.config.environment_model import RouterEnvironment
from entryway.config.environment_reader import SETTINGS
from entryway.config.mistakes import Mistake
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.config.xs_app_model import Route, ToDestination, ToFolder, XsApp
from entryway.http import Peer
from entryway.router.address import FORWARDING, trust_in
from entryway.router.forward import PLATFORM

LOGIN_START = "/entryway/login"
"""Where a proxy sends people whom it did not let through; only there if there is a decision endpoint."""

LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

UPSTREAM_NAMES = tuple(
    sorted(
        {b"authorization", b"cookie", b"x-csrf-token", b"x-correlationid", b"tenantid"}
        | {name for name in PLATFORM | FORWARDING if b"_" not in name}
    )
)
"""Headers that the decision alone gives: a proxy takes each from its answer, and sends none that is not there."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """What the decision endpoint of one configuration goes by."""

    trusts: Callable[[Peer], bool]
    own_paths: frozenset[str]
    carried: frozenset[str]
    """Destinations whose bytes a proxy can carry."""


def deciding_of(xs_app: XsApp, environment: RouterEnvironment) -> Deciding | None:
    """Return the rules of the decision endpoint, or None if the configuration wants none."""
    if environment.decision_port is None:
        return None
    # Who asks here gets users' tokens: nobody is believed just because nothing was said.
    networks = LOOPBACK if environment.trusted_proxies is None else environment.trusted_proxies
    names = {name for name in environment.destinations if why_not_carried(name, environment) is None}
    return Deciding(trust_in(networks), own_paths(xs_app), frozenset(names))


def decision_mistakes(environment: RouterEnvironment) -> list[Mistake]:
    """Return what is wrong with the settings of the decision endpoint, seen together."""
    port = environment.decision_port
    if port is None:
        return []
    if port == environment.port:
        return [Mistake(SETTINGS, "/decisionPort", "the decision port and PORT are the same", "they need one each")]
    if environment.trusted_proxies is None:
        rule = "forwarding headers are believed from everybody, although a proxy is in front"
        return [Mistake("TRUSTED_PROXIES", "", rule, "name the proxy's addresses", "warning")]
    return []


def own_paths(xs_app: XsApp) -> frozenset[str]:
    """Return the paths that the router answers before it looks at routes."""
    paths = {xs_app.callback_endpoint, xs_app.logout.endpoint, xs_app.logout.back_channel_endpoint, LOGIN_START}
    if xs_app.welcome_file is not None:
        paths.add("/")
    return frozenset(path for path in paths if path is not None)


def why_by_router(route: Route, environment: RouterEnvironment) -> str | None:
    """Return why the requests of a route go through the router, or None if a proxy can carry them."""
    goal = route.goal
    if route.login == "basic":
        return "the router takes user names and passwords itself"
    if isinstance(goal, ToFolder):
        return "files are served by the router"
    if not isinstance(goal, ToDestination):
        return "the router knows the service or application"
    if goal.template is not None or goal.name == "*":
        return "the destination is known only when the request is there"
    return why_not_carried(goal.name, environment)


def why_not_carried(name: str, environment: RouterEnvironment) -> str | None:
    """Return why the router must carry the bytes for a destination, or None if a proxy can."""
    destination = environment.destinations.get(name)
    if destination is None:
        return "the destination service is asked for the destination"
    if environment.frame_ancestors_seconds is not None or environment.merge_csp:
        return "the router changes Content-Security-Policy in the answers"
    return _why_not(destination)


def _why_not(destination: EnvironmentDestination) -> str | None:
    if destination.on_premise:
        return "the system is in a company network"
    if destination.proxy is not None:
        return "the destination is reached through a proxy of its own"
    if not destination.strict_ssl:
        return "the destination's certificate is not verified"
    if destination.forward_auth_certificates:
        return "the destination is shown a client certificate"
    return None
