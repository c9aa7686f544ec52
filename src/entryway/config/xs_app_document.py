"""The shape of `xs-app.json` as it is written: keys, types and bounds. What the parts mean together is `xs_app`'s."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from entryway.config.header_rules import HeaderName, HeaderValue
from entryway.config.js_regex import RegexRefused, compile_js
from entryway.config.schema import Document, json_type

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


Expression = Annotated[str, AfterValidator(_expression)]
ScopeNames = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[list[str], Field(min_length=1), Tag("<array>")],
    _union_of("string", "array"),
]


class ScopesByMethod(Document):
    """A scope per method; field names are the methods themselves."""

    get: ScopeNames | None = Field(None, alias="GET")
    head: ScopeNames | None = Field(None, alias="HEAD")
    post: ScopeNames | None = Field(None, alias="POST")
    put: ScopeNames | None = Field(None, alias="PUT")
    delete: ScopeNames | None = Field(None, alias="DELETE")
    patch: ScopeNames | None = Field(None, alias="PATCH")
    options: ScopeNames | None = Field(None, alias="OPTIONS")
    trace: ScopeNames | None = Field(None, alias="TRACE")
    default: ScopeNames | None = None


class SourceObject(Document):
    path: Annotated[str, Field(min_length=1)]
    match_case: bool = True


Scope = Annotated[
    Annotated[str, Tag("<string>")]
    | Annotated[list[str], Field(min_length=1), Tag("<array>")]
    | Annotated[ScopesByMethod, Tag("<object>")],
    _union_of("string", "array", "object"),
]
Source = Annotated[
    Annotated[str, Field(min_length=1), Tag("<string>")] | Annotated[SourceObject, Tag("<object>")],
    _union_of("string", "object"),
]


class ReplaceService(Document):
    name: str | None = None
    tag: str | None = None
    label: str | None = None


class ReplaceDocument(Document):
    path_suffixes: Annotated[list[str], Field(min_length=1)]
    vars: list[str] = Field(default_factory=list)
    services: dict[str, ReplaceService] = Field(default_factory=dict)


class RouteDocument(Document):
    source: Source
    target: str | None = None
    destination: str | None = None
    service: str | None = None
    endpoint: str | None = None
    local_dir: str | None = None
    http_methods: Annotated[list[Method], Field(min_length=1)] | None = None
    authentication_type: Literal["xsuaa", "ias", "basic", "none"] | None = None
    csrf_protection: bool = True
    scope: Scope | None = None
    cache_control: HeaderValue | None = None
    replace: ReplaceDocument | None = None
    identity_provider: str | None = None
    dynamic_identity_provider: bool | None = None
    prefer_local: bool = False
    set_backend_session_cookies: bool = False


class PluginDocument(Document):
    """A route that comes from the environment."""

    name: str
    source: Source
    target: str | None = None
    destination: str
    http_methods: Annotated[list[Method], Field(min_length=1)] | None = None
    authentication_type: Literal["xsuaa", "ias", "basic", "none"] | None = None
    csrf_protection: bool = True
    scope: Scope | None = None


class LoginDocument(Document):
    callback_endpoint: Annotated[str, Field(min_length=1)]


class LogoutDocument(Document):
    logout_endpoint: str | None = None
    logout_page: str | None = None
    logout_method: Literal["GET", "POST"] = "GET"
    csrf_protection: bool | None = None
    back_channel_logout_endpoint: str | None = None


class BackendLogoutDocument(Document):
    logout_path: str
    logout_method: Literal["POST", "PUT", "GET"] = "POST"


class ServiceLogoutDocument(BackendLogoutDocument):
    endpoint: str | None = None


class HeaderDocument(Document):
    name: Annotated[str, Field(min_length=1)]
    value: str


class CompressionDocument(Document):
    enabled: bool = True
    min_size: Annotated[int, Field(ge=1)] = 1024
    compress_response_mixed_type_content: bool = False


class EndpointDocument(Document):
    endpoint: str


class WebSocketsDocument(Document):
    enabled: bool


class ErrorPageDocument(Document):
    status: Annotated[
        Annotated[int, Tag("<number>")] | Annotated[list[int], Field(min_length=1), Tag("<array>")],
        _union_of("number", "array"),
    ]
    file: str | None = None
    path: str | None = None


class AllowedOriginDocument(Document):
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


class CorsDocument(Document):
    uri_pattern: Expression
    host_pattern: Expression | None = None
    allowed_origin: Annotated[list[AllowedOriginDocument], Field(min_length=1)]
    allowed_methods: list[Method] = Field(default_factory=lambda: list(CORS_METHODS))
    max_age: int = 1800
    allowed_headers: list[HeaderName] = Field(default_factory=lambda: list(CORS_HEADERS))
    expose_headers: list[HeaderName] = Field(default_factory=list)
    allowed_credentials: bool = True


class OutgoingDocument(Document):
    timeout: Annotated[int, Field(ge=0)]


class OutgoingOptionsDocument(Document):
    """How the router calls services: the same in the file and in the environment."""

    xsuaa: OutgoingDocument | None = None
    identity: OutgoingDocument | None = None
    html5_apps_repo: OutgoingDocument | None = Field(None, alias="html5-apps-repo")
    destination: OutgoingDocument | None = None
    cls: OutgoingDocument | None = None

    def milliseconds(self) -> dict[str, int]:
        """Return the time-outs that are set, by the name of the service."""
        return {name: options["timeout"] for name, options in self.model_dump(by_alias=True, exclude_none=True).items()}


class XsAppDocument(Document):
    """The root. `routes` stays raw: each route is read alone, so that one mistake does not hide those of others."""

    welcome_file: str | None = None
    authentication_method: Literal["route", "none"] = "route"
    session_timeout: int | None = None
    plugin_metadata_endpoint: str | None = None
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
    cors: list[CorsDocument] = Field(default_factory=list)
    state_protection: bool = True
    outgoing_request_options: OutgoingOptionsDocument = Field(
        default_factory=lambda: OutgoingOptionsDocument.model_validate({})
    )
