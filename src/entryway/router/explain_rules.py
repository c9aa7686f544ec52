"""What a route's keys, and those of the file around it, mean for a request: one note for each rule that counts here."""

from __future__ import annotations

from collections.abc import Iterator

from entryway.config.xs_app import USER_API, Route, ToDestination, ToFolder, ToService, XsApp
from entryway.router.cors import build_cors


def rules_of(route: Route) -> Iterator[str]:
    """Yield what the route says besides where it leads and who may go there."""
    goal = route.goal
    if route.identity_provider is not None:
        yield f"identityProvider: users log in at {route.identity_provider}"
    if route.dynamic_identity_provider:
        yield "dynamicIdentityProvider: the query's sap_idp chooses where users log in"
    if route.prefer_local:
        yield "preferLocal: the destination is the provider's own, not the subscriber's"
    if route.set_backend_session_cookies:
        yield "setBackendSessionCookies: session cookies of the backend reach the browser"
    if isinstance(goal, ToFolder) and goal.cache_control is not None:
        yield f"cacheControl: the answer says {goal.cache_control}"
    if isinstance(goal, ToFolder) and goal.replace is not None:
        yield f"replace: placeholders are filled in, in files that end in {', '.join(goal.replace.path_suffixes)}"
    if isinstance(goal, ToDestination) and goal.name == "*":
        yield "the destination is taken from the host, by DESTINATION_HOST_PATTERN"


def rules_around(xs_app: XsApp, route: Route, method: str, path: str) -> Iterator[str]:
    """Yield what the file says about such a request, whatever its route says."""
    goal = route.goal
    if isinstance(goal, ToDestination) and goal.name in xs_app.backend_logouts:
        yield f"destinations: its {xs_app.backend_logouts[goal.name].path} is called when a session ends"
    to_others = isinstance(goal, ToDestination | ToService) and goal.name != USER_API
    if xs_app.websockets and method == "GET" and to_others:
        yield "websockets: requests to open one are passed on, from the application's own pages or WS_ALLOWED_ORIGINS"
    if build_cors(xs_app.cors, ()).rule_for(path, "") is not None:
        yield "cors: pages of other origins may ask, as the first entry that fits says"
