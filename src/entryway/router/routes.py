"""Which route serves a request, found fast among many, and what its target becomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from entryway.config.js_regex_engines import Found
from entryway.config.xs_app_model import LoginKind, Route, Scopes
from entryway.router.errors import RouteNotFound
from entryway.router.queries import without_field

MOST_KEPT: Final = 1000
LONGEST_KEPT: Final = 200
CHOSEN_PROVIDER: Final = "sap_idp"
"""The field of a query by which users choose their identity provider, where the route lets them."""


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
    search: Callable[[str], Found | None]


class Match:
    """The route that takes a request, and what its source matched."""

    __slots__ = ("_target", "bare", "found", "served")

    def __init__(self, served: ServedRoute, found: Found) -> None:
        self.served = served
        self.found = found
        self._target: str | None = None
        self.bare = False
        """Whether the target has no path at all, as where `/ui` becomes what stands behind `/ui`."""

    def target(self) -> str:
        """Return the path and query to ask the backend for."""
        if self._target is None:
            self._target = self._expanded()
        return self._target

    def _expanded(self) -> str:
        template, url = self.served.route.target, self.found.string
        if template is not None:
            # JavaScript's replace: only the matched part changes.
            start, end = self.found.span()
            url = url[:start] + template.expand(self.found) + url[end:]
            self.bare = url[:1] in ("", "?")
        if CHOSEN_PROVIDER in url:  # it is said to the router, on every route
            url = without_field(url, CHOSEN_PROVIDER)
        if url.endswith("?") and url.index("?") == len(url) - 1:
            url = url[:-1]  # a query that says nothing
        # `"target": "/"` for `^/app` leaves `//x` of `/app/x`, and means `/x`.
        return url if url.startswith("/") and not url.startswith("//") else "/" + url.lstrip("/")


@dataclass(frozen=True, slots=True)
class MethodMismatch:
    """The path is served, but not with this method; `match` is the first route that has the path."""

    match: Match
    allowed: str


class Routes:
    """Routes in order; an index by what their matches contain or begin with leaves few to try."""

    def __init__(self, routes: Sequence[ServedRoute]) -> None:
        self.routes = tuple(routes)
        segments = [_segments(route) for route in self.routes]
        shared = Counter(segment for found in segments for segment in found)
        # Of several, the one that fewest others have says most.
        keys = [
            min(found, key=shared.__getitem__) if found else _beginning(route)
            for route, found in zip(self.routes, segments, strict=True)
        ]
        self._unindexed = [place for place, key in enumerate(keys) if not key]
        self._by_key: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            if key:
                self._by_key.setdefault(key, []).append(place)
        self._known = frozenset(self._by_key)
        self._lengths = sorted({len(key) for key in self._known if key.startswith("/")})
        self._longest = self._lengths[-1] if self._lengths else 0
        self._without_key = self._at(())
        self._with_key = {key: self._at([key]) for key in self._known}
        self._of_folders: dict[str, tuple[ServedRoute, ...]] = {}
        """The routes that might take what lies in a folder: what is behind the last slash matters to none."""
        self._lately: dict[str, Match] = {}
        """What was found for GET and paths that were asked for lately: it depends on nothing else."""

    def candidates(self, url: str) -> tuple[ServedRoute, ...]:
        """Return the routes that might take the URL, in order."""
        folder = url[: url.rfind("/") + 1]
        if self._longest > len(folder):
            return self._of_keys(url)  # the part behind the last slash has a say
        found = self._of_folders.get(folder)
        if found is None:
            found = self._of_keys(folder)
            if "?" not in folder and len(folder) <= LONGEST_KEPT:
                if len(self._of_folders) >= MOST_KEPT:
                    self._of_folders.clear()
                self._of_folders[folder] = found
        return found

    def _of_keys(self, url: str) -> tuple[ServedRoute, ...]:
        keys = url.split("/")[1:-1]
        keys += [url[:length] for length in self._lengths]
        known = self._known.intersection(keys)
        if not known:
            return self._without_key
        return self._with_key[next(iter(known))] if len(known) == 1 else self._at(known)

    def _at(self, keys: Iterable[str]) -> tuple[ServedRoute, ...]:
        places = sorted(self._unindexed + [place for key in keys for place in self._by_key[key]])
        return tuple(self.routes[place] for place in places)

    def match(self, method: str, url: str) -> Match | MethodMismatch:
        """Return the first route that takes path, query and method."""
        if method != "GET":
            return self._find(method, url)
        kept = self._lately.get(url)
        if kept is not None:
            return kept
        match = self._find(method, url)
        # A query seldom comes again, and may hold what nobody should keep.
        if isinstance(match, Match) and "?" not in url and len(url) <= LONGEST_KEPT:
            if len(self._lately) >= MOST_KEPT:
                self._lately.clear()
            self._lately[url] = match
        return match

    def _find(self, method: str, url: str) -> Match | MethodMismatch:
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
    scopes = None if route.scopes is None else route.scopes.of_application(xsappname)
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


def _segments(served: ServedRoute) -> list[str]:
    """Return the whole segments, between two slashes, that every URL has which the route takes."""
    return served.route.source.literal_start.split("/")[1:-1]


def _beginning(served: ServedRoute) -> str:
    """Return what every URL begins with which the route takes, if that says more than a slash; it has a slash first."""
    prefix = served.route.source.literal_prefix
    return prefix if len(prefix) > 1 and prefix.startswith("/") else ""


def _allowed(mismatches: Sequence[Match]) -> str:
    names = dict.fromkeys(method for match in mismatches for method in sorted(match.served.route.methods or ()))
    return ", ".join(names)
