"""The tenants of a landscape, as requests find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.tenant_addresses import NamedZone, ZoneUnknown
from entryway.errors import Forbidden
from entryway.storage import Remembered
from entryway.storage.changes import EVERYBODY

if TYPE_CHECKING:
    from entryway.authserver.settings import AuthServerSettings
    from entryway.storage import Changes, Database

MOST_REMEMBERED = 20_000
# The landscape's own tenant, as a request names it that names none.
LANDSCAPE = NamedZone()

__all__ = ["LANDSCAPE", "NamedZone", "Zone", "ZoneSuspended", "ZoneUnknown", "Zones"]


class ZoneSuspended(Forbidden):
    """The tenant is there, but nobody may use it for now."""

    code = "zone_suspended"
    title = "The tenant is suspended"


@dataclass(frozen=True, slots=True, eq=False)
class Zone:
    """A tenant, and the address at which it speaks; another object once anything of it has changed."""

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


class Zones:
    """The tenants of this landscape; those in use are kept in memory until something changes."""

    def __init__(self, database: Database, settings: AuthServerSettings, changes: Changes) -> None:
        self._database = database
        self._settings = settings
        # Before a tenant is found it is not known whose revision counts; but every change of a tenant is everybody's.
        self._known: Remembered[NamedZone, _Known] = Remembered(changes, (), MOST_REMEMBERED)

    async def resolve(self, named: NamedZone) -> Zone:
        """Return the tenant, or raise ZoneUnknown or ZoneSuspended."""
        known = await self._known.get(EVERYBODY[0], named, self._load)
        if known is None:
            raise ZoneUnknown("no such zone")
        if known.suspended:
            raise ZoneSuspended(known.zone.subdomain)
        return known.zone

    def of(self, row: tables.Zone) -> Zone:
        """Return a tenant from its row."""
        # The landscape's first tenant speaks at the bare host; further ones have an address of their own.
        first = row.subdomain == self._settings.subdomain
        url = self._settings.public_url if first else self._settings.addresses.url_of(row.subdomain)
        if row.main_domain is not None:
            url = self._settings.url_at(row.main_domain)
        return Zone(row.id, row.subdomain, row.number, url)

    async def _load(self, everybody: str, named: NamedZone) -> _Known | None:
        del everybody
        query = select(tables.Zone)
        if named.id is not None:
            query = query.where(tables.Zone.id == named.id)
        elif named.domain is not None:
            domain = tables.TenantDomain
            query = query.join(domain, domain.zid == tables.Zone.id).where(domain.host == named.domain)
        else:
            query = query.where(tables.Zone.subdomain == (named.subdomain or self._settings.subdomain))
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        return _Known(self.of(row), row.suspended_at is not None) if row else None
