"""What the environment says to the router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from entryway.config.environment_cookies import PLATFORM_COOKIE, SESSION_COOKIE, PartitionedCookies
from entryway.config.environment_origins import AllowlistDocument, Network, WsOriginDocument
from entryway.config.js_regex import JsRegex
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.config.xs_app_document import CompressionDocument, CorsDocument

CLIENT_CERTIFICATE_HEADER = "x-forwarded-client-cert"


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
    """Every setting; times in seconds unless named otherwise."""

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
    connections: int | None = None
    connections_per_address: int | None = None
    session_cookie_name: str = SESSION_COOKIE
    platform_cookie_name: str = PLATFORM_COOKIE
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
    tenant_kept_seconds: int = 900
    """How long what the platform's directory says of a tenant is believed."""
    forward_corporate_token: bool = False
    """Whether backends get the token of the company's identity provider beside the user's."""
    omit_login_csp: bool = False
    merge_csp: bool = False
    users_into_company: bool = False
    """Whether every system in the company network learns who the user is, not only those that ask for it."""
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
    trusted_proxies: tuple[Network, ...] | None = None
    client_certificate_header: str = CLIENT_CERTIFICATE_HEADER
    """Where the platform's front end says with which certificate a client came."""
    accept_invalid_certificates: bool = False
    service_sessions: ServiceSessionSettings = ServiceSessionSettings()
