"""Browsers in which somebody is logged in."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from entryway.authserver import tables
from entryway.authserver.digests import random_text

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.users import User, Users
    from entryway.storage import Database

# The prefix makes browsers refuse the cookie from anywhere but this host over TLS.
LOGIN_COOKIE = "__Host-entryway-login"
BROWSER_COOKIE = "__Host-entryway-browser"
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
# Writing down every request of a session would cost a transaction each.
_NOTED_EVERY = timedelta(minutes=1)
_PURPOSE = "login-session"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who is logged in in a browser, and since when."""

    user: User
    authenticated_at: datetime


class Sessions:
    """The login sessions of all tenants."""

    def __init__(self, database: Database, users: Users, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._digests = digests
        self._clock = clock

    async def start(self, user: User, *, ends_at: datetime | None = None) -> tuple[str, LoggedIn]:
        """Return the value of a new session's cookie; a value that came from a browser is never taken over.

        `ends_at` is when an identity provider wants the user to log in again.
        """
        value, now = random_text(), self._clock()
        async with self._database.transaction() as session:
            session.add(
                tables.LoginSession(
                    digest=self.digest(user.zid, value),
                    zid=user.zid,
                    user_id=user.id,
                    authenticated_at=now,
                    last_seen_at=now,
                    fingerprint=self._fingerprint(user),
                    ends_at=ends_at,
                )
            )
        return value, LoggedIn(user, now)

    async def load(self, zid: str, value: str | None) -> LoggedIn | None:
        """Return who is logged in, None when nobody is, or not any more."""
        if not value:
            return None
        table, now = tables.LoginSession, self._clock()
        mine = (table.digest == self.digest(zid, value), table.zid == zid)
        async with self._database.read() as session:
            row = (await session.execute(select(table).where(*mine))).scalar_one_or_none()
        if row is None or now - row.last_seen_at > IDLE or now - row.authenticated_at > LONGEST:
            return None
        if row.ends_at is not None and now >= row.ends_at:
            return None
        user = await self._users.find(zid, row.user_id)
        if user is None or not hmac.compare_digest(row.fingerprint, self._fingerprint(user)):
            return None
        if now - row.last_seen_at > _NOTED_EVERY:
            async with self._database.transaction() as session:
                await session.execute(update(table).where(*mine).values(last_seen_at=now))
        return LoggedIn(user, row.authenticated_at)

    async def end(self, zid: str, value: str | None) -> None:
        """End a session, if there is one."""
        if value:
            table = tables.LoginSession
            async with self._database.transaction() as session:
                await session.execute(delete(table).where(table.digest == self.digest(zid, value), table.zid == zid))

    def digest(self, zid: str, value: str) -> bytes:
        """Return what is stored of a cookie's value."""
        return self._digests.of(_PURPOSE, zid, value)

    def _fingerprint(self, user: User) -> str:
        return self._digests.text("login-session-user", user.id, user.password_hash)
