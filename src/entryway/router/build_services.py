"""Puts together what the router needs to ask other services: build's part for the bindings of neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableSequence
from typing import Protocol

import httpx

from entryway.clients.tls import REJECT_VARIABLE, load_client_certificate, outgoing_context
from entryway.config.bindings import OAuthCredentials
from entryway.config.business_services import BusinessService, Endpoint
from entryway.http import Headers
from entryway.router.backends import Backend, Header
from entryway.router.business_services import BoundService, BusinessServices
from entryway.router.company_network import ClientToken
from entryway.router.origins import TlsContexts, origin_of, timeouts_of
from entryway.router.tenant_tokens import TenantTokens
from entryway.router.uaa import Uaa


class HttpClients(Protocol):
    """Gives out the HTTP client that can prove who we are with some credentials."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment, which says whom to believe."""

    def client_for(self, credentials: OAuthCredentials) -> httpx.AsyncClient:
        """Return the client for these credentials."""


def business_services(
    services: Mapping[str, BusinessService],
    callers: HttpClients,
    tls: TlsContexts,
    own_tokens: MutableSequence[ClientToken],
    clock: Callable[[], float],
) -> BusinessServices:
    """Return the bound services, ready to be asked."""
    distinct = {service.name: service for service in services.values()}
    bound = {name: _bound(service, callers, tls, own_tokens, clock) for name, service in distinct.items()}
    return BusinessServices({name: bound[service.name] for name, service in services.items()}, clock)


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
    endpoints: dict[str | None, Endpoint] = {**credentials.endpoints}
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
