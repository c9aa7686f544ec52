"""Domains of a tenant's own: host names at which it answers beside its subdomain; one may be its main address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from entryway.authserver import tables
from entryway.authserver.tenant_addresses import DOMAIN
from entryway.errors import BadRequest, Conflict, NotFound
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.zones import Zone
    from entryway.storage import Database
    from entryway.storage.audit import Audit

OBJECT = "xs_tenant_domain"


class DomainUnknown(NotFound):
    """The tenant has no such domain."""

    code = "domain_unknown"
    title = "The tenant has no such domain"


@dataclass(frozen=True, slots=True)
class Domains:
    """The domains of all tenants; that a name leads here, and the certificate for it, are the operator's affair."""

    database: Database
    settings: AuthServerSettings
    audit: Audit
    clock: Clock

    async def listed(self, zone: Zone) -> list[dict[str, Any]]:
        """Return a tenant's domains by name."""
        table = tables.TenantDomain
        async with self.database.read() as session:
            main = await _main(session, zone)
            hosts = await session.execute(select(table.host).where(table.zid == zone.id).order_by(table.host))
            return [_told(host, main) for host in hosts.scalars()]

    async def put(self, zone: Zone, host: str, *, main: bool, actor: str) -> tuple[dict[str, Any], bool]:
        """Let a tenant answer at a host name, also as its main address; say whether it is new."""
        name = self._checked(host)
        async with self.database.transaction() as session:
            await self.database.lock(session, "tenant-domains")
            row = await session.get(tables.TenantDomain, name)
            if row is not None and row.zid != zone.id:
                raise Conflict("the domain is another tenant's")
            before = await _main(session, zone)
            after = name if main else None if before == name else before
            if row is None:
                session.add(tables.TenantDomain(host=name, zid=zone.id, created_at=self.clock()))
                await session.flush()
            await _set_main(session, zone, after)
            if row is None or after != before:
                kind, old = ("CREATE", None) if row is None else ("UPDATE", _told(name, before))
                event = changed(kind, zone.id, OBJECT, name, actor=actor, old=old, new=_told(name, after))
                await self.audit.record(session, event)
        return _told(name, after), row is None

    async def delete(self, zone: Zone, host: str, *, actor: str) -> None:
        """Let a tenant answer at a host name no more."""
        name, table = host.lower(), tables.TenantDomain
        async with self.database.transaction() as session:
            before = await _main(session, zone)
            ended = delete(table).where(table.host == name, table.zid == zone.id).returning(table.host)
            if (await session.execute(ended)).scalar_one_or_none() is None:
                raise DomainUnknown(name)
            if before == name:
                await _set_main(session, zone, None)
            event = changed("DELETE", zone.id, OBJECT, name, actor=actor, old=_told(name, before))
            await self.audit.record(session, event)

    def _checked(self, host: str) -> str:
        name = host.lower()
        if not DOMAIN.fullmatch(name):
            raise BadRequest("a domain is a host name of letters, digits, - and dots, without a port")
        if self.settings.addresses.is_of_the_landscape(name):
            raise Conflict("names at the landscape's own hosts are subdomains of tenants")
        return name


async def _main(session: AsyncSession, zone: Zone) -> str | None:
    table = tables.Zone
    return (await session.execute(select(table.main_domain).where(table.id == zone.id))).scalar_one()


async def _set_main(session: AsyncSession, zone: Zone, host: str | None) -> None:
    table = tables.Zone
    await session.execute(update(table).where(table.id == zone.id).values(main_domain=host))


def _told(host: str, main: str | None) -> dict[str, Any]:
    return {"host": host, "main": host == main}
