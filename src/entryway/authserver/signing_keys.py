"""The keys that sign a tenant's tokens: made once, sealed in the database, kept in memory."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import tables
from entryway.errors import EntrywayError
from entryway.oauth import keys
from entryway.oauth.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from joserfc.jwk import RSAKey

    from entryway.authserver.moments import Clock
    from entryway.storage import Database, Sealer

PURPOSE = "authserver-signing-key"


class NoSigningKey(EntrywayError):
    """The tenant has no active key; nothing can be signed."""

    title = "The tenant has no active signing key"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key of a tenant that still verifies, and the one that signs."""

    active: SigningKey
    published: tuple[SigningKey, ...]
    changed_at: datetime

    @property
    def verifying(self) -> Mapping[str, RSAKey]:
        """The keys by the name in a token's header."""
        return {key.kid: key.key for key in self.published}


class SigningKeys:
    """The key rings of all tenants."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._rings: dict[str, KeyRing] = {}

    async def ring(self, zid: str) -> KeyRing:
        """Return the keys of a tenant."""
        ring = self._rings.get(zid)
        if ring is None:
            ring = self._rings[zid] = await self._load(zid)
        return ring

    async def create_missing(self, zid: str) -> None:
        """Give the tenant its first key."""
        async with self._database.transaction() as session:
            await self._database.lock(session, "signing-keys", zid)
            found = select(tables.SigningKeyRow.kid).where(
                tables.SigningKeyRow.zid == zid, tables.SigningKeyRow.active.is_(True)
            )
            if (await session.execute(found)).first() is not None:
                return
            key = await asyncio.to_thread(keys.generate, secrets.token_hex(4))
            session.add(
                tables.SigningKeyRow(
                    zid=zid,
                    kid=key.kid,
                    sealed_private_key=self._sealer.seal(key.private_pem, PURPOSE),
                    active=True,
                    created_at=self._clock(),
                )
            )

    async def _load(self, zid: str) -> KeyRing:
        query = (
            select(tables.SigningKeyRow)
            .where(tables.SigningKeyRow.zid == zid)
            .order_by(tables.SigningKeyRow.created_at.desc())
        )
        async with self._database.read() as session:
            rows = (await session.execute(query)).scalars().all()
        published = {row.kid: SigningKey(row.kid, self._sealer.unseal(row.sealed_private_key, PURPOSE)) for row in rows}
        active = next((published[row.kid] for row in rows if row.active), None)
        if active is None:
            raise NoSigningKey(f"zone {zid} has no active signing key")
        return KeyRing(active, tuple(published.values()), rows[0].created_at)
