"""Passwords that were tried, counted by the name that was typed, whoever decides on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from entryway.authserver import lockout, tables

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.storage import Database


@dataclass(frozen=True, slots=True)
class LoginFailures:
    """The attempts of all tenants; a name is a keyed digest, for people type passwords into the wrong field."""

    database: Database
    clock: Clock

    async def note_attempt(self, zid: str, name_digest: bytes) -> bool:
        """Count an attempt before it is decided, so that attempts at one moment are all counted; say if locked."""
        now = self.clock()
        failure = tables.LoginFailure
        mine = (failure.zid == zid) & (failure.name_digest == name_digest)
        async with self.database.transaction() as session:
            await self.database.lock(session, "login-failures", name_digest.hex())
            await session.execute(delete(failure).where(mine, failure.at < now - lockout.COUNTED_FOR))
            earlier = (await session.execute(select(failure.at).where(mine))).scalars().all()
            if lockout.locked(earlier, now):
                return True
            session.add(failure(zid=zid, name_digest=name_digest, at=now))
        return False

    @staticmethod
    async def forget(session: AsyncSession, zid: str, name_digest: bytes) -> None:
        """Forget the attempts of a name that has come in."""
        failure = tables.LoginFailure
        await session.execute(delete(failure).where(failure.zid == zid, failure.name_digest == name_digest))
