"""Sends a browser to the identity provider that was chosen: one way per protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from entryway.authserver.tenant_addresses import NamedZone
from entryway.federation.errors import ProviderDisabled

if TYPE_CHECKING:
    from starlette.responses import Response

    from entryway.authserver.next_step import Attempt
    from entryway.authserver.trust.configuration import Kind
    from entryway.authserver.trust.provider_sessions import ProviderSession
    from entryway.authserver.trust.providers import IdentityProvider, IdentityProviders
    from entryway.authserver.zones import Zone, Zones


class Departure(Protocol):
    """What each protocol does its own way."""

    async def begin(self, zone: Zone, provider: IdentityProvider, attempt: Attempt, browser: str) -> Response:
        """Answer with the way to the provider's login."""
        ...

    async def end(
        self, zone: Zone, provider: IdentityProvider, session: ProviderSession, browser: str, target: str
    ) -> Response | None:
        """Answer with the way to the provider's logout, from which the browser comes back to `target`."""
        ...


@dataclass(frozen=True, slots=True)
class Departures:
    """Finds the provider and lets its protocol do the rest."""

    zones: Zones
    providers: IdentityProviders
    kinds: Mapping[Kind, Departure]

    async def begin(self, attempt: Attempt, browser: str) -> Response:
        """Answer with the way to the login at the provider that the attempt names."""
        provider = await self.providers.get(attempt.zid, attempt.origin or "")
        if not provider.draft.active:
            raise ProviderDisabled(f"Identity Provider has been disabled by administrator for alias:{provider.origin}")
        zone = await self.zones.resolve(NamedZone(id=attempt.zid))
        return await self.kinds[provider.type].begin(zone, provider, attempt, browser)

    async def end(self, zone: Zone, session: ProviderSession, browser: str, target: str) -> Response | None:
        """Answer with the way to the provider's logout; None when there is none."""
        provider = await self.providers.find(zone.id, session.origin)
        if provider is None or not provider.draft.active:
            return None
        return await self.kinds[provider.type].end(zone, provider, session, browser, target)
