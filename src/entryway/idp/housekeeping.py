"""Removes what has expired, so that the database does not grow with every login."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from entryway.errors import DatabaseUnavailable
from entryway.idp import tables
from entryway.idp.login import attempts, sessions
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from entryway.idp.signing_keys import SigningKeys
    from entryway.storage import Database
    from entryway.storage.moments import Clock

log = get_logger(__name__)

EVERY = timedelta(minutes=5)
# The longest that a policy counts failures for.
_FAILURES_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """One sweep, and the task that repeats it."""

    database: Database
    keys: SigningKeys
    clock: Clock
    refresh_metadata: Callable[[], Awaitable[None]]

    async def sweep(self) -> None:
        """Delete everything that is over."""
        now = self.clock()
        login = tables.LoginSession
        async with self.database.transaction() as session:
            for statement in (
                # Codes and refresh tokens go with their authorization; the codes stay that long to notice a replay.
                delete(tables.Authorization).where(tables.Authorization.expires_at < now),
                delete(tables.LoginAttempt).where(tables.LoginAttempt.started_at < now - attempts.LIFETIME),
                delete(login).where(login.last_seen_at < now - sessions.IDLE),
                delete(login).where(login.authenticated_at < now - sessions.LONGEST),
                # Longer than the session itself: an application hears of a logout as long as it may be logged in.
                delete(tables.SessionApplication).where(tables.SessionApplication.since < now - sessions.LONGEST),
                delete(tables.SessionServiceProvider).where(
                    tables.SessionServiceProvider.since < now - sessions.LONGEST
                ),
                delete(tables.Logout).where(tables.Logout.expires_at < now),
                delete(tables.ProviderRequest).where(tables.ProviderRequest.expires_at < now),
                delete(tables.SeenAssertion).where(tables.SeenAssertion.expires_at < now),
                delete(tables.OneTimeToken).where(tables.OneTimeToken.expires_at < now),
                delete(tables.Failure).where(tables.Failure.at < now - _FAILURES_KEPT),
            ):
                await session.execute(statement)
        await self.keys.sweep()

    async def run(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY.total_seconds())
            try:
                await self.sweep()
                await self.refresh_metadata()
            except (DatabaseUnavailable, SQLAlchemyError):
                log.exception("housekeeping_failed")
