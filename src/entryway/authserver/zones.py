"""Which tenant a request is for: named by header, by query or by the first label of the host."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables
from entryway.errors import BadRequest, NotFound

if TYPE_CHECKING:
    from entryway.authserver.settings import AuthServerSettings
    from entryway.storage import Database

_ID = re.compile(r"[A-Za-z0-9-]{1,36}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class ZoneUnknown(NotFound):
    """No tenant by that name."""

    code = "zone_unknown"
    title = "The subdomain does not map to a valid identity zone."


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
class NamedZone:
    """How a request names its tenant: by id, by subdomain, or not at all."""

    id: str | None = None
    subdomain: str | None = None


def named_by(header: str | None, query: str | None, host: str, public_host: str) -> NamedZone:
    """Return how a request names its tenant; two different names are refused rather than ranked."""
    if header and query and header != query:
        raise BadRequest("the x-zid header and the zid parameter name different zones")
    given = header or query
    if given:
        if not _ID.fullmatch(given):
            raise ZoneUnknown("the zone id is malformed")
        return NamedZone(id=given)
    name = _host_name(host)
    if name == public_host or _is_address(name):
        return NamedZone()
    label, dot, rest = name.partition(".")
    if dot and rest == public_host and _LABEL.fullmatch(label):
        return NamedZone(subdomain=label)
    raise ZoneUnknown("the host is not one of this landscape")


class Zones:
    """The tenants of this landscape."""

    def __init__(self, database: Database, settings: AuthServerSettings) -> None:
        self._database = database
        self._settings = settings
        self._known: dict[NamedZone, Zone] = {}

    async def resolve(self, named: NamedZone) -> Zone:
        """Return the tenant, or raise ZoneUnknown."""
        zone = self._known.get(named)
        if zone is None:
            zone = await self._load(named)
            self._known[named] = zone
        return zone

    async def _load(self, named: NamedZone) -> Zone:
        query = select(tables.Zone)
        if named.id is not None:
            query = query.where(tables.Zone.id == named.id)
        else:
            query = query.where(tables.Zone.subdomain == (named.subdomain or self._settings.subdomain))
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None:
            raise ZoneUnknown("no such zone")
        return Zone(row.id, row.subdomain, row.number, self._url(row.subdomain))

    def _url(self, subdomain: str) -> str:
        # The landscape's first tenant speaks at the bare host; further ones put their label in front of it.
        if subdomain == self._settings.subdomain:
            return self._settings.public_url
        return f"https://{subdomain}.{self._settings.uaa_domain}"


def _host_name(host: str) -> str:
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0].removeprefix("[")
    return name.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    # Health checks and tools come by address; an address names no tenant.
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
