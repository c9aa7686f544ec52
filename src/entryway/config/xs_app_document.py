"""The shape of `xs-app.json` as it is written: keys, types and bounds. What the parts mean together is `xs_app`'s."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from entryway.config.header_rules import HeaderName, HeaderValue
from entryway.config.js_regex import RegexRefused, compile_js
from entryway.config.schema import JsonDocument, OpenDocument, json_type

Method = Literal["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH"]


def _union_of(*kinds: str) -> Discriminator:
    """Choose the member of a union by the JSON type, so that a mistake names one rule instead of one per member."""

    def tag(value: Any) -> str | None:
        kind = json_type(value)
        return f"<{kind}>" if kind in kinds else None

    return Discriminator(tag, custom_error_type="wrong_type", custom_error_message="/".join(kinds))


def _expression(text: str) -> str:
    try:
        compile_js(text)
    except RegexRefused as error:
        raise ValueError(f"Invalid regular expression: /{text}/: {error}") from None
    return text


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")


def _relative(text: str) -> str:
    if _SCHEME.match(text) or text.startswith("//"):
        raise ValueError("URI must be a relative path")
    return text


def _page(text: str) -> str:
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[0].lower() not in {"http:", "https:"}:
        raise ValueError("Supported schemes are 'http' and 'https'")
    return text


def _each_once(items: list[int]) -> list[int]:
    if len(set(items)) < len(items):
        raise ValueError("Array items are not unique")
    return items


Text = Annotated[str, Field(min_length=1)]
RelativeUri = Annotated[Text, AfterValidator(_relative)]
PageUri = Annotated[Text, AfterValidator(_page)]
Expression = Annotated[Text, AfterValidator(_expression)]
ScopeNames = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[list[Text], Field(min_length=1), Tag("<array>")],
    _union_of("string", "array"),
]


class ScopesByMethod(JsonDocument):
    """A scope per method; field names are the methods themselves."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("Too few properties defined (0), minimum 1")
        return self

    get: ScopeNames | None = Field(None, alias="GET")
    head: ScopeNames | None = Field(None, alias="HEAD")
    post: ScopeNames | None = Field(None, alias="POST")
    put: ScopeNames | None = Field(None, alias="PUT")
    delete: ScopeNames | None = Field(None, alias="DELETE")
    patch: ScopeNames | None = Field(None, alias="PATCH")
    options: ScopeNames | None = Field(None, alias="OPTIONS")
    trace: ScopeNames | None = Field(None, alias="TRACE")
    connect: ScopeNames | None = Field(None, alias="CONNECT")
    default: ScopeNames | None = None


class SourceObject(JsonDocument):
    path: Text
    match_case: bool = True


Scope = Annotated[
    Annotated[Text, Tag("<string>")]
    | Annotated[list[Text], Field(min_length=1), Tag("<array>")]
    | Annotated[ScopesByMethod, Tag("<object>")],
    _union_of("string", "array", "object"),
]
Source = Annotated[
    Annotated[Text, Tag("<string>")] | Annotated[SourceObject, Tag("<object>")],
    _union_of("string", "object"),
]


class ReplaceService(JsonDocument):
    name: str | None = None
    tag: str | None = None
    label: str | None = None


class ReplaceDocument(JsonDocument):
    path_suffixes: list[Text]
    vars: list[str] = Field(default_factory=list)
    services: dict[str, ReplaceService] = Field(default_factory=dict)


class RouteDocument(JsonDocument):
    source: Source
    target: RelativeUri | None = None
    destination: Text | None = None
    service: Text | None = None
    endpoint: Text | None = None
    local_dir: Text | None = None
    http_methods: Annotated[list[Method], Field(min_length=1)] | None = None
    authentication_type: Literal["xsuaa", "ias", "basic", "none"] | None = None
    csrf_protection: bool = True
    scope: Scope | None = None
    cache_control: Annotated[HeaderValue, Field(min_length=1)] | None = None
    replace: ReplaceDocument | None = None
    identity_provider: Text | None = None
    dynamic_identity_provider: bool | None = None
    prefer_local: bool = False
    set_backend_session_cookies: bool = False


class PluginDocument(JsonDocument):
    """A route that comes from the environment."""

    name: str
    source: Source
    target: RelativeUri | None = None
    destination: str
    http_methods: Annotated[list[Method], Field(min_length=1)] | None = None
    authentication_type: Literal["xsuaa", "ias", "basic", "none"] | None = None
    csrf_protection: bool = True
    scope: Scope | None = None


