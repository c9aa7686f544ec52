"""What the router would do with a request, and why: the answer to *why do I get this?* without starting anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.xs_app import USER_API, LoginKind, Route, ToDestination, ToFolder, ToService, XsApp, read_xs_app
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.config.xs_app_model import XS_APP
from entryway.errors import EntrywayError
from entryway.router import csrf
from entryway.router.built_in import endpoint_routes
from entryway.router.configuration import read_configuration
from entryway.router.explain_rules import rules_around, rules_of
from entryway.router.paths import check_path
from entryway.router.routes import Match, ServedRoute, serve_route


@dataclass(frozen=True, slots=True)
class Step:
    """One route that was tried, and why it did not take the request."""

    place: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a request; everything that does not apply is None or empty."""

    method: str
    url: str
    outcome: str
    """`forward`, `file`, `user_api`, `login_callback`, `logout`, `back_channel_logout`, `welcome_redirect`,
    `method_not_allowed`, `not_found` or `refused`."""
    earlier: tuple[Step, ...] = ()
    place: str | None = None
    source: str | None = None
    goal: str | None = None
    """`destination NAME`, `folder PATH` or `service NAME`."""
    target: str | None = None
    """The path that the destination is asked for, or the file below the folder."""
    upstream: str | None = None
    """The full URL, if the destination is one of the environment."""
    login: str | None = None
    """`xsuaa` and so on, or `none`."""
    without_session: str | None = None
    """What happens to somebody who is not logged in."""
    scopes: tuple[str, ...] = ()
    """Any one of them suffices; empty: none is needed."""
    csrf: bool = False
    """Whether this request needs the session's CSRF token."""
    allowed_methods: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def explain(app: XsApp | Path, method: str, url: str, environ: Mapping[str, str] | None = None) -> Explanation:
    """Explain a request. `app` is a folder (its environment files and `environ` are read too) or a parsed file.

    Raises ConfigurationMistakes if the file itself is wrong; an environment that is incomplete only costs detail.
    """
    method = method.upper()
    target = _target_of(url)
    xs_app, destinations, xsappname, plugins, notes, login = _read(app, environ or {})
    try:
        check_path(target)
    except EntrywayError as error:
        return Explanation(method, target, "refused", notes=(f"{error.status}: {error.detail}",))
    special = _special(xs_app, method, target)
    if special is not None:
        return special
    public = xs_app.authentication == "none"
    endpoints = endpoint_routes(xs_app.plugin_metadata_endpoint, xs_app.allowlist_endpoint)
    routes = (*endpoints, *plugins, *xs_app.routes)
    served = [serve_route(route, login, public, xsappname) for route in routes]
    told = _explain_routes(served, method, target, destinations, notes)
    taken = next((route for route in routes if route.place == told.place), None)
    if taken is None:
        return told
    path = target.partition("?")[0]
    return replace(told, notes=(*told.notes, *rules_of(taken), *rules_around(xs_app, taken, method, path)))


def _read(
    app: XsApp | Path, environ: Mapping[str, str]
) -> tuple[XsApp, Mapping[str, EnvironmentDestination], str, tuple[Route, ...], tuple[str, ...], LoginKind]:
    if isinstance(app, XsApp):
        return app, {}, "$XSAPPNAME", (), (), "xsuaa"
    try:
        configuration = read_configuration(app, environ)
    except ConfigurationMistakes as wrong:
        # The file alone decides about routes; what the environment lacks is only mentioned.
        notes = tuple(f"not checked against the environment: {mistake.rule}" for mistake in wrong.mistakes[:3])
        return read_xs_app(app / XS_APP), {}, "$XSAPPNAME", (), notes, "xsuaa"
    uaa = configuration.services.uaa
    login: LoginKind = "xsuaa" if configuration.services.identity is None else "ias"
    return (
        configuration.xs_app,
        configuration.environment.destinations,
        uaa.xsappname if uaa else "$XSAPPNAME",
        configuration.plugins,
        (),
        login,
    )


