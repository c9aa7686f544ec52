"""Puts together what the router needs to ask other services: build's part for the bindings of neighbours."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from dataclasses import replace
from typing import Protocol

from entryway.clients.http import HttpClient
from entryway.clients.tls import REJECT_VARIABLE, load_client_certificate, outgoing_context
from entryway.config.bindings import UaaCredentials
from entryway.config.business_services import BusinessService, Endpoint
from entryway.config.hosted_application import HostedApplication
from entryway.config.xs_app_model import REPOSITORY, Route
from entryway.http import Headers, Request
from entryway.router.address import trust_in
from entryway.router.authority import IAS, XSUAA, Authorities
from entryway.router.backends import Backend, FileSource, Header
from entryway.router.build_login import ProvesItself
from entryway.router.business_services import BoundService, BusinessServices
from entryway.router.company_network import ClientToken
from entryway.router.configuration import RouterConfiguration
from entryway.router.cookie_seal import CookieSeal
from entryway.router.dependencies import Dependencies
from entryway.router.discovered_keys import DiscoveredKeys
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.frame_ancestors import FrameAncestors
from entryway.router.hosted_address import hosted_prefixes
from entryway.router.hosted_applications import Application, Repository, RepositoryFiles
from entryway.router.ias_authority import IasAuthority
from entryway.router.identity_callers import IdentityCallers
from entryway.router.logout import SignOut
from entryway.router.origins import TlsContexts, origin_of, timeouts_of
from entryway.router.routes import Routes
from entryway.router.service_callers import KnownCallers, XsuaaCallers
from entryway.router.service_calls import ServiceCalls
from entryway.router.service_timeouts import service_timeout
from entryway.router.session_stores import service_records
from entryway.router.sessions import SessionStore
from entryway.router.subscription_callers import ManagerCaller, RegistryCaller
from entryway.router.subscriptions import MANAGER, REGISTRY, Registry, Subscriptions
from entryway.router.tenant_tokens import TenantTokens
from entryway.router.tenants import Tenants
from entryway.router.uaa import Uaa
from entryway.router.xsuaa_authority import XsuaaAuthority
from entryway.security import ServiceCredentials, TokenValidator


class HttpClients(Protocol):
    """Gives out the HTTP client that can prove who we are with some credentials."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment, which says whom to believe."""

    def client_for(self, credentials: ProvesItself) -> HttpClient:
        """Return the client for these credentials."""


def business_services(  # noqa: PLR0917 - values, not a bag
    services: Mapping[str, BusinessService],
    callers: HttpClients,
    tls: TlsContexts,
    own_tokens: MutableSequence[ClientToken],
    clock: Callable[[], float],
    exchanged: ExchangedTokens,
    dependencies: Dependencies | None,
    own: UaaCredentials | None = None,
) -> BusinessServices:
    """Return the bound services, ready to be asked; `own` is the application's binding to the authorization server."""
    distinct = {service.name: service for service in services.values()}
    bound = {
        name: replace(_bound(service, callers, tls, own_tokens, clock), users_tenant=_users_tenant(service, own))
        for name, service in distinct.items()
    }
    return BusinessServices({name: bound[service.name] for name, service in services.items()}, exchanged, dependencies)


def _bound(
    service: BusinessService,
    callers: HttpClients,
    tls: TlsContexts,
    own_tokens: MutableSequence[ClientToken],
    clock: Callable[[], float],
) -> BoundService:
    credentials = service.credentials
    if credentials.cert and credentials.key and credentials.grant_type == "mtls":
        # Who shows a certificate must know to whom: the switch that believes every server does not count here.
        verifying = {name: value for name, value in callers.environ.items() if name != REJECT_VARIABLE}
        context = outgoing_context(verifying)
        load_client_certificate(context, credentials.cert, credentials.key.get_secret_value())
        tls = TlsContexts(context, context)
    endpoints: dict[str | None, Endpoint] = {name: endpoint for name, endpoint in credentials.endpoints.items()}  # noqa: C416 - a dict of str keys is no dict of optional ones
    own_address = credentials.endpoint(None)
    if own_address is not None:
        endpoints[None] = own_address
    headers = tuple(header for name, value in service.headers for header in checked_header(name, value))
    backends = {name: _backend(service, name, endpoint, headers, tls) for name, endpoint in endpoints.items()}
    if service.client is None:
        return BoundService(service, backends)
    uaa = Uaa(callers.client_for(service.client), service.client)
    if credentials.grant_type != "client_credentials":
        return BoundService(service, backends, uaa)
    tokens = TenantTokens(uaa, service.client, clock)
    own_tokens.append(tokens.at())
    return BoundService(service, backends, uaa, tokens)


