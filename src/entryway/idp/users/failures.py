"""Wrong passwords and codes, counted for each name before they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from entryway.idp import tables

if TYPE_CHECKING:
    from entryway.accounts.lockout import Lockout
    from entryway.storage import Database
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock


class Failures:
    """Counts by what a user is known by, or by the name that was given, so that nobody learns which names exist."""

    def __init__(self, database: Database, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._digests = digests
        self._clock = clock

    async def note_attempt(self, name: str, rule: Lockout) -> bool:
        """Count an attempt before it is decided, so that attempts at one moment are all counted; say if locked."""
        now, table = self._clock(), tables.Failure
        digest = self._digests.of("failure", name)
        async with self._database.transaction() as session:
            await self._database.lock(session, "failures", digest.hex())
            await session.execute(delete(table).where(table.name_digest == digest, table.at < now - rule.counted_for))
            query = select(table.at).where(table.name_digest == digest)
            earlier = (await session.execute(query)).scalars().all()
            if rule.locks(earlier, now):
                return True
            session.add(table(name_digest=digest, at=now))
        return False

    async def forget(self, name: str) -> None:
        """Forget what was wrong: it went right, or an administrator unlocked the user."""
        digest = self._digests.of("failure", name)
        async with self._database.transaction() as session:
            await session.execute(delete(tables.Failure).where(tables.Failure.name_digest == digest))
