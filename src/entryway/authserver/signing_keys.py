"""The keys that sign a tenant's tokens: sealed in the database, kept in memory, replaced step by step."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from entryway.authserver import key_rotation, tables
from entryway.authserver.key_rotation import KeyState, RotationPolicy
from entryway.errors import EntrywayError, NotFound
from entryway.oauth import keys
from entryway.oauth.keys import SigningKey
from entryway.storage import Remembered
from entryway.storage.audit import changed
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.storage import Changes, Database, Sealer
    from entryway.storage.audit import Audit

log = get_logger(__name__)

PURPOSE = "authserver-signing-key"
MOST_REMEMBERED = 20_000
_AT_ONCE = 20


class NoSigningKey(EntrywayError):
    """The tenant has no active key; nothing can be signed."""

    title = "The tenant has no active signing key"


class KeyUnknown(NotFound):
    """The tenant has no key by this id."""

    code = "key_unknown"
    title = "There is no signing key by this id"


@dataclass(frozen=True)
class KeyRing:
    """Every key of a tenant that still verifies, and the one that signs."""

    active: SigningKey
    published: tuple[SigningKey, ...]
    changed_at: datetime

    @cached_property
    def verifying(self) -> Mapping[str, RSAPublicKey]:
        """The public keys by the name in a token's header."""
        return {key.kid: key.public for key in self.published}


