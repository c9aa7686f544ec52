"""What is allowed in an `xs-app.json` and yet rarely meant: each rule returns warnings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from entryway.config.mistakes import Mistake
from entryway.config.schema import did_you_mean
from entryway.config.xs_app import Route, ToDestination, ToFolder, XsApp
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.landscape.route_samples import sample_paths
from entryway.landscape.spelling_advice import advise_on_spelling

OWN_SCOPE = "$XSAPPNAME."


def advise(
    xs_app: XsApp,
    destinations: Mapping[str, EnvironmentDestination],
    file: str,
    scopes: Collection[str] | None = None,
) -> list[Mistake]:
    """Return every warning about the routes of one router; `scopes` are the application's own, if they are known."""
    return [
        *_hidden_routes(xs_app.routes, file),
        *_open_ends(xs_app.routes, file),
        *_public_beside_forwarded(xs_app, destinations, file),
        *_pages_behind_login(xs_app, file),
        *_main_page_cached(xs_app, file),
        *_pages_of_no_error(xs_app, file),
        *_scopes_unknown(xs_app, scopes, file),
        *advise_on_spelling(xs_app, file),
    ]


def _hidden_routes(routes: Sequence[Route], file: str) -> Iterator[Mistake]:
    for index, route in enumerate(routes):
        paths = sample_paths(route.source)
        earlier = next((other for other in routes[:index] if paths and _hides(other, route, paths)), None)
        if earlier is not None:
            rule = (
                f'the route "{route.source.source}" is never reached: '
                f'"{earlier.source.source}" ({earlier.place}) comes first and matches the same paths'
            )
            yield Mistake(file, f"{route.place}/source", rule, "put the more specific route first", "warning")


def _hides(earlier: Route, later: Route, paths: Sequence[str]) -> bool:
    if earlier.methods is not None and (later.methods is None or not later.methods <= earlier.methods):
        return False
    return all(earlier.source.pattern.search(path) for path in paths)


def _open_ends(routes: Sequence[Route], file: str) -> Iterator[Mistake]:
    for route in routes:
        prefix = route.source.literal_prefix
        last = prefix.rpartition("/")[2]
        only_a_prefix = re.sub(r"\\(.)", r"\1", route.source.source) == f"^{prefix}"
        # After a dot comes a file's extension, and nobody has a file index.htmls.
        if only_a_prefix and last and last[-1].isalnum() and "." not in last:
            rule = f'the source "{route.source.source}" also matches "{prefix}s…"'
            yield Mistake(file, f"{route.place}/source", rule, f"write ^{prefix}(/.*)?$", "warning")


def _public_beside_forwarded(
    xs_app: XsApp, destinations: Mapping[str, EnvironmentDestination], file: str
) -> Iterator[Mistake]:
    goals = [(route, route.goal.name) for route in xs_app.routes if isinstance(route.goal, ToDestination)]
    forwarding = sorted({name for _, name in goals if name in destinations and destinations[name].forward_auth_token})
    if not forwarding or xs_app.authentication == "none":
        return
    for route, name in goals:
        if route.login == "none" and name not in forwarding:
            rule = (
                f'"{forwarding[0]}" is sent the user\'s token, while the destination "{name}" is public '
                "(authenticationType none)"
            )
            hint = f"make sure that {name} is meant to be reached without login"
            yield Mistake(file, f"{route.place}/authenticationType", rule, hint, "warning")


def _pages_behind_login(xs_app: XsApp, file: str) -> Iterator[Mistake]:
    if xs_app.authentication == "none":
        return
    hint = "put a route for it with authenticationType none first"
    if xs_app.logout.page is not None and (route := _leads_to_login(xs_app, xs_app.logout.page)) is not None:
        rule = (
            f'the logout page "{xs_app.logout.page}" needs login ({route.place}): '
            "whoever logs out is asked to log in again"
        )
        yield Mistake(file, "/logout/logoutPage", rule, hint, "warning")
    for index, page in enumerate(xs_app.error_pages):
        if page.path is not None and (route := _leads_to_login(xs_app, f"/{page.path.lstrip('/')}")) is not None:
            rule = f'the error page "{page.path}" needs login ({route.place}): who cannot log in does not see it'
            yield Mistake(file, f"/errorPage/{index}/path", rule, hint, "warning")


def _pages_of_no_error(xs_app: XsApp, file: str) -> Iterator[Mistake]:
    for index, page in enumerate(xs_app.error_pages):
        for status in sorted(page.statuses):
            if not 400 <= status <= 599:
                rule = f"no error has the status {status}: the page is never shown for it"
                yield Mistake(file, f"/errorPage/{index}/status", rule, "name one of 400 to 599", "warning")


def _leads_to_login(xs_app: XsApp, page: str) -> Route | None:
    """Return the route of a page of this application if it is not public."""
    if not page.startswith("/") or page.startswith("//"):
        return None
    route = _route_of(xs_app.routes, page)
    return None if route is None or route.login == "none" else route


def _route_of(routes: Sequence[Route], page: str) -> Route | None:
    path = page.partition("?")[0].partition("#")[0]
    return next((route for route in routes if route.source.pattern.search(path)), None)


def _main_page_cached(xs_app: XsApp, file: str) -> Iterator[Mistake]:
    if xs_app.welcome_file is None or xs_app.authentication == "none":
        return
    page = f"/{xs_app.welcome_file.lstrip('/')}"
    route = _route_of(xs_app.routes, page)
    if route is None or route.login == "none" or not isinstance(route.goal, ToFolder):
        return
    if route.goal.cache_control is not None and may_be_reused(route.goal.cache_control):
        rule = (
            f'browsers may keep the main page "{page}" ("{route.goal.cache_control}"): '
            "they show it without asking, and the login never starts"
        )
        hint = 'put a route for this page first, with cacheControl "no-cache, no-store, must-revalidate"'
        yield Mistake(file, f"{route.place}/cacheControl", rule, hint, "warning")


def may_be_reused(cache_control: str) -> bool:
    """Tell whether a browser may show what it kept under this Cache-Control without asking again."""
    directives = dict(_directive(part) for part in cache_control.lower().split(","))
    if "no-store" in directives or "no-cache" in directives:
        return False
    return directives.get("max-age", "0").strip('"') != "0" or "immutable" in directives


def _directive(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip(), value.strip()


def _scopes_unknown(xs_app: XsApp, known: Collection[str] | None, file: str) -> Iterator[Mistake]:
    if known is None:
        return
    for route in xs_app.routes:
        for scope in () if route.scopes is None else route.scopes.names():
            # Scopes of other applications and of the platform are declared elsewhere.
            if scope.startswith(OWN_SCOPE) and scope.removeprefix(OWN_SCOPE) not in known:
                rule = f'no xs-security.json declares the scope "{scope}": nobody can have it'
                hint = did_you_mean(scope, [f"{OWN_SCOPE}{name}" for name in sorted(known)])
                yield Mistake(file, f"{route.place}/scope", rule, hint, "warning")