def _users_tenant(service: BusinessService, own: UaaCredentials | None) -> str | None:
    """Return the users' subdomain, if the service's client is of another one at the same authorization server."""
    client = service.client
    if own is None or client is None or not client.uaadomain or client.uaadomain != own.uaadomain:
        return None
    known = client.identityzone and own.identityzone
    return own.identityzone if known and client.identityzone != own.identityzone else None


def _backend(
    service: BusinessService, name: str | None, endpoint: Endpoint, headers: tuple[Header, ...], tls: TlsContexts
) -> Backend:
    origin, path = origin_of(endpoint.url, tls)
    return Backend(
        name=f"service {service.name} {name or ''}",
        origin=origin,
        base_path=path,
        timeouts=timeouts_of(endpoint.timeout),
        defaults=headers,
    )


def checked_header(name: str, value: str) -> list[Header]:
    """Return the header; raise ValueError if it is none."""
    return Headers([(name.encode("ascii"), value.encode("latin-1"))]).raw


def repository_files(services: BusinessServices) -> RepositoryFiles | None:
    """Return the files of the HTML5 application repository, if that is bound."""
    bound = services.bound.get(REPOSITORY)
    if bound is None or bound.own_tokens is None or None not in bound.backends:
        return None
    return RepositoryFiles(bound.backends[None], bound.own_tokens)


def build_repository(  # noqa: PLR0917 - values, not a bag
    configuration: RouterConfiguration,
    files: FileSource | None,
    http: HttpClient,
    serve: Callable[[Sequence[Route], str], Routes],
    signout: SignOut,
    tenant_id: Callable[[str | None], bytes | None],
    clock: Callable[[], float],
) -> Repository | None:
    """Return the applications of the repository, if one is bound; without it, the central routes are all."""
    bound = configuration.business_services.get(REPOSITORY)
    address = None if bound is None else bound.credentials.endpoint(None)
    if files is None or address is None:
        return None

    def make(hosted: HostedApplication) -> Application:
        routes = serve(hosted.routes, hosted.authentication)
        # Who says nothing of logouts has the central one, below the application's own name too.
        own = signout if hosted.logout.endpoint is None else replace(signout, rules=hosted.logout)
        headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in hosted.response_headers)
        return Application(routes, hosted.welcome_file, own, headers)

    return Repository(
        http=http,
        url=address.url,
        timeout=service_timeout(configuration, "html5-apps-repo"),
        files=files,
        prefixes=hosted_prefixes(configuration.environment.own_cloud_services, configuration.business_services),
        direct=configuration.environment.direct_routing_patterns,
        make=make,
        tenant_id=tenant_id,
        clock=clock,
    )


def build_subscriptions(
    configuration: RouterConfiguration,
    tenants: Tenants | None,
    judge: Callable[[UaaCredentials], TokenValidator],
    clock: Callable[[], float],
) -> Subscriptions | None:
    """Return the callbacks of the registries that are bound, None without one."""
    registries = []
    uaa, environment = configuration.services.uaa, configuration.environment
    if configuration.callbacks is not None and uaa is not None:
        registries.append(Registry(configuration.callbacks, RegistryCaller(judge(uaa)), REGISTRY))
    manager = configuration.manager_callbacks
    if manager is not None and manager.subject is not None and manager.issuer is not None:
        header = environment.client_certificate_header.encode()
        trusts = trust_in(environment.trusted_proxies)
        caller = ManagerCaller(manager.subject, manager.issuer, header, trusts, clock)
        registries.append(Registry(manager.callbacks, caller, MANAGER))
    pattern = environment.tenant_host_pattern
    if tenants is None and pattern is not None:
        # An application without several tenants of its own can still be told where one finds it.
        tenants = Tenants(pattern, environment.external_reverse_proxy, "", "")
    return Subscriptions(tuple(registries), tenants) if registries else None


