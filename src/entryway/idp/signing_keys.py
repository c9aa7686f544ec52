"""The keys that sign tokens: published before they sign, and for as long as anything they signed is good."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from entryway.errors import EntrywayError
from entryway.idp import tables
from entryway.oauth import keys
from entryway.oauth.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from entryway.storage import Database, Sealer
    from entryway.storage.moments import Clock

PURPOSE = "idp-signing-key"
# Clients keep keys for this long at most, so that none of them meets a token whose key it has not seen.
PUBLISHED_AHEAD = timedelta(minutes=15)
# The longest life of a token, and a little.
KEPT_AFTER = timedelta(hours=25)
# Several processes share the database; each sees the others' rotation after this time at the latest.
LOOKED_UP_AGAIN = timedelta(seconds=60)


class NoSigningKey(EntrywayError):
    """There is no key that may sign yet."""

    title = "There is no active signing key"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key that verifies, and the one that signs."""

    active: SigningKey
    published: tuple[SigningKey, ...]

    @property
    def verifying(self) -> Mapping[str, RSAPublicKey]:
        """The keys by the name in a token's header."""
        return {key.kid: key.public for key in self.published}


class SigningKeys:
    """The key ring of the identity provider."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._opened: dict[str, SigningKey] = {}
        self._rows: list[tuple[str, datetime]] = []
        self._looked_up_at: datetime | None = None

    async def ring(self) -> KeyRing:
        """Return the keys of this moment."""
        now = self._clock()
        if self._looked_up_at is None or now - self._looked_up_at > LOOKED_UP_AGAIN:
            await self._look_up(now)
        signing = [kid for kid, signs_from in self._rows if signs_from <= now]
        if not signing:
            first = min((signs_from for _, signs_from in self._rows), default=None)
            raise NoSigningKey(f"the first key signs from {first} on, and the clock says {now}" if first else "")
        return KeyRing(self._opened[signing[0]], tuple(self._opened[kid] for kid, _ in self._rows))

    async def create_first(self) -> None:
        """Make a key if there is none; it signs at once, for nobody has seen another one."""
        async with self._database.read() as session:
            if (await session.execute(select(tables.SigningKeyRow.kid).limit(1))).first() is not None:
                return
        await self._add(self._clock())

    async def rotate(self) -> str:
        """Publish a new key, which takes over in a quarter of an hour; return its name."""
        kid = await self._add(self._clock() + PUBLISHED_AHEAD)
        self._looked_up_at = None
        return kid

    async def sweep(self) -> None:
        """Delete the keys that nothing which is still good was signed with."""
        now, table = self._clock(), tables.SigningKeyRow
        async with self._database.transaction() as session:
            await session.execute(delete(table).where(table.retired_at < now - KEPT_AFTER))

    async def _add(self, signs_from: datetime) -> str:
        key = await asyncio.to_thread(keys.generate, secrets.token_hex(4))
        table = tables.SigningKeyRow
        async with self._database.transaction() as session:
            await self._database.lock(session, "signing-keys")
            await session.execute(update(table).where(table.retired_at.is_(None)).values(retired_at=signs_from))
            session.add(
                table(
                    kid=key.kid,
                    sealed_private_key=self._sealer.seal(key.private_pem, PURPOSE),
                    created_at=self._clock(),
                    signs_from=signs_from,
                    retired_at=None,
                )
            )
        return key.kid

    async def _look_up(self, now: datetime) -> None:
        query = select(tables.SigningKeyRow).order_by(tables.SigningKeyRow.signs_from.desc())
        async with self._database.read() as session:
            rows = (await session.execute(query)).scalars().all()
        for row in rows:
            if row.kid not in self._opened:
                pem = self._sealer.unseal(row.sealed_private_key, PURPOSE)
                self._opened[row.kid] = SigningKey(row.kid, pem)
        self._rows = [(row.kid, row.signs_from) for row in rows]
        self._looked_up_at = now
