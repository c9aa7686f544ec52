"""Puts together who logs users in: build's part for the services `xsuaa` and `identity`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol
from urllib.parse import quote

from pydantic import SecretStr

from entryway.clients.http import HttpClient
from entryway.clients.tls import load_client_certificate, outgoing_context, unverified_context
from entryway.router.authority import IAS, XSUAA, Authorities, Authority
from entryway.router.back_channel import BackChannel
from entryway.router.basic import BasicLogin, realm_of
from entryway.router.configuration import RouterConfiguration
from entryway.router.discovered_keys import DiscoveredKeys
from entryway.router.ias_authority import IasAuthority, IdentityService
from entryway.router.login import LoginKeys, derive_keys
from entryway.router.logout import BackendsTold
from entryway.router.logout_token import UsedLogoutTokens
from entryway.router.origins import TlsContexts
from entryway.router.service_timeouts import service_timeout
from entryway.router.sessions import SessionStore
from entryway.router.signin import SignIn
from entryway.router.tenant_directory import TenantDirectory
from entryway.router.tenants import Tenants
from entryway.router.uaa import Uaa
from entryway.router.xsuaa_authority import XsuaaAuthority


class ProvesItself(Protocol):
    """Credentials with a secret, or else a certificate and its key."""

    @property
    def secret(self) -> str | None: ...

    @property
    def certificate(self) -> str | None: ...

    @property
    def key(self) -> SecretStr | None: ...


class IsNamed(ProvesItself, Protocol):
    """Credentials of a client whose name we know."""

    @property
    def clientid(self) -> str: ...


class HttpClients(Protocol):
    """Gives out the HTTP client that can prove who we are with some credentials."""

    @property
    def plain(self) -> HttpClient:
        """The client that proves nothing."""

    def client_for(self, credentials: ProvesItself) -> HttpClient:
        """Return the client for these credentials."""


def build_authorities(
    configuration: RouterConfiguration, callers: HttpClients, clock: Callable[[], float]
) -> Authorities:
    """Return who logs users in; nobody, where no such service is bound."""
    environment, services = configuration.environment, configuration.services
    refresh_ahead = environment.jwt_refresh_minutes * 60 or None
    found: dict[str, Authority] = {}
    uaa = directory = None
    if services.uaa is not None:
        uaa = Uaa(callers.client_for(services.uaa), services.uaa, service_timeout(configuration, "xsuaa"))
        keys = _keys(services.uaa, configuration, XSUAA)
        found[XSUAA] = XsuaaAuthority(uaa, keys, services.uaa.zone_id, refresh_ahead, clock)
    if services.identity is not None:
        http = callers.client_for(services.identity)
        service = IdentityService(http, services.identity, service_timeout(configuration, "identity"))
        keys = _keys(services.identity, configuration, IAS)
        directory = build_directory(configuration, callers.plain, clock)
        found[IAS] = IasAuthority(
            service, keys, uaa, refresh_ahead, clock, directory, hints_token=environment.logout_with_token_hint
        )
    return Authorities(found, _tenants(configuration, directory))


def build_directory(
    configuration: RouterConfiguration, http: HttpClient, clock: Callable[[], float]
) -> TenantDirectory | None:
    """Return the platform's directory of tenants; beside an authorization server, only several tenants need it."""
    environment, uaa, identity = configuration.environment, configuration.services.uaa, configuration.services.identity
    several = environment.tenant_host_pattern is not None
    if identity is None or identity.tenant_api is None or (uaa is not None and not several):
        return None
    own = uaa.identityzone.lower() if uaa is not None and uaa.zone_id == identity.tenant else ""
    return TenantDirectory(
        http,
        identity,
        clock,
        service_timeout(configuration, "identity"),
        keep_seconds=environment.tenant_kept_seconds,
        several=several,
        own_subdomain=own,
        query="" if uaa is None else f"?iasClient={quote(identity.clientid, safe='')}",
    )


def own_tenant(authorities: Authorities) -> Callable[[], Awaitable[object]] | None:
    """Return what asks for the subdomain of the application's one tenant, if only the directory says it."""
    authority = authorities.by_kind.get(IAS)
    directory = authority.directory if isinstance(authority, IasAuthority) else None
    if directory is None or directory.several or not directory.own.tenant:
        return None
    return partial(directory.subdomain_of, directory.own.tenant)


def _tenants(configuration: RouterConfiguration, directory: TenantDirectory | None) -> Tenants | None:
    """Return how tenants are told apart, if there are several."""
    environment, uaa = configuration.environment, configuration.services.uaa
    if environment.tenant_host_pattern is None or (uaa is None and directory is None):
        return None
    custom = environment.external_reverse_proxy
    if uaa is None:
        return Tenants(environment.tenant_host_pattern, custom, "", "", directory)
    return Tenants(environment.tenant_host_pattern, custom, uaa.identityzone.lower(), uaa.zone_id, directory)


def build_basic(configuration: RouterConfiguration, authorities: Authorities, signin: SignIn) -> BasicLogin | None:
    """Return the login by name and password, if a route asks for it."""
    if not any(route.login == "basic" for route in (*configuration.xs_app.routes, *configuration.plugins)):
        return None
    authority = authorities.by_kind.get(XSUAA)
    realm = realm_of(configuration.environ)
    return BasicLogin(authority if isinstance(authority, XsuaaAuthority) else None, signin, realm)


def build_back_channel(
    configuration: RouterConfiguration,
    callers: HttpClients,
    sessions: SessionStore,
    told: BackendsTold,
    clock: Callable[[], float],
    *,
    former: BackChannel | None = None,
) -> BackChannel | None:
    """Return the endpoint for logout tokens, if there is one, and somebody whose tokens can be judged.

    What a `former` one has obeyed is not obeyed again.
    """
    endpoint, identity = configuration.xs_app.logout.back_channel_endpoint, configuration.services.identity
    if endpoint is None or identity is None:
        return None
    timeout = service_timeout(configuration, "identity")
    keys = DiscoveredKeys(callers.client_for(identity), identity, clock, timeout)
    used = UsedLogoutTokens() if former is None else former.used
    return BackChannel(endpoint, identity, keys, sessions, told, clock, used)


def certified_contexts(configuration: RouterConfiguration) -> dict[str, TlsContexts]:
    """Return how to speak TLS with the certificates of the bound authorities, for those that have one."""
    services, environ = configuration.services, configuration.environ
    contexts = {}
    bound: tuple[tuple[str, ProvesItself | None], ...] = ((XSUAA, services.uaa), (IAS, services.identity))
    for kind, credentials in bound:
        if credentials is None or not credentials.certificate or credentials.key is None:
            continue
        both = outgoing_context(environ), unverified_context()
        for context in both:
            load_client_certificate(context, credentials.certificate, credentials.key.get_secret_value())
        contexts[kind] = TlsContexts(*both)
    return contexts


def _keys(credentials: IsNamed, configuration: RouterConfiguration, kind: str) -> LoginKeys:
    if configuration.session_store is not None:
        # Only routers that share sessions pay for what that needs.
        from entryway.router.shared_sessions.keys import derive_shared_keys  # noqa: PLC0415

        # Each binding may have a secret or a certificate of its own; what all instances have is the session secret.
        secret = derive_shared_keys(configuration.session_store.secret).login_secret(credentials.clientid)
    else:
        # Whoever proves itself by a certificate has its key in every process, and nobody else has it.
        secret = credentials.secret or (credentials.key.get_secret_value() if credentials.key is not None else "")
    return derive_keys(secret, configuration.environment.state_secret, kind)
