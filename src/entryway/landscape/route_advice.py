"""What is allowed in an `xs-app.json` and yet rarely meant: each rule returns warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from entryway.config.mistakes import Mistake
from entryway.config.xs_app import Route, ToDestination, XsApp
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.landscape.route_samples import sample_paths


def advise(xs_app: XsApp, destinations: Mapping[str, EnvironmentDestination], file: str) -> list[Mistake]:
    """Return every warning about the routes of one router."""
    return [
        *_hidden_routes(xs_app.routes, file),
        *_open_ends(xs_app.routes, file),
        *_public_beside_forwarded(xs_app, destinations, file),
        *_logout_needs_login(xs_app, file),
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


def _logout_needs_login(xs_app: XsApp, file: str) -> Iterator[Mistake]:
    page = xs_app.logout.page
    if page is None or not page.startswith("/") or page.startswith("//") or xs_app.authentication == "none":
        return
    path = page.partition("?")[0].partition("#")[0]
    route = next((route for route in xs_app.routes if route.source.pattern.search(path)), None)
    if route is not None and route.login != "none":
        rule = f'the logout page "{page}" needs login ({route.place}): whoever logs out is asked to log in again'
        hint = "put a route for it with authenticationType none first"
        yield Mistake(file, "/logout/logoutPage", rule, hint, "warning")
