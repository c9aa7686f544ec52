"""Removes what has expired, so that the database does not grow with every login."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from entryway.authserver import attempts, lockout, sessions, tables
from entryway.storage import UNNOTICED
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from entryway.authserver.moments import Clock
    from entryway.storage import Database

log = get_logger(__name__)

EVERY = timedelta(minutes=5)
# Access tokens outlive the authorization they came from, by a day at most; a revoked one must be known until then.
_REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """One sweep, and the task that repeats it."""

    database: Database
    clock: Clock
    # What else is done as often.
    also: Sequence[Callable[[], Awaitable[None]]] = ()

    async def sweep(self) -> None:
        """Delete everything that is over."""
        now = self.clock()
        async with self.database.transaction() as session:
            for statement in (
                # Codes and refresh tokens go with their authorization; the codes stay that long to notice a replay.
                delete(tables.Authorization).where(tables.Authorization.expires_at < now - _REMEMBERED),
                delete(tables.OpaqueTokenRow).where(tables.OpaqueTokenRow.expires_at < now),
                delete(tables.RevokedToken).where(tables.RevokedToken.expires_at < now),
                delete(tables.SeenAssertion).where(tables.SeenAssertion.expires_at < now),
                delete(tables.Passcode).where(tables.Passcode.expires_at < now),
                delete(tables.LoginAttempt).where(tables.LoginAttempt.started_at < now - attempts.LIFETIME),
                delete(tables.LoginSession).where(tables.LoginSession.last_seen_at < now - sessions.IDLE),
                delete(tables.LoginSession).where(tables.LoginSession.authenticated_at < now - sessions.LONGEST),
                delete(tables.ProviderRequest).where(tables.ProviderRequest.expires_at < now),
                delete(tables.LoginFailure).where(tables.LoginFailure.at < now - lockout.COUNTED_FOR),
            ):
                # Of what is over, nobody keeps anything.
                await session.execute(statement, execution_options=UNNOTICED)

    async def run(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            await self.round()

    async def round(self) -> None:
        """Do everything once, whatever becomes of any of it."""
        for work in (self.sweep, *self.also):
            try:
                await work()
            except Exception:
                # Nothing of it may end the server, or keep the rest from being done.
                log.exception("housekeeping_failed")
