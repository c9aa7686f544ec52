"""The environment variables that the router understands, each checked at start and named when it is wrong."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from entryway.config.js_regex import JsRegex, RegexRefused, compile_js
from entryway.config.mistakes import Mistake
from entryway.config.schema import Document, check, wrong_type
from entryway.config.xs_app_destinations import EnvironmentDestination, parse_destinations
from entryway.config.xs_app_document import CompressionDocument, CorsDocument, OutgoingOptionsDocument

SETTINGS = "environment-settings"
COOKIES = "Cookies environment variable"
FORBIDDEN_HEADERS = {"set-cookie", "cookie"}
SWITCHED_OFF = "false"
SESSION_COOKIE = "JSESSIONID"
"""The session cookie's name, unless the configuration has another one."""
UNSUPPORTED = {
    "SERVICE_2_APPROUTER": "x-approuter-authorization is always accepted",
    "ENABLE_FORWARD_CORPORATE_IDP_TOKEN": "backends get the authorization server's token alone",
    "CACHE_SERVICE_CREDENTIALS": "bindings are always read once",
    "ZONE_INFO_CACHE_TTL": "what is known of a tenant is kept for 15 minutes",
    "CLIENT_CERTIFICATE_HEADER_NAME": "certificates in headers are not looked at",
    "COOKIE_BACKWARD_COMPATIBILITY": "there are no cookies of an older form to read",
    "PLATFORM_COOKIE_NAME": "no cookie of the platform is read or ended",
}
LOG_LEVELS = {
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
}
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class PartitionedDocument(Document):
    supported_partition_agents: str
    unsupported_partition_agents: str


class CookiesDocument(Document):
    same_site: Literal["None", "Lax"] | None = Field(None, alias="SameSite")
    partitioned: PartitionedDocument | None = Field(None, alias="Partitioned")


class WsOriginDocument(Document):
    host: str
    protocol: str | None = None
    port: int | str | None = None


class AllowlistDocument(Document):
    host: str
    protocol: str | None = None
    port: int | str | None = None


@dataclass(frozen=True, slots=True)
class PartitionedCookies:
    """Which browsers get cookies with `Partitioned`."""

    supported: re.Pattern[str]
    unsupported: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ServiceSessionSettings:
    """What sessions of calling services are to be; without a store of shared sessions there are none."""

    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Either of them signs the ids that callers give their sessions."""
    unsigned: bool = False
    """Whether ids need no signature."""
    sets_cookie: bool = False
    """Whether the first answer sets a cookie by which proxies find the same instance again."""
    keeps_csrf_token: bool = False
    """Whether calls that change something must show the session's CSRF token."""
    keeps_cookies: bool = False
    """Whether session cookies of backends stay in the session."""


