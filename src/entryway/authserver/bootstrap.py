"""What a landscape has from the start: its tenant, a signing key, the platform's client and the master services."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.bearer import PLATFORM_SCOPE
from entryway.authserver.clients import SECRET_PURPOSE
from entryway.authserver.roles import predefined
from entryway.authserver.schema import SCHEMA
from entryway.authserver.zones import NamedZone
from entryway.errors import ConfigurationError

if TYPE_CHECKING:
    from entryway.authserver.admin.applications import Applications
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.zones import Zone, Zones
    from entryway.storage import Database, Keyring, Sealer

PLATFORM = "entryway-platform"
MASTERS = ("destination-xsappname", "connectivity")
_LIFETIME_OF_PLATFORM_TOKENS = 3600


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Idempotent: every start runs it."""

    settings: AuthServerSettings
    database: Database
    keyring: Keyring
    sealer: Sealer
    digests: Digests
    keys: SigningKeys
    zones: Zones
    applications: Applications
    clock: Clock

    async def run(self) -> Zone:
        """Create what is missing and return the landscape's tenant."""
        await self.keyring.open(self.database, await self.database.migrate(SCHEMA))
        await self._tenant()
        zone = await self.zones.resolve(NamedZone())
        await self.keys.create_missing(zone.id)
        await self.keys.ring(zone.id)  # fails here, at the start, when the master key is not the one of this database
        await self._platform_client(zone)
        async with self.database.transaction() as session:
            await self.database.lock(session, "bootstrap")
            await predefined.ensure(session, zone.id, zone.number, self.clock())
        for name in MASTERS:
            await self.applications.put(zone, name, "broker", {"xsappname": name})
        return zone

    async def _tenant(self) -> None:
        names = select(tables.Zone.subdomain)
        async with self.database.transaction() as session:
            await self.database.lock(session, "bootstrap")
            # Two questions for one row each: a database may hold tens of thousands of tenants.
            if await session.scalar(names.where(tables.Zone.subdomain == self.settings.subdomain)) is not None:
                return
            first = await session.scalar(names.order_by(tables.Zone.created_at).limit(1))
            if first is not None:
                raise ConfigurationError(
                    f"the database belongs to the subdomain {first!r}, not {self.settings.subdomain!r}"
                )
            session.add(
                tables.Zone(
                    id=str(uuid.uuid4()),
                    subdomain=self.settings.subdomain,
                    name=self.settings.tenant_name,
                    number=1,
                    created_at=self.clock(),
                )
            )

    async def _platform_client(self, zone: Zone) -> None:
        now = self.clock()
        secret = self.settings.platform_client_secret
        async with self.database.transaction() as session:
            await self.database.lock(session, "bootstrap")
            await session.merge(
                tables.Application(
                    zid=zone.id,
                    instance_id=PLATFORM,
                    xsappname=PLATFORM,
                    plan="platform",
                    master=None,
                    descriptor={},
                    created_at=now,
                    updated_at=now,
                )
            )
            await session.flush()
            await session.merge(
                tables.ClientRow(
                    zid=zone.id,
                    instance_id=PLATFORM,
                    client_id=PLATFORM,
                    access_validity=_LIFETIME_OF_PLATFORM_TOKENS,
                    refresh_validity=_LIFETIME_OF_PLATFORM_TOKENS,
                    redirect_uris=[],
                    grant_types=["client_credentials"],
                    authorities=[PLATFORM_SCOPE],
                    foreign_scopes=[],
                    system_attributes=[],
                    allowed_providers=[],
                )
            )
            await session.merge(
                tables.BindingSecret(
                    zid=zone.id,
                    instance_id=PLATFORM,
                    binding_id=PLATFORM,
                    digest=self.digests.of(SECRET_PURPOSE, zone.id, secret),
                    # It is handed to us at each start; there is nobody to hand it out to.
                    sealed_secret=self.sealer.seal(b"", PLATFORM),
                    created_at=now,
                )
            )