def _target_of(url: str) -> str:
    if "://" not in url:
        return url if url.startswith("/") else f"/{url}"
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _special(xs_app: XsApp, method: str, target: str) -> Explanation | None:
    path = target.partition("?")[0]
    if path == xs_app.callback_endpoint and method == "GET":
        return Explanation(method, target, "login_callback", notes=("the authorization server sends browsers here",))
    if xs_app.logout.endpoint is not None and path == xs_app.logout.endpoint:
        wanted = xs_app.logout.method
        if method != wanted:
            return Explanation(method, target, "method_not_allowed", allowed_methods=(wanted,))
        return Explanation(method, target, "logout", csrf=wanted == "POST" and xs_app.logout.csrf)
    if path == xs_app.logout.back_channel_endpoint and method == "POST":
        meaning = "the identity service ends sessions here, with a logout token"
        return Explanation(method, target, "back_channel_logout", notes=(meaning,))
    if path == "/" and xs_app.welcome_file is not None:
        fetching = "with x-csrf-token: fetch the page itself is answered"
        file = "/" + xs_app.welcome_file.lstrip("/")
        return Explanation(method, target, "welcome_redirect", target=file, notes=(fetching,))
    return None


def _explain_routes(
    routes: list[ServedRoute],
    method: str,
    target: str,
    destinations: Mapping[str, EnvironmentDestination],
    notes: tuple[str, ...],
) -> Explanation:
    earlier: list[Step] = []
    mismatches: list[ServedRoute] = []
    for served in routes:
        route = served.route
        found = served.search(target)
        if found is None:
            earlier.append(Step(route.place, route.source.source, "the source does not match path and query"))
        elif route.methods is not None and method not in route.methods:
            mismatches.append(served)
            allowed = ", ".join(sorted(route.methods))
            earlier.append(
                Step(route.place, route.source.source, f"the source matches, but httpMethods has {allowed} only")
            )
        else:
            return _explain_match(Match(served, found), method, target, destinations, tuple(earlier), notes)
    if mismatches:
        methods = tuple(sorted({name for served in mismatches for name in served.route.methods or ()}))
        return Explanation(method, target, "method_not_allowed", tuple(earlier), allowed_methods=methods, notes=notes)
    return Explanation(method, target, "not_found", tuple(earlier), notes=notes)


def _explain_match(  # noqa: PLR0917 - values, not a bag
    match: Match,
    method: str,
    target: str,
    destinations: Mapping[str, EnvironmentDestination],
    earlier: tuple[Step, ...],
    notes: tuple[str, ...],
) -> Explanation:
    served, route = match.served, match.served.route
    rewritten = match.target()
    outcome, goal, upstream = "user_api", f"service {getattr(route.goal, 'name', '')}", None
    if isinstance(route.goal, ToDestination):
        name = route.goal.template.expand(match.found) if route.goal.template else route.goal.name
        outcome, goal = "forward", f"destination {name}"
        found = destinations.get(name)
        upstream = None if found is None else found.url.rstrip("/") + rewritten
        if found is not None and found.ias_dependency_name is not None:
            meant = f"the token for the dependency {found.ias_dependency_name}"
            notes = (*notes, f"users of the identity service are shown to the destination by {meant}")
    elif isinstance(route.goal, ToService) and route.goal.name != USER_API:
        outcome = "forward"
        goal += f" endpoint {route.goal.endpoint}" if route.goal.endpoint else ""
    elif isinstance(route.goal, ToFolder):
        outcome, goal = "file", f"folder {route.goal.path}"
        if method not in ("GET", "HEAD"):
            notes = (*notes, "files answer GET and HEAD only: 405")
    without = None
    if not served.public:
        without = "the login page" if method == "GET" else "401"
        if served.login == "basic":
            without = "401 that asks for name and password"
    required = served.method_scopes.get(method, served.default_scopes) or frozenset()
    if not served.public and not required and served.unlisted_method_refused:
        notes = (*notes, f"403: the route's scope names neither {method} nor a default")
    return Explanation(
        method,
        target,
        outcome,
        earlier,
        route.place,
        route.source.source,
        goal,
        rewritten,
        upstream,
        served.login,
        without,
        () if served.public else tuple(sorted(required)),
        served.csrf and method not in csrf.SAFE_METHODS,
        notes=notes,
    )
