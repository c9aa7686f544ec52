"""Which route serves a request, found fast among many, and what its target becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from entryway.config.xs_app_model import LoginKind, Route, Scopes
from entryway.config.xs_app_rules import scopes_of
from entryway.router.errors import RouteNotFound


@dataclass(frozen=True, slots=True)
class ServedRoute:
    """A route as the router works with it: everything that does not depend on the request is decided."""

    route: Route
    label: str
    """How logs name the route: `route 3 ^/orders/(.*)$`."""
    public: bool
    login: LoginKind
    csrf: bool
    """Whether requests that change something need the session's CSRF token."""
    default_scopes: frozenset[str] | None
    method_scopes: dict[str, frozenset[str]]
    unlisted_method_refused: bool
    search: Callable[[str], re.Match[str] | None]


@dataclass(frozen=True, slots=True)
class Match:
    """The route that takes a request, and what its source matched."""

    served: ServedRoute
    found: re.Match[str]

    def target(self) -> str:
        """Return the path and query to ask the backend for."""
        template, url = self.served.route.target, self.found.string
        if template is not None:
            # JavaScript's replace: only the matched part changes.
            url = url[: self.found.start()] + template.expand(self.found) + url[self.found.end() :]
        url = url.removesuffix("?")
        return url if url.startswith("/") else "/" + url


@dataclass(frozen=True, slots=True)
class MethodMismatch:
    """The path is served, but not with this method; `match` is the first route that has the path."""

    match: Match
    allowed: str


class Routes:
    """Routes in order; an index by the first path segment leaves few to try."""

    def __init__(self, routes: Sequence[ServedRoute]) -> None:
        self.routes = tuple(routes)
        segments = {segment for route in routes if (segment := _first_segment(route)) is not None}
        self._by_segment = {
            segment: tuple(route for route in routes if _first_segment(route) in (segment, None))
            for segment in segments
        }
        self._unindexed = tuple(route for route in routes if _first_segment(route) is None)

    def candidates(self, url: str) -> tuple[ServedRoute, ...]:
        """Return the routes that might take the URL, in order."""
        end = url.find("/", 1)
        return self._by_segment.get(url[: end + 1], self._unindexed) if end > 0 else self._unindexed

    def match(self, method: str, url: str) -> Match | MethodMismatch:
        """Return the first route that takes path, query and method."""
        mismatches: list[Match] | None = None
        for served in self.candidates(url):
            found = served.search(url)
            if found is None:
                continue
            methods = served.route.methods
            if methods is None or method in methods:
                return Match(served, found)
            mismatches = [*(mismatches or ()), Match(served, found)]
        if mismatches:
            return MethodMismatch(mismatches[0], _allowed(mismatches))
        raise RouteNotFound(url.partition("?")[0])


def serve_routes(routes: Iterable[Route], *, login: LoginKind, everything_public: bool, xsappname: str) -> Routes:
    """Decide for every route what does not depend on requests; `login` is the kind for routes that name none."""
    return Routes([serve_route(route, login, everything_public, xsappname) for route in routes])


def serve_route(route: Route, login: LoginKind, everything_public: bool, xsappname: str) -> ServedRoute:  # noqa: FBT001
    """Decide for one route what does not depend on requests."""
    kind = "none" if everything_public else route.login or login
    scopes = None if route.scopes is None else scopes_of(route.scopes, xsappname)
    return ServedRoute(
        route=route,
        label=f"{route.place} {route.source.source}",
        public=kind == "none",
        login=kind,
        csrf=route.csrf and kind != "none",
        default_scopes=None if scopes is None or scopes.default is None else frozenset(scopes.default),
        method_scopes={} if scopes is None else _method_scopes(scopes),
        unlisted_method_refused=scopes is not None and scopes.default is None,
        search=route.source.pattern.search,
    )


def _method_scopes(scopes: Scopes) -> dict[str, frozenset[str]]:
    return {method: frozenset(names) for method, names in scopes.by_method.items()}


def _first_segment(served: ServedRoute) -> str | None:
    """Return `/segment/` if every match begins with it."""
    prefix = served.route.source.literal_prefix
    end = prefix.find("/", 1)
    return prefix[: end + 1] if prefix.startswith("/") and end > 0 else None


def _allowed(mismatches: Sequence[Match]) -> str:
    names = dict.fromkeys(method for match in mismatches for method in sorted(match.served.route.methods or ()))
    return ", ".join(names)
