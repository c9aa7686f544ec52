"""The `xs-app.json` of an application in the HTML5 application repository: what of it the router obeys.

It is written by the application's developers, not by those who run the router: it routes below the application's own
path, to destinations and services, and never to folders of the router.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from entryway.config.header_rules import header_rule
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.config.schema import check
from entryway.config.xs_app_build import build_routes
from entryway.config.xs_app_document import XsAppDocument
from entryway.config.xs_app_model import XS_APP, Logout, Route, ToApplication, logout_of

OBEYED = frozenset({"welcomeFile", "authenticationMethod", "logout", "responseHeaders", "routes"})


@dataclass(frozen=True, slots=True)
class HostedApplication:
    """What an application's own file says."""

    routes: tuple[Route, ...]
    welcome_file: str | None
    authentication: Literal["route", "none"]
    logout: Logout
    response_headers: tuple[tuple[str, str], ...]
    without_effect: tuple[str, ...]
    """Keys that are the central file's business."""


def parse_hosted_application(content: Mapping[str, Any], key: str, app_host_id: str | None) -> HostedApplication:
    """Return what the file says, or raise with every mistake in it; `key` is the application's name and version."""
    root, mistakes = check(XsAppDocument, dict(content), XS_APP)
    raw = [] if root is None else root.routes
    mistakes += [
        Mistake(XS_APP, f"/routes/{index}", "an application in the repository has no localDir")
        for index, route in enumerate(raw)
        if isinstance(route, dict) and "localDir" in route
    ]
    headers = () if root is None else tuple((header.name, header.value) for header in root.response_headers)
    mistakes += [
        Mistake(XS_APP, f"/responseHeaders/{index}", rule)
        for index, (name, value) in enumerate(headers)
        if (rule := header_rule(name, value))
    ]
    routes, more = build_routes(raw, Path())
    errors = [mistake for mistake in mistakes + more if mistake.severity == "error"]
    if root is None or errors:
        raise ConfigurationMistakes(errors)
    return HostedApplication(
        tuple(_own(route, key, app_host_id) for route in routes),
        root.welcome_file,
        root.authentication_method,
        logout_of(root.logout),
        headers,
        tuple(sorted(content.keys() - OBEYED)),
    )


def _own(route: Route, key: str, app_host_id: str | None) -> Route:
    """Let a route to the repository lead to the files of this application alone."""
    if not isinstance(route.goal, ToApplication):
        return route
    return replace(route, goal=replace(route.goal, key=key, app_host_id=app_host_id))