class LoginDocument(JsonDocument):
    callback_endpoint: RelativeUri


class LogoutDocument(JsonDocument):
    logout_endpoint: RelativeUri | None = None
    logout_page: PageUri | None = None
    logout_method: Literal["GET", "POST"] = "GET"
    csrf_protection: bool | None = None
    back_channel_logout_endpoint: RelativeUri | None = None


class BackendLogoutDocument(JsonDocument):
    logout_path: RelativeUri | None = None
    logout_method: Literal["POST", "PUT", "GET"] = "POST"


class ServiceLogoutDocument(BackendLogoutDocument):
    endpoint: Text | None = None


class HeaderDocument(JsonDocument):
    name: Text
    value: Text


class CompressionDocument(JsonDocument):
    enabled: bool = True
    min_size: Annotated[int, Field(ge=1)] = 1024
    compress_response_mixed_type_content: bool = False


class EndpointDocument(JsonDocument):
    endpoint: RelativeUri


class WebSocketsDocument(JsonDocument):
    enabled: bool


class ErrorPageDocument(OpenDocument):
    status: Annotated[
        Annotated[int, Tag("<number>")]
        | Annotated[list[int], Field(min_length=1), AfterValidator(_each_once), Tag("<array>")],
        _union_of("number", "array"),
    ]
    file: Text | None = None
    path: Text | None = None


class AllowedOriginDocument(OpenDocument):
    host: str | None = None
    protocol: str | None = None
    port: int | str | None = None


CORS_METHODS: tuple[Method, ...] = ("GET", "POST", "HEAD", "OPTIONS")
CORS_HEADERS = (
    "Origin",
    "Accept",
    "X-Requested-With",
    "Content-Type",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
)


class CorsDocument(JsonDocument):
    uri_pattern: Expression
    host_pattern: Expression | None = None
    allowed_origin: Annotated[list[AllowedOriginDocument], Field(min_length=1)]
    allowed_methods: Annotated[list[Method], Field(min_length=1)] = Field(default_factory=lambda: list(CORS_METHODS))
    max_age: int = 1800
    allowed_headers: Annotated[list[HeaderName], Field(min_length=1)] = Field(
        default_factory=lambda: list(CORS_HEADERS)
    )
    expose_headers: Annotated[list[HeaderName], Field(min_length=1)] = Field(default_factory=list)
    allowed_credentials: bool = True


class OutgoingDocument(JsonDocument):
    timeout: Annotated[int, Field(ge=0)] | None = None


class OutgoingOptionsDocument(JsonDocument):
    """How the router calls services: the same in the file and in the environment."""

    xsuaa: OutgoingDocument | None = None
    identity: OutgoingDocument | None = None
    html5_apps_repo: OutgoingDocument | None = Field(None, alias="html5-apps-repo")
    destination: OutgoingDocument | None = None
    cls: OutgoingDocument | None = None

    def milliseconds(self) -> dict[str, int]:
        """Return the time-outs that are set, by the name of the service."""
        said = self.model_dump(by_alias=True, exclude_none=True)
        return {name: options["timeout"] for name, options in said.items() if options}


class XsAppDocument(JsonDocument):
    """The root. `routes` stays raw: each route is read alone, so that one mistake does not hide those of others."""

    welcome_file: Text | None = None
    authentication_method: Literal["route", "none"] = "route"
    session_timeout: int | None = None
    plugin_metadata_endpoint: RelativeUri | None = None
    routes: list[Any] = Field(default_factory=list)
    login: LoginDocument | None = None
    logout: LogoutDocument | None = None
    destinations: dict[str, BackendLogoutDocument] = Field(default_factory=dict)
    services: dict[str, ServiceLogoutDocument] = Field(default_factory=dict)
    response_headers: list[HeaderDocument] = Field(default_factory=list)
    compression: CompressionDocument = CompressionDocument()
    whitelist_service: EndpointDocument | None = None
    websockets: WebSocketsDocument = WebSocketsDocument(enabled=False)
    error_page: list[ErrorPageDocument] = Field(default_factory=list)
    cors: Annotated[list[CorsDocument], Field(min_length=1)] = Field(default_factory=list)
    state_protection: bool = True
    outgoing_request_options: OutgoingOptionsDocument = Field(
        default_factory=lambda: OutgoingOptionsDocument.model_validate({})
    )