@dataclass(frozen=True, slots=True)
class RouterEnvironment:
    """What the environment says to the router; times in seconds unless named otherwise."""

    port: int = 5000
    destinations: Mapping[str, EnvironmentDestination] = field(default_factory=dict)
    http_headers: tuple[tuple[str, str], ...] = ()
    send_x_frame_options: bool = True
    session_timeout_minutes: int | None = None
    jwt_refresh_minutes: int = 5
    minimum_token_validity: int = 0
    incoming_connection_timeout: float = 120.0
    incoming_request_timeout: float = 300.0
    keep_alive: float | None = None
    session_cookie_name: str = SESSION_COOKIE
    secure_session_cookie: bool = False
    same_site: Literal["None", "Lax"] | None = None
    partitioned: PartitionedCookies | None = None
    preserve_fragment: bool = True
    state_protection: bool = True
    pkce: bool = True
    state_secret: str | None = field(default=None, repr=False)
    external_reverse_proxy: bool = False
    tenant_host_pattern: JsRegex | None = None
    destination_host_pattern: JsRegex | None = None
    websocket_origins: tuple[WsOriginDocument, ...] | None = None
    dynamic_identity_provider: bool = False
    return_error_source: bool = False
    remove_clashing_cookie: bool = False
    backend_max_sockets: int = 100
    skip_startup_tokens: bool = False
    extended_login_csp: bool = False
    logout_with_token_hint: bool = False
    omit_login_csp: bool = False
    merge_csp: bool = False
    validate_forwarded_host: bool = False
    reuse_connections: bool = True
    outgoing_timeouts_ms: Mapping[str, int] = field(default_factory=dict)
    log_level: str | None = None
    trace_requests: bool = False
    frame_ancestors_seconds: float | None = None
    """How long the trusted domains of the tenant are kept; None if they are not asked for."""
    compression: CompressionDocument | None = None
    cors: tuple[CorsDocument, ...] = ()
    allowlist: tuple[AllowlistDocument, ...] | None = None
    plugins: tuple[Mapping[str, Any], ...] = ()
    direct_routing_patterns: tuple[JsRegex, ...] = ()
    own_cloud_services: tuple[str, ...] = ()
    """Prefixes of the HTML5 applications that the router's own business service has."""
    decision_port: int | None = None
    """Where proxies ask for decisions; None if they do not."""
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] | None = None
    accept_invalid_certificates: bool = False
    service_sessions: ServiceSessionSettings = ServiceSessionSettings()


class Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.mistakes: list[Mistake] = []

    def unreadable(self, name: str, reason: str) -> None:
        self.mistakes.append(Mistake(f"Invalid value for environment variable {name}", "", reason))

    def wrong(self, setting: str, rule: str) -> None:
        self.mistakes.append(Mistake(SETTINGS, f"/{setting}", rule))

    def json(self, name: str) -> Any:
        """Return the parsed value, or None if the variable is not set or not JSON."""
        text = self.environ.get(name)
        if not text:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            self.unreadable(name, f"{error}")
            return None

    def boolean(self, name: str, *, default: bool) -> bool:
        text = self.environ.get(name, "").strip()
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if text:
            self.unreadable(name, f'"{text}" is neither true nor false')
        return default

    def lenient_boolean(self, name: str) -> bool:
        """Return True for `true`; any other text counts as False, as applications are used to."""
        return self.environ.get(name, "").strip().lower() == "true"

    def integer(self, name: str, setting: str, default: int, *, least: int) -> int:
        text = self.environ.get(name, "").strip()
        if not text:
            return default
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", text):
            self.unreadable(name, f'"{text}" is not a number')
            return default
        if "." in text:
            self.wrong(setting, wrong_type(float(text), "integer"))
            return default
        if int(text) < least:
            self.wrong(setting, f"Value {text} is less than minimum {least}")
            return default
        return int(text)

    def regex(self, name: str, setting: str) -> JsRegex | None:
        text = self.environ.get(name)
        if not text:
            return None
        try:
            return compile_js(text)
        except RegexRefused as error:
            self.wrong(setting, f"Format validation failed (Invalid regular expression: /{text}/: {error})")
            return None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.json(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.unreadable(name, "it must be a list of texts")
            return ()
        return tuple(value)

    def document(self, name: str, document: str, kind: type[Document]) -> Any:
        """Return an object as a model."""
        value = self.json(name)
        if value is None:
            return None
        found, wrong = check(kind, value, document)
        self.mistakes += wrong
        return found

    def documents(self, name: str, document: str, kind: type[Document]) -> tuple[Any, ...] | None:
        """Return a list of objects as models."""
        value = self.json(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.mistakes.append(Mistake(document, "", wrong_type(value, "array")))
            return None
        results = [check(kind, item, document, f"/{index}") for index, item in enumerate(value)]
        self.mistakes += [mistake for _, wrong in results for mistake in wrong]
        return tuple(found for found, _ in results if found is not None)


def read_environment(environ: Mapping[str, str]) -> tuple[RouterEnvironment, list[Mistake]]:
    """Return the settings (defaults where a value is wrong) and every mistake."""
    read = Reader(environ)
    cookies = read.document("COOKIES", COOKIES, CookiesDocument)
    cors = read.documents("CORS", "cors-configuration", CorsDocument) or ()
    state_secret = environ.get("STATE_PARAMETER_SECRET")
    settings = RouterEnvironment(
        port=_port(read),
        destinations=_destinations(read),
        http_headers=_http_headers(read),
        send_x_frame_options=read.boolean("SEND_XFRAMEOPTIONS", default=True),
        session_timeout_minutes=_optional(read, "SESSION_TIMEOUT", "sessionTimeout", least=1),
        jwt_refresh_minutes=read.integer("JWT_REFRESH", "jwtRefresh", 5, least=0),
        minimum_token_validity=read.integer("MINIMUM_TOKEN_VALIDITY", "minimumTokenValidity", 0, least=0),
        incoming_connection_timeout=read.integer(
            "INCOMING_CONNECTION_TIMEOUT", "incomingConnectionTimeout", 120_000, least=0
        )
        / 1000,
        incoming_request_timeout=read.integer("INCOMING_REQUEST_TIMEOUT", "incomingRequestTimeout", 300_000, least=0)
        / 1000,
        keep_alive=_milliseconds(_optional(read, "SERVER_KEEP_ALIVE", "serverKeepAlive", least=0)),
        session_cookie_name=_cookie_name(read),
        secure_session_cookie=read.lenient_boolean("SECURE_SESSION_COOKIE"),
        same_site=cookies.same_site if cookies else None,
        partitioned=_partitioned(read, cookies),
        preserve_fragment=read.boolean("PRESERVE_FRAGMENT", default=True),
        state_protection=state_secret != SWITCHED_OFF,
        state_secret=state_secret if state_secret not in (None, "", SWITCHED_OFF, "true") else None,
        pkce=read.boolean("PKCE_ENABLED", default=True),
        external_reverse_proxy=read.boolean("EXTERNAL_REVERSE_PROXY", default=False),
        tenant_host_pattern=read.regex("TENANT_HOST_PATTERN", "tenantHostPattern"),
        destination_host_pattern=read.regex("DESTINATION_HOST_PATTERN", "destinationHostPattern"),
        websocket_origins=read.documents("WS_ALLOWED_ORIGINS", "websocket-origins", WsOriginDocument),
        dynamic_identity_provider=read.boolean("DYNAMIC_IDENTITY_PROVIDER", default=False),
        return_error_source=read.boolean("RETURN_ERROR_SOURCE", default=False),
        remove_clashing_cookie=read.boolean("REMOVE_CLASHING_BACKEND_SESSION_COOKIE", default=False),
        backend_max_sockets=read.integer("BACKEND_MAX_SOCKETS", "backendMaxSockets", 100, least=1),
        skip_startup_tokens=read.boolean("SKIP_CLIENT_CREDENTIALS_TOKENS_LOAD", default=False),
        logout_with_token_hint=read.boolean("LOGOUT_WITH_TOKEN_HINT", default=False),
        extended_login_csp=read.boolean("EXTENDED_LOGIN_CSP", default=False),
        omit_login_csp=read.boolean("OMIT_LOGIN_CSP", default=False),
        merge_csp=read.boolean("MERGE_CSP_HEADERS", default=False),
        validate_forwarded_host=read.boolean("ENABLE_X_FORWARDED_HOST_VALIDATION", default=False),
        reuse_connections=not read.boolean("DISABLE_CONNECTION_REUSE", default=False),
        outgoing_timeouts_ms=_outgoing(read),
        log_level=_log_level(read),
        trace_requests=read.boolean("REQUEST_TRACE", default=False),
        frame_ancestors_seconds=_frame_ancestors(read),
        compression=_compression(read),
        cors=cors,
        allowlist=_allowlist(read),
        plugins=_plugins(read),
        direct_routing_patterns=_patterns(read),
        own_cloud_services=read.texts("OWN_SAP_CLOUD_SERVICE"),
        decision_port=_decision_port(read),
        trusted_proxies=_networks(read),
        accept_invalid_certificates=environ.get("NODE_TLS_REJECT_UNAUTHORIZED") == "0",
        service_sessions=_service_sessions(read),
    )
    return settings, read.mistakes + _unsupported(environ)


def _unsupported(environ: Mapping[str, str]) -> list[Mistake]:
    """Warn about settings that this router does not act on, rather than pass over them in silence."""
    return [
        Mistake(name, "", "this setting has no effect here", consequence, "warning")
        for name, consequence in UNSUPPORTED.items()
        if environ.get(name, "").strip().lower() not in ("", "false")
    ]


def _optional(read: Reader, name: str, setting: str, *, least: int) -> int | None:
    return read.integer(name, setting, 0, least=least) if read.environ.get(name, "").strip() else None


def _frame_ancestors(read: Reader) -> float | None:
    seconds = read.integer("FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME", "frameAncestorsCspHeaderCacheTime", 300, least=0)
    return seconds if read.boolean("ENABLE_FRAME_ANCESTORS_CSP_HEADERS", default=False) else None


def _service_sessions(read: Reader) -> ServiceSessionSettings:
    names = ("SVC2AR_EXTERNAL_SESSION_ID_SECRET", "SVC2AR_EXTERNAL_SESSION_ID_SECRET_ALT")
    return ServiceSessionSettings(
        secrets=tuple(secret for name in names if (secret := read.environ.get(name))),
        unsigned=read.boolean("SVC2AR_DIRECT_EXT_SESSION_ID_USAGE", default=False),
        sets_cookie=read.boolean("SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED", default=False),
        keeps_csrf_token=read.boolean("SVC2AR_STORE_CSRF_IN_EXTERNAL_SESSION", default=False),
        keeps_cookies=read.boolean("STORE_SESSION_COOKIES_IN_EXTERNAL_SESSION_STORE", default=False),
    )


def _milliseconds(value: int | None) -> float | None:
    return None if value is None else value / 1000


def _port(read: Reader) -> int:
    port = read.integer("PORT", "port", 5000, least=1)
    if port > 65535:
        read.wrong("port", f"Value {port} is greater than maximum 65535")
        return 5000
    return port


def _decision_port(read: Reader) -> int | None:
    port = _optional(read, "ENTRYWAY_DECISION_PORT", "decisionPort", least=1)
    if port is not None and port > 65535:
        read.wrong("decisionPort", f"Value {port} is greater than maximum 65535")
        return None
    return port


def _destinations(read: Reader) -> Mapping[str, EnvironmentDestination]:
    value = read.json("destinations")
    if value is None:
        return {}
    found, mistakes = parse_destinations(value)
    read.mistakes += mistakes
    return found


def _http_headers(read: Reader) -> tuple[tuple[str, str], ...]:
    value = read.json("httpHeaders")
    if value is None:
        return ()
    try:
        entries = TypeAdapter(list[dict[str, str]]).validate_python(value, strict=True)
    except ValidationError:
        rule = wrong_type(value, "array") if not isinstance(value, list) else "every entry is an object of one text"
        read.mistakes.append(Mistake("http-headers", "", rule))
        return ()
    headers: list[tuple[str, str]] = []
    for index, entry in enumerate(entries):
        if len(entry) > 1:
            rule = f"Too many properties defined ({len(entry)}), maximum 1"
            read.mistakes.append(Mistake("http-headers", f"/{index}", rule))
        for name, text in entry.items():
            if wrong := header_rule(name, text):
                read.mistakes.append(Mistake("http-headers", f"/{index}", f"Format validation failed ({wrong})"))
            else:
                headers.append((name, text))
    return tuple(headers)


def header_rule(name: str, value: str) -> str | None:
    """Return why a configured response header cannot be sent, or None."""
    if name.lower() in FORBIDDEN_HEADERS:
        return 'Headers "set-cookie" and "cookie" are not allowed'
    if not HEADER_NAME.fullmatch(name):
        return f'"{name}" is not a name of a header'
    if not value.isprintable() or not value.isascii():
        return f'the value of "{name}" has characters that a header cannot hold'
    return None


def _cookie_name(read: Reader) -> str:
    name = read.environ.get("SESSION_COOKIE_NAME", "") or SESSION_COOKIE
    if not COOKIE_NAME.fullmatch(name):
        read.wrong("sessionCookieName", f'Format validation failed ("{name}" is not a name of a cookie)')
        return SESSION_COOKIE
    return name


def _partitioned(read: Reader, cookies: CookiesDocument | None) -> PartitionedCookies | None:
    if cookies is None or cookies.partitioned is None:
        return None
    both = (cookies.partitioned.supported_partition_agents, cookies.partitioned.unsupported_partition_agents)
    try:
        supported, unsupported = (compile_js(text).pattern for text in both)
    except RegexRefused as error:
        rule = f"Format validation failed (Invalid regular expression: {error})"
        read.mistakes.append(Mistake(COOKIES, "/Partitioned", rule))
        return None
    return PartitionedCookies(supported, unsupported)


def _compression(read: Reader) -> CompressionDocument | None:
    value = read.json("COMPRESSION")
    if value is None:
        return None
    found, wrong = check(CompressionDocument, value, SETTINGS, "/compression")
    read.mistakes += wrong
    return found


def _outgoing(read: Reader) -> Mapping[str, int]:
    options = read.document("OUTGOING_REQUEST_OPTIONS", "outgoing-request-options", OutgoingOptionsDocument)
    return {} if options is None else options.milliseconds()


def _log_level(read: Reader) -> str | None:
    text = read.environ.get("XS_APP_LOG_LEVEL", "").strip()
    if text and text.lower() not in LOG_LEVELS:
        read.unreadable("XS_APP_LOG_LEVEL", f'"{text}" is none of {", ".join(LOG_LEVELS)}')
    return LOG_LEVELS.get(text.lower())


def _allowlist(read: Reader) -> tuple[AllowlistDocument, ...] | None:
    entries = read.documents("CJ_PROTECT_WHITELIST", "clickjack-whitelist", AllowlistDocument)
    for index, entry in enumerate(entries or ()):
        if "*" in entry.host.removeprefix("*") or (entry.host.startswith("*") and not entry.host.startswith("*.")):
            rule = f'Format validation failed ("{entry.host}": * may stand for the first label only)'
            read.mistakes.append(Mistake("clickjack-whitelist", f"/{index}", rule))
    return entries


def _plugins(read: Reader) -> tuple[Mapping[str, Any], ...]:
    value = read.json("plugins")
    if value is None:
        return ()
    if not isinstance(value, list):
        read.mistakes.append(Mistake("plugins", "", wrong_type(value, "array")))
        return ()
    wrong = [index for index, item in enumerate(value) if not isinstance(item, dict)]
    read.mistakes += [Mistake("plugins", f"/{index}", wrong_type(value[index], "object")) for index in wrong]
    return tuple(item for item in value if isinstance(item, dict))


def _patterns(read: Reader) -> tuple[JsRegex, ...]:
    patterns = []
    for text in read.texts("DIRECT_ROUTING_URI_PATTERNS"):
        try:
            patterns.append(compile_js(text))
        except RegexRefused as error:
            rule = f"Format validation failed (Invalid regular expression: /{text}/: {error})"
            read.wrong("directRoutingUriPatterns", rule)
    return tuple(patterns)


def _networks(read: Reader) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] | None:
    """Read `TRUSTED_PROXIES`: whose forwarding headers are believed; unset believes everybody's."""
    text = read.environ.get("TRUSTED_PROXIES")
    if text is None:
        return None
    networks = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            read.unreadable("TRUSTED_PROXIES", f'"{word}" is neither an address nor a network')
    return tuple(networks)