class SigningKeys:
    """The key rings of all tenants."""

    def __init__(  # noqa: PLR0917 - the parts that it is made of
        self,
        database: Database,
        sealer: Sealer,
        clock: Clock,
        audit: Audit,
        changes: Changes,
        policy: RotationPolicy | None = None,
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._audit = audit
        self._policy = policy or RotationPolicy()
        self._rings: Remembered[str, KeyRing] = Remembered(changes, (tables.TENANT,), MOST_REMEMBERED)

    async def ring(self, zid: str) -> KeyRing:
        """Return the keys of a tenant."""
        ring = await self._rings.get(zid, "", self._load)
        if ring is None:
            raise NoSigningKey(f"zone {zid} has no active signing key")
        return ring

    async def create_missing(self, zid: str) -> None:
        """Give the tenant its first key, which signs at once: nobody can have others."""
        async with self._database.transaction() as session:
            await self._database.lock(session, "signing-keys", zid)
            if not any(row.active for row in await _rows(session, zid)):
                await self._add(session, zid, active=True)

    async def listed(self, zid: str) -> list[dict[str, Any]]:
        """Return what administrators see of a tenant's keys, the oldest first."""
        async with self._database.read() as session:
            return [_told(row) for row in await _rows(session, zid)]

    async def create(self, zid: str, actor: str) -> dict[str, Any]:
        """Make a second key, which is published from now on and does not sign yet."""
        async with self._database.transaction() as session:
            await self._database.lock(session, "signing-keys", zid)
            key_rotation.check_create([_state(row) for row in await _rows(session, zid)])
            row = await self._add(session, zid, active=False)
            await self._note(session, zid, "CREATE", row.kid, actor)
        return _told(row)

    async def enable(self, zid: str, kid: str, actor: str, *, forced: bool) -> dict[str, Any]:
        """Sign with this key from now on; the other one still verifies."""
        now = self._clock()
        async with self._database.transaction() as session:
            await self._database.lock(session, "signing-keys", zid)
            rows = await _rows(session, zid)
            key = _one(rows, kid)
            key_rotation.check_enable(_state(key), now, self._policy, forced=forced)
            for row in rows:
                if row.active:
                    row.active, row.changed_at = False, now
            key.active, key.changed_at = True, now
            await self._note(session, zid, "UPDATE", kid, actor)
        return _told(key)

    async def delete(self, zid: str, kid: str, actor: str, *, forced: bool) -> None:
        """End a key and with it every token that it signed."""
        async with self._database.transaction() as session:
            await self._database.lock(session, "signing-keys", zid)
            key = _one(await _rows(session, zid), kid)
            key_rotation.check_delete(_state(key), self._clock(), self._policy, forced=forced)
            await session.delete(key)
            await self._note(session, zid, "DELETE", kid, actor)

    async def rotate_due(self) -> None:
        """Take the steps of automatic rotation that are due, for some tenants at a time."""
        for zid, (step, kid) in await self._due():
            actor = "automatic rotation"
            try:
                if step == "create":
                    await self.create(zid, actor)
                elif step == "enable":
                    await self.enable(zid, kid, actor, forced=True)
                else:
                    await self.delete(zid, kid, actor, forced=True)
            except (KeyUnknown, key_rotation.KeyStepRefused):
                continue  # another process was faster
            log.info("signing_key_rotated", zid=zid, step=step, kid=kid)

    async def _due(self) -> list[tuple[str, tuple[str, str]]]:
        if self._policy.rotated_every is None:
            return []
        table, now = tables.SigningKeyRow, self._clock()
        # Whatever is old enough to be created, or is no longer or not yet in use.
        old = table.active.is_(True) & (table.created_at <= now - self._policy.rotated_every)
        waiting = table.active.is_(False) & (table.created_at <= now - self._policy.automatic_step)
        query = select(table.zid).where(old | waiting).distinct().order_by(table.zid)
        found: list[tuple[str, tuple[str, str]]] = []
        async with self._database.read() as session:
            for zid in (await session.execute(query)).scalars().all():
                step = key_rotation.due([_state(row) for row in await _rows(session, zid)], now, self._policy)
                if step is not None:
                    found.append((zid, step))
                if len(found) >= _AT_ONCE:
                    break
        return found

    async def _add(self, session: AsyncSession, zid: str, *, active: bool) -> tables.SigningKeyRow:
        now = self._clock()
        key = await asyncio.to_thread(keys.generate, secrets.token_hex(4))
        row = tables.SigningKeyRow(
            zid=zid,
            kid=key.kid,
            sealed_private_key=self._sealer.seal(key.private_pem, PURPOSE),
            active=active,
            created_at=now,
            changed_at=now if active else None,
        )
        session.add(row)
        return row

    async def _note(self, session: AsyncSession, zid: str, event: str, kid: str, actor: str) -> None:
        zone = await session.get(tables.Zone, zid)
        if zone is not None:
            # The validator of /token_keys is in milliseconds: two steps within one must still differ.
            before = zone.keys_changed_at
            now = self._clock()
            zone.keys_changed_at = max(now, before + timedelta(milliseconds=1)) if before else now
        await session.flush()
        await self._audit.record(session, changed(event, zid, "signing-key", kid, actor=actor))

    async def _load(self, zid: str, key: str) -> KeyRing | None:
        before = self._rings.last(zid, key)
        async with self._database.read() as session:
            rows = await _rows(session, zid)
            changed_at = (
                await session.execute(select(tables.Zone.keys_changed_at).where(tables.Zone.id == zid))
            ).scalar_one_or_none()
        # Reading a key takes a hundred times as long as reading its row.
        known = {key.kid: key for key in before.published} if before else {}
        published = {
            row.kid: known.get(row.kid) or SigningKey(row.kid, self._sealer.unseal(row.sealed_private_key, PURPOSE))
            for row in rows
        }
        active = next((published[row.kid] for row in rows if row.active), None)
        if active is None:
            return None
        return KeyRing(active, tuple(published.values()), changed_at or rows[0].created_at)


async def _rows(session: AsyncSession, zid: str) -> Sequence[tables.SigningKeyRow]:
    table = tables.SigningKeyRow
    query = select(table).where(table.zid == zid).order_by(table.created_at, table.kid)
    return (await session.execute(query)).scalars().all()


def _one(rows: Sequence[tables.SigningKeyRow], kid: str) -> tables.SigningKeyRow:
    for row in rows:
        if row.kid == kid:
            return row
    raise KeyUnknown(kid)


def _state(row: tables.SigningKeyRow) -> KeyState:
    return KeyState(row.kid, row.active, row.created_at, row.changed_at)


def _told(row: tables.SigningKeyRow) -> dict[str, Any]:
    return {"kid": row.kid, "enabled": row.active, "created_at": row.created_at.isoformat()}
