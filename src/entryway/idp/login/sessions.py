"""Browsers in which somebody is logged in."""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from entryway.idp import tables
from entryway.storage.digests import random_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.storage import Database
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

# Names of our own: browsers send cookies to every port of a host, and the authorization server's are there, too.
LOGIN_COOKIE = "__Host-entryway-idp-login"
BROWSER_COOKIE = "__Host-entryway-idp-browser"
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
_NOTED_EVERY = timedelta(minutes=1)
_PURPOSE = "login-session"
_USER_AGENT = 255


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who is logged in in a browser, since when, and how it was proved; `session_id` is the `sid` of tokens."""

    session_id: str
    user: User
    authenticated_at: datetime
    methods: tuple[str, ...]
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its user is shown it."""

    id: str
    authenticated_at: datetime
    last_seen_at: datetime
    user_agent: str


class Sessions:
    """The login sessions."""

    def __init__(self, database: Database, users: Users, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._digests = digests
        self._clock = clock

    async def start(
        self,
        user: User,
        authenticated_at: datetime,
        methods: Sequence[str],
        *,
        user_agent: str,
        session_id: str | None = None,
        provider_id: str | None = None,
    ) -> tuple[str, LoggedIn]:
        """Return the value of a new cookie; with `session_id`, the session goes on under it and knows more methods.

        A value that came from a browser is never taken over.
        """
        value, now = random_text(), self._clock()
        row = tables.LoginSession(
            id=session_id or str(uuid.uuid4()),
            digest=self._digests.of(_PURPOSE, value),
            user_id=user.id,
            authenticated_at=authenticated_at,
            methods=list(methods),
            last_seen_at=now,
            fingerprint=self._fingerprint(user),
            user_agent="".join(filter(str.isprintable, user_agent))[:_USER_AGENT],
            provider_id=provider_id,
        )
        async with self._database.transaction() as session:
            await session.merge(row)
        await self._users.note(user.id, last_login_at=now)
        return value, LoggedIn(row.id, user, authenticated_at, tuple(methods), provider_id)

    async def load(self, value: str | None) -> LoggedIn | None:
        """Return who is logged in, None when nobody is, or not any more."""
        if not value:
            return None
        table, now = tables.LoginSession, self._clock()
        async with self._database.read() as session:
            query = select(table).where(table.digest == self._digests.of(_PURPOSE, value))
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None or now - row.last_seen_at > IDLE or now - row.authenticated_at > LONGEST:
            return None
        user = await self._users.find(row.user_id)
        if user is None or not user.may_log_in or not hmac.compare_digest(row.fingerprint, self._fingerprint(user)):
            return None
        if now - row.last_seen_at > _NOTED_EVERY:
            async with self._database.transaction() as session:
                await session.execute(update(table).where(table.id == row.id).values(last_seen_at=now))
        return LoggedIn(row.id, user, row.authenticated_at, tuple(row.methods), row.provider_id)

    async def id_of(self, value: str | None) -> str | None:
        """Return the id of a cookie's session, whether or not anybody could still use it."""
        if not value:
            return None
        table = tables.LoginSession
        async with self._database.read() as session:
            query = select(table.id).where(table.digest == self._digests.of(_PURPOSE, value))
            return (await session.execute(query)).scalar_one_or_none()

    async def of_user(self, user_id: str) -> list[OpenSession]:
        """Return the sessions of a user that are not over, the latest first."""
        table, now = tables.LoginSession, self._clock()
        query = (
            select(table)
            .where(table.user_id == user_id, table.last_seen_at > now - IDLE, table.authenticated_at > now - LONGEST)
            .order_by(table.last_seen_at.desc())
        )
        async with self._database.read() as session:
            return [
                OpenSession(row.id, row.authenticated_at, row.last_seen_at, row.user_agent)
                for row in (await session.execute(query)).scalars()
            ]

    async def end(self, session_id: str) -> None:
        """End a session."""
        async with self._database.transaction() as session:
            await session.execute(delete(tables.LoginSession).where(tables.LoginSession.id == session_id))

    async def learn_method(self, session_id: str, method: str) -> None:
        """Note by which further method the user of a session was authenticated in it."""
        table = tables.LoginSession
        async with self._database.transaction() as session:
            known = await session.scalar(select(table.methods).where(table.id == session_id).with_for_update())
            if known is not None and method not in known:
                await session.execute(update(table).where(table.id == session_id).values(methods=[*known, method]))

    async def refresh_fingerprint(self, session_id: str, user: User) -> None:
        """Let a session go on whose own user has just changed the password."""
        table = tables.LoginSession
        async with self._database.transaction() as session:
            await session.execute(
                update(table).where(table.id == session_id).values(fingerprint=self._fingerprint(user))
            )

    def _fingerprint(self, user: User) -> str:
        return self._digests.text("login-session-user", user.id, user.password_hash or "")
