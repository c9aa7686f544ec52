"""What `xs-app.json` says about an application: values without doubt, ready to be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from entryway.config.js_regex import JsRegex, Template
from entryway.config.xs_app_document import CompressionDocument, CorsDocument, LogoutDocument, ReplaceDocument

XS_APP = "xs-app.json"
REPOSITORY = "html5-apps-repo-rt"
"""The service that routes name to have files from the HTML5 application repository."""

LoginKind: TypeAlias = Literal["xsuaa", "ias", "basic", "none"]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ToDestination:
    """To the destination of this name; a template if the name is taken from the request."""

    name: str
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class ToFolder:
    """To the files of a folder."""

    path: Path
    cache_control: str | None = None
    replace: ReplaceDocument | None = None


@dataclass(frozen=True, slots=True)
class ToService:
    """To a bound service or one of the router's own."""

    name: str
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class ToApplication:
    """To the files of an application in the HTML5 application repository."""

    cache_control: str | None = None
    key: str | None = None
    """Name and version, in routes of the application itself; other routes have them in the path."""
    app_host_id: str | None = None

    @property
    def name(self) -> str:
        return REPOSITORY


Goal: TypeAlias = ToDestination | ToFolder | ToService | ToApplication


@dataclass(frozen=True, slots=True)
class Scopes:
    """Any one of the scopes suffices. With `by_method`, a method that is neither listed nor covered is refused."""

    default: tuple[str, ...] | None
    by_method: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NOTHING)

    def names(self) -> list[str]:
        """Return every scope that is asked for by any method, once."""
        named = [*(self.default or ()), *(name for names in self.by_method.values() for name in names)]
        return list(dict.fromkeys(named))

    def of_application(self, xsappname: str) -> Scopes:
        """Return the scopes with `$XSAPPNAME` replaced."""

        def replaced(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name.replace("$XSAPPNAME", xsappname) for name in names)

        by_method = {method: replaced(names) for method, names in self.by_method.items()}
        return Scopes(None if self.default is None else replaced(self.default), by_method)


@dataclass(frozen=True, slots=True)
class Route:
    """One route as written; `place` is its JSON pointer."""

    place: str
    source: JsRegex
    goal: Goal
    target: Template | None = None
    methods: frozenset[str] | None = None
    login: LoginKind | None = None
    csrf: bool = True
    scopes: Scopes | None = None
    identity_provider: str | None = None
    dynamic_identity_provider: bool | None = None
    prefer_local: bool = False
    set_backend_session_cookies: bool = False


@dataclass(frozen=True, slots=True)
class Logout:
    """How users leave."""

    endpoint: str | None = None
    page: str | None = None
    method: Literal["GET", "POST"] = "GET"
    csrf: bool = True
    back_channel_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class BackendLogout:
    """What a backend wants to be told when a session ends."""

    path: str
    method: str
    endpoint: str | None = None
    """Which endpoint of a business service to tell."""


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What to show instead of the router's own answer for these statuses: a file, or a redirect to a path."""

    statuses: frozenset[int]
    file: Path | None
    path: str | None


@dataclass(frozen=True, slots=True)
class XsApp:
    """The whole file."""

    routes: tuple[Route, ...]
    welcome_file: str | None = None
    authentication: Literal["route", "none"] = "route"
    session_timeout_minutes: int | None = None
    callback_endpoint: str = "/login/callback"
    logout: Logout = Logout()
    backend_logouts: Mapping[str, BackendLogout] = field(default_factory=lambda: NOTHING)
    service_logouts: Mapping[str, BackendLogout] = field(default_factory=lambda: NOTHING)
    response_headers: tuple[tuple[str, str], ...] = ()
    compression: CompressionDocument = field(default_factory=CompressionDocument)
    websockets: bool = False
    error_pages: tuple[ErrorPage, ...] = ()
    cors: tuple[CorsDocument, ...] = ()
    state_protection: bool = True
    plugin_metadata_endpoint: str | None = None
    allowlist_endpoint: str | None = None
    timeouts_ms: Mapping[str, int] = field(default_factory=lambda: NOTHING)

    @property
    def service_names(self) -> frozenset[str]:
        """What the file calls the bound services that it wants."""
        goals = (route.goal for route in self.routes)
        return frozenset(goal.name for goal in goals if isinstance(goal, ToService)) | self.service_logouts.keys()


def logout_of(document: LogoutDocument | None) -> Logout:
    """Return the rules of logging out."""
    if document is None:
        return Logout()
    csrf = document.csrf_protection is not False
    return Logout(
        document.logout_endpoint,
        document.logout_page,
        document.logout_method,
        csrf,
        document.back_channel_logout_endpoint,
    )
