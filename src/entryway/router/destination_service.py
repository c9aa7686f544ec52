"""Destinations that the destination service knows: asked once per user and destination, however many requests wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from entryway.clients.destinations import DestinationsClient, DestinationUnknown, FoundDestination
from entryway.config.bindings import DestinationCredentials
from entryway.http import Headers, Origin
from entryway.router.backends import Backend, Header
from entryway.router.company_network import ClientToken, CompanyNetwork, KeptToken, usable_until
from entryway.router.destination_properties import is_false, is_true, timeout_of, value_of
from entryway.router.destination_stores import DestinationStores
from entryway.router.errors import DestinationFailed, DestinationNotFound
from entryway.router.origins import TlsContexts, origin_of, timeouts_of
from entryway.router.sessions import Session
from entryway.router.uaa import Uaa

LONGEST_SECONDS = 300.0
"""How long an answer is used at most, so that a changed destination is noticed."""
SERVICE = "destination service"
ADDITIONAL_HEADER = "URL.headers."
PROPAGATED = b"sap-connectivity-authentication"
EXCHANGED = "destination service's token"
PROVIDER = "\n"
"""Stands for the provider among the subdomains of tenants."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A backend and until when it may be used."""

    backend: Backend
    until: float


@dataclass(frozen=True, slots=True)
class ServiceDestinations:
    """Finds destinations for users, and for public routes with the application's own token."""

    find_client: DestinationsClient
    credentials: DestinationCredentials
    uaa: Uaa
    own_tokens: Callable[[str | None], ClientToken]
    """The application's own token, by the tenant's subdomain."""
    company: CompanyNetwork | None
    tls: TlsContexts
    clock: Callable[[], float]
    stores: DestinationStores
    users_into_company: bool = False
    """Whether every system in the company network learns who the user is."""
    public: dict[Any, Any] = field(default_factory=dict)
    under_way: dict[tuple[Session | None, str | None, str], asyncio.Task[Backend]] = field(default_factory=dict)

    async def find(
        self,
        name: str,
        session: Session | None,
        correlation_id: str,
        *,
        dynamic: bool,
        tenant: str | None = None,
        provided: bool = False,
    ) -> Backend:
        """Return the destination for the user of the session, or raise; `provided` takes the provider's, not theirs."""
        if session is not None and session.login is None:
            session = None
        provided = provided and tenant is not None
        place = PROVIDER if provided else tenant
        kept = self._cache(session).get((place, name, dynamic))
        if kept is not None and self.clock() < kept.until:
            backend: Backend = kept.backend
            return backend
        key = (session, place, f"{name}\n{dynamic}")
        task = self.under_way.get(key)
        if task is None:
            if provided:
                asking = self._ask_provider(name, session, correlation_id, dynamic=dynamic, tenant=tenant)
            else:
                asking = self._ask(name, session, correlation_id, dynamic=dynamic, tenant=tenant)
            task = self.under_way[key] = asyncio.get_running_loop().create_task(asking)
            task.add_done_callback(lambda _: self.under_way.pop(key, None))
        return await asyncio.shield(task)

    def _cache(self, session: Session | None) -> dict[Any, Any]:
        return self.public if session is None else session.found

    async def _ask(
        self, name: str, session: Session | None, correlation_id: str, *, dynamic: bool, tenant: str | None
    ) -> Backend:
        token = await (self.own_tokens(tenant).get() if session is None else self._user_token(session, tenant))
        found = await self._found(name, token.value, correlation_id, dynamic=dynamic)
        backend, until = await self._backend(found, session, tenant, None if session is None else token.value)
        return self._keep((tenant, name, dynamic), session, Kept(backend, min(until, token.until)))

    async def _ask_provider(
        self, name: str, session: Session | None, correlation_id: str, *, dynamic: bool, tenant: str | None
    ) -> Backend:
        """Ask in the provider's own name: who the user is stands beside, for destinations that log users on."""
        token = await self.own_tokens(None).get()
        login = None if session is None else session.login
        user = None if login is None else login.access_token
        found = await self._found(name, token.value, correlation_id, dynamic=dynamic, user=user)
        propagated = None
        if session is not None and self._propagates(found.configuration):
            propagated = (await self._user_token(session, tenant)).value
        backend, until = await self._backend(found, session, None, propagated)
        return self._keep((PROVIDER, name, dynamic), session, Kept(backend, min(until, token.until)))

    async def _found(
        self, name: str, token: str, correlation_id: str, *, dynamic: bool, user: str | None = None
    ) -> FoundDestination:
        try:
            found = await self.find_client.find(name, token, user_token=user, correlation_id=correlation_id)
        except DestinationUnknown as error:
            if dynamic:
                raise DestinationNotFound(error.detail) from error
            raise DestinationFailed(SERVICE, error.detail) from error
        if dynamic and not is_true(found.configuration, "DynamicDestination"):
            raise DestinationNotFound(f"the destination {name!r} lacks HTML5.DynamicDestination")
        return found

    def _keep(self, key: tuple[str | None, str, bool], session: Session | None, kept: Kept) -> Backend:
        cache = self._cache(session)
        if session is None and len(cache) > 1000:
            cache.clear()
        cache[key] = kept
        return kept.backend

    async def _user_token(self, session: Session, tenant: str | None) -> KeptToken:
        kept: KeptToken | None = session.found.get(EXCHANGED)
        login = session.login
        if kept is not None and self.clock() < kept.until:
            return kept
        if login is None:
            return await self.own_tokens(tenant).get()
        client = self.credentials.at_tenant(tenant)
        tokens = await self.uaa.exchange(client, login.access_token, login.foreign_tenant)
        kept = KeptToken(tokens.access_token, usable_until(tokens.expires_in, self.clock()))
        session.found[EXCHANGED] = kept
        return kept

    async def _backend(
        self, found: FoundDestination, session: Session | None, tenant: str | None, user_token: str | None
    ) -> tuple[Backend, float]:
        properties = found.configuration
        until = self.clock() + LONGEST_SECONDS
        propagates = False
        headers, expires_in = auth_headers(found)
        if expires_in is not None:
            until = min(until, usable_until(expires_in, self.clock()))
        on_premise = properties.get("ProxyType") == "OnPremise"
        if on_premise:
            propagates = self._propagates(properties)
            # The destination service knows better who the user is in the company network, where it says so.
            propagates = propagates and all(name != PROPAGATED for name, _ in headers)
            propagates = propagates and user_token is not None
            proxy_headers, proxy_until = await self._proxy_headers(
                properties, tenant, user_token if propagates else None
            )
            headers += proxy_headers
            until = min(until, proxy_until)
        if client := properties.get("sap-client"):
            headers += (_header(found, "sap-client", client),)
        origin, path = self._origin(found, session, tenant, on_premise=on_premise)
        return Backend(
            name=found.name,
            origin=origin,
            base_path=path,
            timeouts=timeouts_of(timeout_of(properties)),
            forward_token=is_true(properties, "ForwardAuthToken") and not on_premise,
            forwarded_headers=not is_false(properties, "SetXForwardedHeaders"),
            preserve_host=is_true(properties, "PreserveHostHeader"),
            on_premise=on_premise,
            shows_user=propagates,
            dependency=None if on_premise else value_of(properties, "IASDependencyName") or None,
            headers=headers,
            defaults=additional_headers(found),
            replaced=frozenset(name for name, _ in headers),
        ), until

    def _origin(
        self, found: FoundDestination, session: Session | None, tenant: str | None, *, on_premise: bool
    ) -> tuple[Origin, str]:
        properties = found.configuration
        kind, url = properties.get("Type", "HTTP"), properties.get("URL", "")
        if kind != "HTTP":
            raise DestinationFailed(SERVICE, f"destination {found.name}: the type is {kind}, not HTTP")
        try:
            if on_premise and self.company is not None:
                # Nobody's connection into the company network is used for somebody else.
                return self.company.origin(url, tenant if session is None else session.name)
            return origin_of(
                url,
                self._tls(found, session),
                strict=properties.get("TrustAll", "").lower() != "true",
                cautious=is_true(properties, "StrictConnectionMode"),
            )
        except ValueError as error:
            raise DestinationFailed(SERVICE, f"destination {found.name}: its URL cannot be used: {error}") from None

    def _propagates(self, properties: Mapping[str, str]) -> bool:
        return self.users_into_company or properties.get("Authentication") == "PrincipalPropagation"

    def _tls(self, found: FoundDestination, session: Session | None) -> TlsContexts:
        forwards = is_true(found.configuration, "ForwardAuthCertificates")
        own = (
            None
            if forwards and found.configuration.get("KeyStore.Source") == "ClientProvided"
            else self.stores.contexts(found)
        )
        if own is None:
            return self.tls.presenting(session) if forwards else self.tls
        if forwards:
            raise DestinationFailed(
                SERVICE, f"destination {found.name}: HTML5.ForwardAuthCertificates beside its stores"
            )
        return own

    async def _proxy_headers(
        self, properties: Mapping[str, str], tenant: str | None, user_token: str | None
    ) -> tuple[tuple[Header, ...], float]:
        if self.company is None:
            raise DestinationFailed(SERVICE, "the destination is OnPremise, but no connectivity service is bound")
        location_id = properties.get("CloudConnectorLocationId", "")
        if not location_id.isprintable():
            raise DestinationFailed(SERVICE, "its CloudConnectorLocationId is no header")
        return await self.company.headers(location_id, user_token, tenant)


def auth_headers(found: FoundDestination) -> tuple[tuple[Header, ...], int | None]:
    """Return how to log on to the destination, and for how many seconds that is good."""
    if not found.auth_tokens:
        return (), None
    token = found.auth_tokens[0]
    if token.error is not None:
        raise DestinationFailed(SERVICE, f"destination {found.name}: {token.error}")
    return (_header(found, token.header_name, token.header_value),), token.expires_in


def _header(found: FoundDestination, name: str, value: str) -> Header:
    """Return what a destination wants sent, or raise because it cannot be a header."""
    try:
        (header,) = Headers([(name.encode("ascii"), value.encode("latin-1"))]).raw
    except ValueError:
        raise DestinationFailed(SERVICE, f"destination {found.name}: {name[:100]!r} is no header") from None
    return header


def additional_headers(found: FoundDestination) -> tuple[Header, ...]:
    """Return the headers of `URL.headers.*`; what the client sends under their names wins."""
    return tuple(
        _header(found, key.removeprefix(ADDITIONAL_HEADER), value)
        for key, value in found.configuration.items()
        if key.startswith(ADDITIONAL_HEADER)
    )
