"""From the shape of `xs-app.json` to what it means: routes, plugins and the application around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from string import punctuation
from typing import Any
from urllib.parse import quote

from entryway.config.js_regex import JsRegex, RegexRefused, Template, compile_js, compile_template
from entryway.config.js_regex_hints import hint
from entryway.config.mistakes import Mistake
from entryway.config.schema import check, wrong_type
from entryway.config.xs_app_document import (
    ErrorPageDocument,
    PluginDocument,
    RouteDocument,
    ScopesByMethod,
    SourceObject,
    XsAppDocument,
)
from entryway.config.xs_app_model import (
    REPOSITORY,
    XS_APP,
    BackendLogout,
    ErrorPage,
    Goal,
    Route,
    Scopes,
    ToApplication,
    ToDestination,
    ToFolder,
    ToService,
    XsApp,
    logout_of,
)
from entryway.config.xs_app_rules import document_mistakes, inside, route_mistakes

DEFAULT_SOURCE = "^/(.*)$"
DEFAULT_FOLDER = "resources"
CALLBACK = "/login/callback"
_LINE_ENDS = re.compile("[\t\r\n]")


def build_xs_app(root: XsAppDocument, workdir: Path) -> tuple[XsApp, list[Mistake]]:
    """Return the application and the mistakes; what is mistaken is left out of it."""
    routes, mistakes = build_routes(root.routes, workdir)
    if not any(isinstance(raw, dict) and "localDir" in raw for raw in root.routes):
        routes += default_route(workdir, len(root.routes))
    mistakes += document_mistakes(root, routes, workdir)
    return XsApp(
        routes=tuple(routes),
        welcome_file=root.welcome_file,
        authentication=root.authentication_method,
        session_timeout_minutes=root.session_timeout or None,
        callback_endpoint=root.login.callback_endpoint if root.login else CALLBACK,
        logout=logout_of(root.logout),
        backend_logouts={
            name: BackendLogout(told.logout_path, told.logout_method)
            for name, told in root.destinations.items()
            if told.logout_path is not None
        },
        service_logouts={
            name: BackendLogout(told.logout_path, told.logout_method, told.endpoint)
            for name, told in root.services.items()
            if told.logout_path is not None
        },
        response_headers=tuple((header.name, header.value) for header in root.response_headers),
        compression=root.compression,
        websockets=root.websockets.enabled,
        error_pages=tuple(_error_page(page, workdir) for page in root.error_page),
        cors=tuple(root.cors),
        state_protection=root.state_protection,
        plugin_metadata_endpoint=root.plugin_metadata_endpoint,
        allowlist_endpoint=root.whitelist_service.endpoint if root.whitelist_service else None,
        timeouts_ms=root.outgoing_request_options.milliseconds(),
    ), mistakes


def build_routes(raw_routes: Sequence[Any], workdir: Path) -> tuple[list[Route], list[Mistake]]:
    """Return the routes that can be understood, and the mistakes of all."""
    routes: list[Route] = []
    mistakes: list[Mistake] = []
    for index, raw in enumerate(raw_routes):
        place = f"/routes/{index}"
        if not isinstance(raw, dict):
            mistakes.append(Mistake(XS_APP, place, wrong_type(raw, "object")))
            continue
        document, wrong = check(RouteDocument, raw, XS_APP, place)
        mistakes += wrong
        if document is None:
            continue
        route, wrong = _route(document, place, workdir)
        mistakes += wrong
        if route is not None:
            routes.append(route)
    return routes, mistakes


def default_route(workdir: Path, index: int) -> list[Route]:
    """Return the last route that serves `resources`, if there is such a folder."""
    folder = workdir / DEFAULT_FOLDER
    if not folder.is_dir():
        return []
    source = compile_js(DEFAULT_SOURCE)
    return [Route(f"/routes/{index}", source, ToFolder(folder.resolve()), compile_template("$1", source))]


def build_plugin(document: PluginDocument, place: str, file: str) -> tuple[Route | None, list[Mistake]]:
    """Return the route that a plugin is."""
    regex, mistakes = _source(document.source, place, file)
    if regex is None:
        return None, mistakes
    return Route(
        place,
        regex,
        _destination(document.destination, regex),
        _target(document.target, regex),
        frozenset(document.http_methods) if document.http_methods else None,
        document.authentication_type,
        document.csrf_protection,
        _scopes(document.scope),
    ), mistakes


def _route(document: RouteDocument, place: str, workdir: Path) -> tuple[Route | None, list[Mistake]]:
    regex, mistakes = _source(document.source, place, XS_APP)
    mistakes += route_mistakes(document, place, workdir)
    if regex is None or any(mistake.severity == "error" for mistake in mistakes):
        return None, mistakes
    return Route(
        place,
        regex,
        _goal(document, regex, workdir),
        _target(document.target, regex),
        frozenset(document.http_methods) if document.http_methods else None,
        document.authentication_type,
        document.csrf_protection,
        _scopes(document.scope),
        document.identity_provider,
        document.dynamic_identity_provider,
        document.prefer_local,
        document.set_backend_session_cookies,
    ), mistakes


def _source(source: str | SourceObject, place: str, file: str) -> tuple[JsRegex | None, list[Mistake]]:
    text = source if isinstance(source, str) else source.path
    ignore_case = isinstance(source, SourceObject) and not source.match_case
    where = f"{place}/source" if isinstance(source, str) else f"{place}/source/path"
    try:
        return compile_js(text, ignore_case=ignore_case), []
    except RegexRefused as error:
        rule = f"Format validation failed (Invalid regular expression: /{text}/: {error})"
        return None, [Mistake(file, where, rule, hint(text, error))]


def _goal(document: RouteDocument, regex: JsRegex, workdir: Path) -> Goal:
    if document.destination is not None:
        return _destination(document.destination, regex)
    if document.service == REPOSITORY:
        return ToApplication(document.cache_control)
    if document.service is not None:
        return ToService(document.service, document.endpoint)
    folder = inside(workdir, document.local_dir or "").resolve()
    return ToFolder(folder, document.cache_control, document.replace)


def _target(text: str | None, regex: JsRegex) -> Template | None:
    """Return the target as a request line can hold it: without fragment and line ends, other letters in UTF-8."""
    if text is None:
        return None
    line = _LINE_ENDS.sub("", text).partition("#")[0].replace("\\", "/")
    return compile_template(quote(line, safe=punctuation), regex)


def _destination(name: str, regex: JsRegex) -> ToDestination:
    template = compile_template(name, regex)
    dynamic = any(isinstance(part, int) for part in template.parts)
    return ToDestination(name, template if dynamic else None)


def _scopes(scope: str | list[str] | ScopesByMethod | None) -> Scopes | None:
    if scope is None:
        return None
    if not isinstance(scope, ScopesByMethod):
        return Scopes(_names(scope))
    by_method = {
        method: _names(names)
        for method, names in scope.model_dump(by_alias=True, exclude_none=True).items()
        if method != "default"
    }
    return Scopes(None if scope.default is None else _names(scope.default), by_method)


def _names(scope: str | list[str]) -> tuple[str, ...]:
    return (scope,) if isinstance(scope, str) else tuple(scope)


def _error_page(page: ErrorPageDocument, workdir: Path) -> ErrorPage:
    statuses = [page.status] if isinstance(page.status, int) else page.status
    file = None if page.file is None else inside(workdir, page.file).resolve()
    return ErrorPage(frozenset(statuses), file, page.path)
