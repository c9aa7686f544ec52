"""The tenants of a landscape, as requests find them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.tenant_addresses import NamedZone, ZoneUnknown
from entryway.errors import Forbidden

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.storage import Database

# How long a process may act on what another has changed since.
REMEMBERED = timedelta(seconds=5)
MOST_REMEMBERED = 20_000

__all__ = ["NamedZone", "Zone", "ZoneSuspended", "ZoneUnknown", "Zones"]


class ZoneSuspended(Forbidden):
    """The tenant is there, but nobody may use it for now."""

    code = "zone_suspended"
    title = "The tenant is suspended"


@dataclass(frozen=True, slots=True)
class Zone:
    """A tenant, and the address at which it speaks."""

    id: str
    subdomain: str
    number: int
    url: str

    @property
    def issuer(self) -> str:
        """Who the tenant's tokens are from."""
        return f"{self.url}/oauth/token"


@dataclass(frozen=True, slots=True)
class _Known:
    zone: Zone
    suspended: bool
    read_at: datetime


class Zones:
    """The tenants of this landscape; those in use are kept in memory for a few seconds."""

    def __init__(self, database: Database, settings: AuthServerSettings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._known: dict[NamedZone, _Known] = {}

    async def resolve(self, named: NamedZone) -> Zone:
        """Return the tenant, or raise ZoneUnknown or ZoneSuspended."""
        known = self._known.get(named)
        if known is None or self._clock() - known.read_at >= REMEMBERED:
            known = await self._load(named)
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[named] = known
        if known.suspended:
            raise ZoneSuspended(known.zone.subdomain)
        return known.zone

    def forget(self) -> None:
        """Read everything anew: a tenant has changed."""
        self._known = {}

    def of(self, row: tables.Zone) -> Zone:
        """Return a tenant from its row."""
        # The landscape's first tenant speaks at the bare host; further ones have an address of their own.
        first = row.subdomain == self._settings.subdomain
        url = self._settings.public_url if first else self._settings.addresses.url_of(row.subdomain)
        if row.main_domain is not None:
            url = self._settings.url_at(row.main_domain)
        return Zone(row.id, row.subdomain, row.number, url)

    async def _load(self, named: NamedZone) -> _Known:
        query, now = select(tables.Zone), self._clock()
        if named.id is not None:
            query = query.where(tables.Zone.id == named.id)
        elif named.domain is not None:
            domain = tables.TenantDomain
            query = query.join(domain, domain.zid == tables.Zone.id).where(domain.host == named.domain)
        else:
            query = query.where(tables.Zone.subdomain == (named.subdomain or self._settings.subdomain))
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None:
            self._known.pop(named, None)
            raise ZoneUnknown("no such zone")
        return _Known(self.of(row), row.suspended_at is not None, now)
