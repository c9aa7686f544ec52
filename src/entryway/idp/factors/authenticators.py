"""Authenticator apps and recovery codes of users."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from entryway.idp import tables
from entryway.idp.factors import totp

if TYPE_CHECKING:
    from entryway.storage import Database, Sealer
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

RECOVERY_CODES = 10
# Without letters and digits that look alike; ten of them are 50 bits, and guesses are counted.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789z"
_HALF = 5


def new_secret() -> bytes:
    """Return a secret for an authenticator app."""
    return secrets.token_bytes(totp.SECRET_BYTES)


def new_recovery_code() -> str:
    """Return a recovery code as it is shown."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _HALF))
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


@dataclass(frozen=True, slots=True)
class Authenticators:
    """Enrols and checks."""

    database: Database
    sealer: Sealer
    digests: Digests
    clock: Clock

    async def enrol(self, user_id: str, secret: bytes, code: str) -> bool:
        """Make a secret the user's if the code proves that their app has it; say whether it does."""
        step = totp.matching_step(secret, code, self.clock())
        if step is None:
            return False
        row = tables.Totp(
            user_id=user_id,
            sealed_secret=self.sealer.seal(secret, _purpose(user_id)),
            last_step=step,
            created_at=self.clock(),
        )
        async with self.database.transaction() as session:
            await session.merge(row)
        return True

    async def verify(self, user_id: str, code: str) -> bool:
        """Say whether a code is one that the user's app shows now; each works once (RFC 6238 §5.2)."""
        table = tables.Totp
        async with self.database.read() as session:
            row = (await session.execute(select(table).where(table.user_id == user_id))).scalar_one_or_none()
        if row is None:
            return False
        secret = self.sealer.unseal(row.sealed_secret, _purpose(user_id))
        step = totp.matching_step(secret, code, self.clock())
        if step is None:
            return False
        async with self.database.transaction() as session:
            used = update(table).where(table.user_id == user_id, table.last_step < step).values(last_step=step)
            return (await session.execute(used.returning(table.user_id))).first() is not None

    async def has_app(self, user_id: str) -> bool:
        """Say whether a user has enrolled an authenticator app."""
        async with self.database.read() as session:
            query = select(tables.Totp.user_id).where(tables.Totp.user_id == user_id)
            return (await session.execute(query)).first() is not None

    async def remove_app(self, user_id: str) -> None:
        """Take the authenticator app from a user, and the recovery codes, which stood in for it."""
        async with self.database.transaction() as session:
            await session.execute(delete(tables.Totp).where(tables.Totp.user_id == user_id))
            await session.execute(delete(tables.RecoveryCode).where(tables.RecoveryCode.user_id == user_id))

    async def new_recovery_codes(self, user_id: str) -> list[str]:
        """Return new recovery codes, in place of all earlier ones."""
        codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
        async with self.database.transaction() as session:
            await session.execute(delete(tables.RecoveryCode).where(tables.RecoveryCode.user_id == user_id))
            session.add_all(
                tables.RecoveryCode(user_id=user_id, digest=self._digest(user_id, code)) for code in set(codes)
            )
        return codes

    async def use_recovery_code(self, user_id: str, code: str) -> bool:
        """Say whether it is one of the user's recovery codes; it works once."""
        table = tables.RecoveryCode
        async with self.database.transaction() as session:
            mine = delete(table).where(table.user_id == user_id, table.digest == self._digest(user_id, code))
            return (await session.execute(mine.returning(table.user_id))).first() is not None

    async def recovery_codes_left(self, user_id: str) -> int:
        """Return how many recovery codes a user has."""
        table = tables.RecoveryCode
        async with self.database.read() as session:
            query = select(func.count()).select_from(table).where(table.user_id == user_id)
            return (await session.execute(query)).scalar_one()

    def _digest(self, user_id: str, code: str) -> bytes:
        typed = "".join(filter(str.isalnum, code.lower()))
        return self.digests.of("recovery-code", user_id, typed)


def _purpose(user_id: str) -> str:
    return f"totp:{user_id}"
