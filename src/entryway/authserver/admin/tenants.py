"""Tenants: created with a key of their own, suspended, and deleted with everything that is theirs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from entryway.authserver import tables
from entryway.authserver.roles import predefined
from entryway.authserver.tenant_addresses import LABEL, RESERVED, ZoneUnknown
from entryway.errors import BadRequest, Conflict
from entryway.storage.audit import changed
from entryway.storage.pages import page_of
from entryway.storage.tables import AUDIT_ENTRIES

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.zones import Zone, Zones
    from entryway.storage import Database
    from entryway.storage.audit import Audit
    from entryway.storage.pages import Window

OBJECT = "xs_tenant"


@dataclass(frozen=True, slots=True)
class Tenants:
    """The tenants of a landscape, for whoever runs it."""

    database: Database
    settings: AuthServerSettings
    zones: Zones
    keys: SigningKeys
    audit: Audit
    clock: Clock

    async def create(self, subdomain: str, name: str, zid: str | None, actor: str) -> dict[str, Any]:
        """Create a tenant; its subdomain is its own in the landscape, and never changes."""
        label = subdomain.lower()
        if not LABEL.fullmatch(label) or label in RESERVED:
            raise BadRequest(f"{subdomain!r} cannot be a subdomain")
        zid = _canonical(zid) if zid else str(uuid.uuid4())
        async with self.database.transaction() as session:
            await self.database.lock(session, "tenants")
            taken = select(tables.Zone.id).where((tables.Zone.subdomain == label) | (tables.Zone.id == zid))
            if (await session.execute(taken)).first() is not None:
                raise Conflict("a tenant with this subdomain or id exists already")
            # A deleted tenant's trail stays, and what other services keep for it: its id brings nobody to them.
            trail = select(AUDIT_ENTRIES.c.number).where(AUDIT_ENTRIES.c.zid == zid)
            if (await session.execute(trail.limit(1))).first() is not None:
                raise Conflict("a tenant that was deleted had this id")
            highest = (await session.execute(select(func.max(tables.Zone.number)))).scalar()
            row = tables.Zone(id=zid, subdomain=label, name=name, number=(highest or 0) + 1, created_at=self.clock())
            session.add(row)
            await session.flush()
            await predefined.ensure(session, zid, row.number, self.clock())
            await self.audit.record(
                session, changed("CREATE", zid, OBJECT, zid, actor=actor, new={"subdomain": label, "name": name})
            )
        await self.keys.create_missing(zid)
        return self._told(row)

    async def listed(self, *, after: int, limit: int) -> dict[str, Any]:
        """Return tenants by their numbers; `next` is what to ask with for more."""
        query = select(tables.Zone).where(tables.Zone.number > after).order_by(tables.Zone.number).limit(limit + 1)
        async with self.database.read() as session:
            rows = (await session.execute(query)).scalars().all()
        listed = rows[:limit]
        return {
            "tenants": [self._told(row) for row in listed],
            "next": listed[-1].number if len(rows) > limit else None,
        }

    async def page(self, window: Window) -> tuple[list[dict[str, Any]], int]:
        """Return a part of all tenants by their numbers, and how many there are."""
        table = tables.Zone
        async with self.database.read() as session:
            rows, total = await page_of(session, select(table), [table.number], window, key=table.id)
        return [self._told(row) for (row,) in rows], total

    async def find(self, zid: str) -> dict[str, Any]:
        """Return a tenant."""
        async with self.database.read() as session:
            return self._told(await self._row(session, zid))

    async def zone(self, zid: str) -> Zone:
        """Return a tenant for what is done in it, whether it is suspended or not."""
        async with self.database.read() as session:
            return self.zones.of(await self._row(session, zid))

    async def change(self, zid: str, *, name: str | None, suspended: bool | None, actor: str) -> dict[str, Any]:
        """Rename a tenant, suspend it or resume it."""
        async with self.database.transaction() as session:
            row = await self._row(session, zid)
            before = {"name": row.name, "suspended": row.suspended_at is not None}
            if suspended and row.subdomain == self.settings.subdomain:
                raise Conflict("the landscape's own tenant cannot be suspended")
            if name is not None:
                row.name = name
            if suspended is not None and suspended != before["suspended"]:
                row.suspended_at = self.clock() if suspended else None
            after = {"name": row.name, "suspended": row.suspended_at is not None}
            if after != before:
                await self.audit.record(
                    session, changed("UPDATE", zid, OBJECT, zid, actor=actor, old=before, new=after)
                )
        return self._told(row)

    async def delete(self, zid: str, actor: str) -> None:
        """Delete a tenant with its users, applications, keys and tokens; its audit trail stays."""
        async with self.database.transaction() as session:
            row = await self._row(session, zid)
            if row.subdomain == self.settings.subdomain:
                raise Conflict("the landscape's own tenant cannot be deleted")
            subscription = tables.Subscription
            used = select(subscription.zid).where(subscription.provider_zid == zid, subscription.zid != zid)
            if (await session.execute(used.limit(1))).first() is not None:
                raise Conflict("other tenants have subscribed to applications of this one")
            await session.execute(delete(subscription).where(subscription.zid == zid))
            await session.execute(delete(tables.Revision).where(tables.Revision.zid == zid))
            old = {"subdomain": row.subdomain, "name": row.name}
            await session.delete(row)
            await session.flush()
            await self.audit.record(session, changed("DELETE", zid, OBJECT, zid, actor=actor, old=old))

    async def _row(self, session: AsyncSession, zid: str) -> tables.Zone:
        row = await session.get(tables.Zone, zid)
        if row is None:
            raise ZoneUnknown("no such zone")
        return row

    def _told(self, row: tables.Zone) -> dict[str, Any]:
        return {
            "id": row.id,
            "subdomain": row.subdomain,
            "name": row.name,
            "number": row.number,
            "url": self.zones.of(row).url,
            "suspended": row.suspended_at is not None,
            "created_at": row.created_at.isoformat(),
        }


def _canonical(zid: str) -> str:
    try:
        return str(uuid.UUID(zid))
    except ValueError as error:
        raise BadRequest("the id of a tenant is a UUID") from error
