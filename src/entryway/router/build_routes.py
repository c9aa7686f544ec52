"""Routes as the router works with them, and the folders that some of them lead to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from entryway.config.xs_app import LoginKind, Route, ToFolder
from entryway.config.xs_app_document import CompressionDocument
from entryway.router.built_in import endpoint_routes
from entryway.router.configuration import RouterConfiguration
from entryway.router.replace import build_replacement
from entryway.router.routes import Routes, serve_route
from entryway.router.static import Folder


def build_routes(configuration: RouterConfiguration, login: LoginKind) -> Routes:
    """Return the application's routes, and those of plugins and endpoints before them."""
    xs_app = configuration.xs_app
    endpoints = endpoint_routes(xs_app.plugin_metadata_endpoint, xs_app.allowlist_endpoint)
    return serve_routes(
        configuration, login, (*endpoints, *configuration.plugins, *xs_app.routes), xs_app.authentication
    )


def serve_routes(
    configuration: RouterConfiguration, login: LoginKind, routes: Sequence[Route], authentication: str
) -> Routes:
    """Return routes ready to be matched."""
    uaa, choice = configuration.services.uaa, configuration.environment.dynamic_identity_provider
    xsappname = "$XSAPPNAME" if uaa is None else uaa.xsappname
    chosen = [_with_choice(route, choice=choice) for route in routes]
    return Routes([serve_route(route, login, authentication == "none", xsappname) for route in chosen])


def _with_choice(route: Route, *, choice: bool) -> Route:
    """Return a route that says itself whether its users choose their identity provider."""
    return replace(route, dynamic_identity_provider=choice) if route.dynamic_identity_provider is None else route


def compression_of(configuration: RouterConfiguration) -> CompressionDocument:
    """Return the rules of compression: the environment's win over those of `xs-app.json`."""
    return configuration.environment.compression or configuration.xs_app.compression


def build_folders(configuration: RouterConfiguration, routes: Sequence[Route]) -> dict[int, Folder]:
    """Return the folders that routes lead to, by the identity of the routes' goals."""
    folders = {}
    for goal in (route.goal for route in routes):
        if isinstance(goal, ToFolder):
            replacement = None
            if goal.replace is not None:
                replacement = build_replacement(goal.replace, configuration.environ, configuration.bindings)
            folders[id(goal)] = Folder(
                goal.path, goal.cache_control, replacement, precompressed=compression_of(configuration).enabled
            )
    return folders
