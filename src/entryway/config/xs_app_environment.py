"""The environment variables that the router understands, each checked at start and named when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from entryway.config.environment_cookies import platform_cookie_name, read_cookies, session_cookie_name
from entryway.config.environment_model import CLIENT_CERTIFICATE_HEADER, RouterEnvironment, ServiceSessionSettings
from entryway.config.environment_origins import WsOriginDocument, read_allowlist, read_networks
from entryway.config.environment_reader import SETTINGS, Reader
from entryway.config.header_rules import HEADER_NAME, header_rule
from entryway.config.js_regex import JsRegex, RegexRefused, compile_js
from entryway.config.mistakes import Mistake
from entryway.config.schema import check, wrong_type
from entryway.config.xs_app_destinations import EnvironmentDestination, parse_destinations
from entryway.config.xs_app_document import CompressionDocument, CorsDocument, OutgoingOptionsDocument

SWITCHED_OFF = "false"
A_DAY = 86_400
UNSUPPORTED = {
    "COOKIE_BACKWARD_COMPATIBILITY": "there are no cookies of an older form to read",
}
IN_FORCE = ("SERVICE_2_APPROUTER", "CACHE_SERVICE_CREDENTIALS")
"""Switches for what is always so here."""
LOG_LEVELS = {
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "fatal": "critical",
}


def read_environment(environ: Mapping[str, str]) -> tuple[RouterEnvironment, list[Mistake]]:
    """Return the settings (defaults where a value is wrong) and every mistake."""
    read = Reader(environ)
    same_site, partitioned = read_cookies(read)
    cors = read.documents("CORS", "cors-configuration", CorsDocument) or ()
    state_secret = environ.get("STATE_PARAMETER_SECRET")
    for name in (*IN_FORCE, *UNSUPPORTED):
        read.boolean(name, default=True)
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
        connections=_optional(read, "ENTRYWAY_CONNECTIONS", "connections", least=1),
        connections_per_address=_optional(read, "ENTRYWAY_CONNECTIONS_PER_ADDRESS", "connectionsPerAddress", least=1),
        session_cookie_name=session_cookie_name(read),
        platform_cookie_name=platform_cookie_name(read),
        secure_session_cookie=read.lenient_boolean("SECURE_SESSION_COOKIE"),
        same_site=same_site,
        partitioned=partitioned,
        preserve_fragment=read.boolean("PRESERVE_FRAGMENT", default=True),
        state_protection=state_secret != SWITCHED_OFF,
        state_secret=state_secret if state_secret not in (None, "", SWITCHED_OFF, "true") else None,
        pkce=read.boolean("PKCE_ENABLED", default=True),
        external_reverse_proxy=read.boolean("EXTERNAL_REVERSE_PROXY", default=False),
        tenant_host_pattern=read.host_pattern("TENANT_HOST_PATTERN", "tenantHostPattern"),
        destination_host_pattern=read.host_pattern("DESTINATION_HOST_PATTERN", "destinationHostPattern"),
        websocket_origins=read.documents("WS_ALLOWED_ORIGINS", "websocket-origins", WsOriginDocument),
        dynamic_identity_provider=read.boolean("DYNAMIC_IDENTITY_PROVIDER", default=False),
        return_error_source=read.boolean("RETURN_ERROR_SOURCE", default=False),
        remove_clashing_cookie=read.boolean("REMOVE_CLASHING_BACKEND_SESSION_COOKIE", default=False),
        backend_max_sockets=read.integer("BACKEND_MAX_SOCKETS", "backendMaxSockets", 100, least=1),
        skip_startup_tokens=read.boolean("SKIP_CLIENT_CREDENTIALS_TOKENS_LOAD", default=False),
        logout_with_token_hint=read.boolean("LOGOUT_WITH_TOKEN_HINT", default=False),
        tenant_kept_seconds=_tenant_kept_seconds(read),
        forward_corporate_token=read.boolean("ENABLE_FORWARD_CORPORATE_IDP_TOKEN", default=False),
        extended_login_csp=read.boolean("EXTENDED_LOGIN_CSP", default=False),
        omit_login_csp=read.boolean("OMIT_LOGIN_CSP", default=False),
        merge_csp=read.boolean("MERGE_CSP_HEADERS", default=False),
        users_into_company=read.boolean("SEND_CONNECTIVITY_AUTHENTICATION", default=False),
        validate_forwarded_host=read.boolean("ENABLE_X_FORWARDED_HOST_VALIDATION", default=False),
        reuse_connections=not read.boolean("DISABLE_CONNECTION_REUSE", default=False),
        outgoing_timeouts_ms=_outgoing(read),
        log_level=_log_level(read),
        trace_requests=read.boolean("REQUEST_TRACE", default=False),
        frame_ancestors_seconds=_frame_ancestors(read),
        compression=_compression(read),
        cors=cors,
        allowlist=read_allowlist(read),
        plugins=_plugins(read),
        direct_routing_patterns=_patterns(read),
        own_cloud_services=read.texts("OWN_SAP_CLOUD_SERVICE"),
        decision_port=_decision_port(read),
        trusted_proxies=read_networks(read),
        client_certificate_header=_client_certificate_header(read),
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


def _client_certificate_header(read: Reader) -> str:
    name = read.environ.get("CLIENT_CERTIFICATE_HEADER_NAME", "").strip() or CLIENT_CERTIFICATE_HEADER
    if not HEADER_NAME.fullmatch(name):
        read.unreadable("CLIENT_CERTIFICATE_HEADER_NAME", f'"{name[:100]}" is not a name of a header')
        return CLIENT_CERTIFICATE_HEADER
    return name.lower()


def _optional(read: Reader, name: str, setting: str, *, least: int) -> int | None:
    return read.integer(name, setting, 0, least=least) if read.environ.get(name, "").strip() else None


def _frame_ancestors(read: Reader) -> float | None:
    seconds = read.integer("FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME", "frameAncestorsCspHeaderCacheTime", 300, least=0)
    return seconds if read.boolean("ENABLE_FRAME_ANCESTORS_CSP_HEADERS", default=False) else None


def _tenant_kept_seconds(read: Reader) -> int:
    seconds = read.integer("ZONE_INFO_CACHE_TTL", "zoneInfoCacheTtl", 900, least=0)
    if seconds > A_DAY:
        # In milliseconds a usual value would be weeks, in which a tenant's move or end goes unnoticed.
        read.wrong("zoneInfoCacheTtl", f"Value {seconds} is greater than maximum {A_DAY}")
        return 900
    return seconds


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
