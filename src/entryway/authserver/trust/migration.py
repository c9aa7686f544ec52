"""From SAML to OpenID Connect and back: the other provider takes over the origin key, and its users stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from entryway.authserver import tables
from entryway.authserver.trust.configuration import Kind, fits_oidc
from entryway.authserver.trust.providers import IdentityProviderUnknown, OriginTaken, purpose
from entryway.authserver.users import ORIGIN
from entryway.errors import Conflict
from entryway.federation.errors import InvalidTrust
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.trust.providers import IdentityProvider, IdentityProviders
    from entryway.storage import Database, Sealer
    from entryway.storage.audit import Audit

# Where the SAML trust waits, switched off, in case the other one does not do.
PARKED = "oidc-migration-backup"


class ProviderInUse(Conflict):
    """Users have come from the provider by its own origin key, and would be left behind."""

    code = "identity_provider_in_use"
    title = "Users or mappings belong to the identity provider by the key that it would lose"


@dataclass(frozen=True, slots=True)
class TrustMigration:
    """Two providers exchange their origin keys in one transaction."""

    database: Database
    sealer: Sealer
    providers: IdentityProviders
    audit: Audit
    clock: Clock

    async def migrate(self, zid: str, saml: str, oidc: str, *, actor: str) -> IdentityProvider:
        """Give the key of a SAML provider to one of OpenID Connect, and park the SAML trust."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "identity-providers", zid)
            old, new = await _row(session, zid, saml, Kind.SAML), await _row(session, zid, oidc, Kind.OIDC)
            if await session.get(tables.IdentityProviderRow, (zid, PARKED)) is not None:
                raise OriginTaken(f"{PARKED}: an earlier migration has to be restored, or its backup deleted, first")
            await _check_unused(session, zid, oidc)
            _check_key(saml)
            new.is_default = new.is_default or old.is_default
            old.active = old.is_default = old.default_for_noninteractive = False
            new.active = True
            await self._exchange(session, {PARKED: old, saml: new}, actor)
        return await self.providers.get(zid, saml)

    async def restore(self, zid: str, origin: str, oidc: str, *, actor: str) -> IdentityProvider:
        """Give a key back to the SAML provider that is parked; the one of OpenID Connect gets a key of its own."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "identity-providers", zid)
            old, new = await _row(session, zid, PARKED, Kind.SAML), await _row(session, zid, origin, Kind.OIDC)
            _check_key(oidc)
            if oidc == ORIGIN or await session.get(tables.IdentityProviderRow, (zid, oidc)) is not None:
                raise OriginTaken(oidc)
            old.is_default, old.active = new.is_default, True
            new.active = new.is_default = new.default_for_noninteractive = False
            await self._exchange(session, {origin: old, oidc: new}, actor)
        return await self.providers.get(zid, origin)

    async def _exchange(self, session: AsyncSession, keys: dict[str, tables.IdentityProviderRow], actor: str) -> None:
        """Write both providers anew under their new keys."""
        columns = tables.IdentityProviderRow.__table__.columns.keys()
        rows, events = [], []
        for origin, row in keys.items():
            values = {name: getattr(row, name) for name in columns} | {"origin": origin, "updated_at": self.clock()}
            renamed = tables.IdentityProviderRow(**values)
            if row.sealed_secret is not None:
                # The seal holds for one origin key alone.
                secret = self.sealer.unseal(row.sealed_secret, purpose(row))
                renamed.sealed_secret = self.sealer.seal(secret, purpose(renamed))
            told = {"old": {"origin": row.origin}, "new": {"origin": origin, "active": row.active}}
            events.append(changed("UPDATE", row.zid, "IdentityProvider", row.origin, actor=actor, **told))
            rows.append(renamed)
        zid, touched = rows[0].zid, {*keys, *(row.origin for row in keys.values())}
        for row in keys.values():
            session.expunge(row)
        table = tables.IdentityProviderRow
        for of in (table, tables.ProviderSession, tables.ProviderRequest):
            # Logins on their way, and logouts that would go on to the other provider, end with the exchange.
            await session.execute(delete(of).where(of.zid == zid, of.origin.in_(touched)))
        session.add_all(rows)
        await session.flush()
        await self.audit.record(session, *events)


def _check_key(origin: str) -> None:
    if not fits_oidc(origin):
        raise InvalidTrust(f"{origin}: an OpenID Connect provider's key has at most 36 letters, digits and . _ -")


async def _row(session: AsyncSession, zid: str, origin: str, kind: Kind) -> tables.IdentityProviderRow:
    row = await session.get(tables.IdentityProviderRow, (zid, origin))
    if row is None:
        raise IdentityProviderUnknown(origin)
    if row.type != kind:
        raise InvalidTrust(f"{origin} is of the type {row.type}, not {kind}")
    return row


async def _check_unused(session: AsyncSession, zid: str, origin: str) -> None:
    for table in (tables.User, tables.RoleMapping):
        query = select(func.count()).select_from(table).where(table.zid == zid, table.origin == origin)
        if (await session.execute(query)).scalar_one():
            raise ProviderInUse(origin)