def build_frame_ancestors(
    configuration: RouterConfiguration, authorities: Authorities, http: HttpClient, clock: Callable[[], float]
) -> FrameAncestors | None:
    """Return what asks for the sites that may frame the application, if that is wanted and somebody can be asked."""
    seconds, uaa = configuration.environment.frame_ancestors_seconds, configuration.services.uaa
    identity, tenants = authorities.by_kind.get(IAS), authorities.tenants
    directory = identity.directory if isinstance(identity, IasAuthority) else None
    api_url = directory.address if uaa is None and directory is not None else "" if uaa is None else uaa.apiurl
    if seconds is None or not api_url:
        return None

    async def subdomain_of(request: Request) -> str:
        if tenants is not None:
            return tenants.of(request) or tenants.provider
        if directory is not None:
            return await directory.subdomain_of(directory.own.tenant)
        return "" if uaa is None else uaa.identityzone

    merges = configuration.environment.merge_csp
    return FrameAncestors(http, api_url, subdomain_of, seconds, clock, merges)


def build_service_calls(  # noqa: PLR0917 - values, not a bag
    configuration: RouterConfiguration,
    authorities: Authorities,
    callers: HttpClients,
    sessions: SessionStore,
    judge: Callable[[UaaCredentials], TokenValidator],
    clock: Callable[[], float],
) -> ServiceCalls | None:
    """Return what lets services call with a token of their own, if there is somebody who can judge it."""
    known, bound = KnownCallers(clock), configuration.services
    xsuaa, identity = authorities.by_kind.get(XSUAA), authorities.by_kind.get(IAS)
    by_xsuaa = by_identity = None
    if bound.uaa is not None and isinstance(xsuaa, XsuaaAuthority):
        several = authorities.tenants is not None
        by_xsuaa = XsuaaCallers(xsuaa.uaa, judge(bound.uaa), several, known)
    if bound.identity is not None and isinstance(identity, IasAuthority):
        timeout = service_timeout(configuration, "identity")
        keys = DiscoveredKeys(callers.client_for(bound.identity), bound.identity, clock, timeout)
        by_identity = IdentityCallers(identity, keys, known)
    if by_xsuaa is None and by_identity is None:
        return None
    return ServiceCalls(
        by_xsuaa,
        by_identity,
        authorities.tenants,
        CookieSeal(_backend_cookies_secret(configuration)),
        clock,
        configuration.environment.service_sessions,
        service_records(configuration, sessions, clock),
        configuration.environment.session_cookie_name,
    )


def _backend_cookies_secret(configuration: RouterConfiguration) -> bytes:
    """Return a secret that other processes of the application have too: they must be able to open the cookie."""
    chosen = configuration.environ.get("BACKEND_COOKIES_SECRET")
    if chosen:
        return chosen.encode()
    if configuration.session_store is not None:
        # Only routers that share sessions pay for what that needs.
        from entryway.router.shared_sessions.keys import derive_shared_keys  # noqa: PLC0415

        return derive_shared_keys(configuration.session_store.secret).backend_cookies()
    client = configuration.services.uaa or configuration.services.identity
    key = "" if client is None or client.key is None else client.key.get_secret_value()
    return ((None if client is None else client.secret) or key).encode()


def token_validator(
    kind: Callable[..., TokenValidator], tls: ssl.SSLContext, clock: Callable[[], float], uaa: UaaCredentials
) -> TokenValidator:
    """Return what judges tokens that others than the token endpoint give to the router."""
    own = ServiceCredentials(
        clientid=uaa.clientid,
        xsappname=uaa.xsappname,
        key_domain=uaa.key_domain,
        url=uaa.url,
        zone_id=uaa.zone_id,
        tenantmode=uaa.tenantmode,
        trustedclientidsuffix=uaa.trustedclientidsuffix,
    )
    return kind(own, tls=tls, clock=clock)
