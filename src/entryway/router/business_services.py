"""Business services: where a route's `service` and `endpoint` lead, and how the router logs on there.

One function for each grant type in `GRANTS`. What was found out for a user is kept in the user's session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

from entryway.config.business_services import BusinessService
from entryway.errors import EntrywayError, UpstreamTimeout
from entryway.router.backends import Backend, Header
from entryway.router.company_network import KeptToken, usable_until
from entryway.router.errors import DestinationNotFound, LoginRequired, ServiceTokenFailed
from entryway.router.sessions import Session
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
    exchanges: dict[Session, asyncio.Task[KeptToken]] = field(default_factory=dict)
    """Exchanges of user tokens that are under way."""


@dataclass(frozen=True, slots=True)
class BusinessServices:
    """Finds the backends of services for users and tenants."""

    bound: Mapping[str, BoundService]
    """By name and by alias."""
    clock: Callable[[], float]

    async def find(self, name: str, endpoint: str | None, session: Session | None, tenant: str | None) -> Backend:
        """Return the endpoint with what logs on to it, or raise; `tenant` is a subdomain."""
        bound = self.bound.get(name)
        backend = None if bound is None else bound.backends.get(endpoint)
        if bound is None or backend is None:
            named = name if endpoint is None else f"{name} with the endpoint {endpoint}"
            raise DestinationNotFound(f"no service is bound as {named}")
        headers = await GRANTS[bound.service.credentials.grant_type](bound, session, tenant, self.clock)
        return replace(backend, headers=headers, replaced=frozenset(header[0] for header in headers))


async def _with_user_token(
    bound: BoundService, session: Session | None, tenant: str | None, clock: Callable[[], float]
) -> tuple[Header, ...]:
    if session is None or session.login is None:
        raise LoginRequired(f"service {bound.service.name}: the grant type user_token needs a user")
    key = ("service token", bound.service.name)
    kept: KeptToken | None = session.found.get(key)
    if kept is None or clock() >= kept.until:
        task = bound.exchanges.get(session)
        if task is None:
            exchange = _exchange(bound, session, session.login.access_token, tenant, clock)
            task = bound.exchanges[session] = asyncio.get_running_loop().create_task(exchange)
            task.add_done_callback(lambda _: bound.exchanges.pop(session, None))
        kept = await asyncio.shield(task)
    return ((b"authorization", f"Bearer {kept.value}".encode("latin-1")),)


async def _exchange(
    bound: BoundService, session: Session, assertion: str, tenant: str | None, clock: Callable[[], float]
) -> KeptToken:
    if bound.uaa is None or bound.service.client is None:
        raise ServiceTokenFailed(f"service {bound.service.name}", "its binding has no OAuth client")
    foreign = None if session.login is None else session.login.foreign_tenant
    try:
        tokens = await bound.uaa.exchange(bound.service.client.at_tenant(tenant), assertion, foreign)
    except UpstreamTimeout:
        raise
    except EntrywayError as error:
        raise ServiceTokenFailed(f"service {bound.service.name}", f"exchange of the user's token: {error}") from error
    kept = KeptToken(tokens.access_token, usable_until(tokens.expires_in, clock()))
    if session.login is not None and session.login.access_token == assertion:
        session.found["service token", bound.service.name] = kept
    return kept


async def _with_own_token(
    bound: BoundService, _session: Session | None, tenant: str | None, _clock: Callable[[], float]
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
    _bound: BoundService, session: Session | None, _tenant: str | None, _clock: Callable[[], float]
) -> tuple[Header, ...]:
    """Who we are stands in the certificate of the connection; which tenant is asked for, in a header."""
    zone = "" if session is None or session.login is None else str(session.login.claims.get("zid") or "")
    return ((b"x-tenant-id", zone.encode("latin-1", "replace")),) if zone else ()


LogOn: TypeAlias = Callable[
    [BoundService, Session | None, str | None, Callable[[], float]], Awaitable[tuple[Header, ...]]
]
GRANTS: Mapping[str, LogOn] = MappingProxyType(
    {"user_token": _with_user_token, "client_credentials": _with_own_token, "mtls": _with_certificate}
)
