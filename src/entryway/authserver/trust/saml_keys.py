"""The keys of a tenant as a SAML service provider: one signs, a second one waits until the partners know it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from entryway.authserver import tables
from entryway.errors import Conflict, NotFound
from entryway.saml.keys import KeyPair, new_key_pair
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.storage import Database, Sealer
    from entryway.storage.audit import Audit

MOST = 2
# Who made a tenant's first key.
OWN_WILL = "entryway"


class SamlKeyUnknown(NotFound):
    """The tenant has no SAML key by this id."""

    code = "saml_key_unknown"
    title = "There is no SAML key by this id"


class SamlKeysInUse(Conflict):
    """There are two keys already, or the key that signs would be deleted."""

    code = "saml_keys_in_use"
    title = "A tenant has two SAML keys at most, and always the one that signs"


@dataclass(frozen=True, slots=True)
class SamlKey:
    """A key with its id."""

    kid: str
    pair: KeyPair
    is_active: bool


@dataclass(frozen=True, slots=True)
class SamlKeys:
    """Rotation: `add`, hand the new metadata to the identity providers, `activate`, `delete` the old one."""

    database: Database
    sealer: Sealer
    audit: Audit
    clock: Clock

    async def ring(self, zid: str, name: str) -> Sequence[SamlKey]:
        """Return the keys of a tenant, the active one first; a tenant without any is given one, called `name`."""
        found = await self.list(zid)
        if found:
            return found
        pair = await asyncio.to_thread(new_key_pair, name, self.clock())
        async with self.database.transaction() as session:
            await self.database.lock(session, "saml-keys", zid)
            # Another request may have been quicker.
            if not await self._load(session, zid):
                await self._store(session, zid, pair, is_active=True, actor=OWN_WILL)
            return await self._load(session, zid)

    async def list(self, zid: str) -> Sequence[SamlKey]:
        """Return the keys of a tenant, the active one first."""
        async with self.database.read() as session:
            return await self._load(session, zid)

    async def add(self, zid: str, *, actor: str) -> None:
        """Make one more key, which is published and does not sign yet unless it is the first."""
        pair = await asyncio.to_thread(new_key_pair, zid, self.clock())
        async with self.database.transaction() as session:
            await self.database.lock(session, "saml-keys", zid)
            existing = await self._load(session, zid)
            if len(existing) >= MOST:
                raise SamlKeysInUse(zid)
            await self._store(session, zid, pair, is_active=not existing, actor=actor)

    async def activate(self, zid: str, kid: str, *, actor: str) -> None:
        """Sign with this key from now on."""
        row = tables.SamlKeyRow
        async with self.database.transaction() as session:
            await self.database.lock(session, "saml-keys", zid)
            if await session.get(row, (zid, kid)) is None:
                raise SamlKeyUnknown(kid)
            await session.execute(update(row).where(row.zid == zid).values(active=row.kid == kid))
            await self.audit.record(session, changed("UPDATE", zid, "SamlKey", kid, actor=actor, new={"active": True}))

    async def delete(self, zid: str, kid: str, *, actor: str) -> None:
        """Forget a key that does not sign."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "saml-keys", zid)
            found = await session.get(tables.SamlKeyRow, (zid, kid))
            if found is None:
                raise SamlKeyUnknown(kid)
            if found.active:
                raise SamlKeysInUse(kid)
            await session.delete(found)
            await self.audit.record(session, changed("DELETE", zid, "SamlKey", kid, actor=actor))

    async def _store(self, session: AsyncSession, zid: str, pair: KeyPair, *, is_active: bool, actor: str) -> None:
        kid = str(uuid.uuid4())
        session.add(
            tables.SamlKeyRow(
                zid=zid,
                kid=kid,
                certificate=pair.certificate_pem,
                sealed_private_key=self.sealer.seal(pair.private_pem, _purpose(zid)),
                active=is_active,
                created_at=self.clock(),
            )
        )
        await session.flush()
        await self.audit.record(session, changed("CREATE", zid, "SamlKey", kid, actor=actor))

    async def _load(self, session: AsyncSession, zid: str) -> Sequence[SamlKey]:
        row = tables.SamlKeyRow
        query = select(row).where(row.zid == zid).order_by(row.active.desc(), row.created_at)
        return [
            SamlKey(
                one.kid,
                KeyPair(one.certificate, self.sealer.unseal(one.sealed_private_key, _purpose(zid))),
                one.active,
            )
            for one in (await session.execute(query)).scalars()
        ]


def _purpose(zid: str) -> str:
    return f"saml-key/{zid}"
