"""Business services: where a route's `service` and `endpoint` lead, and how the router logs on there.

One function for each grant type in `GRANTS`. What was found out for a user is kept in the user's session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from entryway.clients.tokens import TokenSet
from entryway.config.business_services import BusinessService
from entryway.errors import EntrywayError, UpstreamTimeout
from entryway.router.authority import IAS
from entryway.router.backends import Backend, Header
from entryway.router.dependencies import Dependencies
from entryway.router.errors import DestinationNotFound, LoginRequired, ServiceTokenFailed
from entryway.router.exchanged_tokens import ExchangedTokens
from entryway.router.sessions import Login, Session
from entryway.router.tenant_tokens import TenantTokens
from entryway.router.uaa import Uaa


@dataclass(frozen=True, slots=True)
class BoundService:
    """One service with everything that is needed to ask it."""

    service: BusinessService
    backends: Mapping[str | None, Backend]
    """By endpoint, without what logs on; under None the service's own address."""
    uaa: Uaa | None = None
    own_tokens: TenantTokens | None = None
    users_tenant: str | None = None
    """The subdomain where the application's users log in, if the binding is of another tenant."""


@dataclass(frozen=True, slots=True)
class BusinessServices:
    """Finds the backends of services for users and tenants."""

    bound: Mapping[str, BoundService]
    """By name and by alias."""
    exchanged: ExchangedTokens
    dependencies: Dependencies | None = None

    async def find(self, name: str, endpoint: str | None, session: Session | None, tenant: str | None) -> Backend:
        """Return the endpoint with what logs on to it, or raise; `tenant` is a subdomain."""
        bound = self.bound.get(name)
        backend = None if bound is None else bound.backends.get(endpoint)
        if bound is None or backend is None:
            named = name if endpoint is None else f"{name} with the endpoint {endpoint}"
            raise DestinationNotFound(f"no service is bound as {named}")
        grant = bound.service.credentials.grant_type
        headers = await GRANTS[grant](self, bound, session, tenant)
        ours = frozenset(name for name, _ in headers) | NEVER_A_CLIENTS.get(grant, frozenset())
        return replace(backend, headers=headers, replaced=ours)


async def _with_user_token(
    services: BusinessServices, bound: BoundService, session: Session | None, tenant: str | None
) -> tuple[Header, ...]:
    login = None if session is None else session.login
    if session is None or login is None:
        raise LoginRequired(f"service {bound.service.name}: the grant type user_token needs a user")
    credentials = bound.service.credentials
    if login.authority == IAS and credentials.forwards_identity:
        token = await _identity_token(services, credentials.dependency, session, login)
        return ((b"authorization", f"Bearer {token}".encode("latin-1")),)
    token = await services.exchanged.get(
        session, login, f"service {bound.service.name}", partial(_exchange, bound, login, tenant)
    )
    headers = ((b"authorization", f"Bearer {token}".encode("latin-1")),)
    if login.authority == IAS and credentials.forwards_identity_beside:
        beside = await _identity_token(services, credentials.dependency, session, login)
        return (*headers, (b"x-ias-token", beside.encode("latin-1")))
    return headers


async def _exchange(bound: BoundService, login: Login, tenant: str | None) -> TokenSet:
    if bound.uaa is None or bound.service.client is None:
        raise ServiceTokenFailed(f"service {bound.service.name}", "its binding has no OAuth client")
    # Only its own tenant knows a user; one of the identity service is told apart by a header instead.
    home = bound.users_tenant if login.foreign_tenant is None else None
    client = bound.service.client.at_tenant(tenant or home)
    return await bound.uaa.exchange(client, login.access_token, login.foreign_tenant)


async def _identity_token(services: BusinessServices, dependency: str | None, session: Session, login: Login) -> str:
    """Return the identity service's token: that of the login, or the one for a dependency."""
    if dependency is None or services.dependencies is None:
        return login.access_token
    return await services.dependencies.token(session, login, dependency)


async def _with_own_token(
    _services: BusinessServices, bound: BoundService, _session: Session | None, tenant: str | None
) -> tuple[Header, ...]:
    if bound.own_tokens is None:
        raise ServiceTokenFailed(f"service {bound.service.name}", "its binding has no OAuth client")
    try:
        kept = await bound.own_tokens.at(tenant).get()
    except UpstreamTimeout:
        raise
    except EntrywayError as error:
        raise ServiceTokenFailed(f"service {bound.service.name}", f"client credentials: {error}") from error
    # In lower case, as services of this kind have always seen it from routers.
    return ((b"authorization", f"bearer {kept.value}".encode("latin-1")),)


async def _with_certificate(
    _services: BusinessServices, _bound: BoundService, session: Session | None, _tenant: str | None
) -> tuple[Header, ...]:
    """Who we are stands in the certificate of the connection; which tenant is asked for, in a header."""
    zone = "" if session is None or session.login is None else str(session.login.claims.get("zid") or "")
    return ((b"x-tenant-id", zone.encode("latin-1", "replace")),) if zone else ()


LogOn: TypeAlias = Callable[[BusinessServices, BoundService, Session | None, str | None], Awaitable[tuple[Header, ...]]]
GRANTS: Mapping[str, LogOn] = MappingProxyType(
    {"user_token": _with_user_token, "client_credentials": _with_own_token, "mtls": _with_certificate}
)
NEVER_A_CLIENTS: Mapping[str, frozenset[bytes]] = MappingProxyType(
    {"mtls": frozenset({b"x-tenant-id", b"x_tenant_id"})}
)
"""What a service believes because of our certificate: a client's own words do not reach it, with a user or without."""
