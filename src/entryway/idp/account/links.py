"""Links that go out by mail: each works once, for a while, and only until what it is about has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from entryway.idp import tables
from entryway.idp.errors import LinkUsed
from entryway.storage.digests import random_text

if TYPE_CHECKING:
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.storage import Database
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock


class Purpose(StrEnum):
    """What a link is for."""

    RESET = "reset"
    INVITATION = "invitation"
    VERIFICATION = "verification"


_LIFETIMES = {
    Purpose.RESET: timedelta(hours=1),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.VERIFICATION: timedelta(days=1),
}


@dataclass(frozen=True, slots=True)
class Links:
    """Issues and takes the tokens in links."""

    database: Database
    users: Users
    digests: Digests
    clock: Clock

    async def issue(self, user: User, purpose: Purpose) -> str:
        """Return a token; an earlier one of the same purpose works no more."""
        token, table = random_text(), tables.OneTimeToken
        async with self.database.transaction() as session:
            await session.execute(delete(table).where(table.user_id == user.id, table.purpose == purpose))
            session.add(
                table(
                    digest=self._digest(token, purpose),
                    purpose=purpose,
                    user_id=user.id,
                    fingerprint=self._fingerprint(user),
                    expires_at=self.clock() + _LIFETIMES[purpose],
                )
            )
        return token

    async def find(self, token: str, purpose: Purpose) -> User:
        """Return whose token it is, without using it up; raise LinkUsed if it works no more."""
        table = tables.OneTimeToken
        query = select(table).where(
            table.digest == self._digest(token, purpose), table.purpose == purpose, table.expires_at > self.clock()
        )
        async with self.database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        user = await self.users.find(row.user_id) if row is not None else None
        if row is None or user is None or row.fingerprint != self._fingerprint(user):
            raise LinkUsed("the token is unknown, used or expired, or the user has changed since")
        if not user.may_log_in:
            raise LinkUsed("the user is locked or not active")
        return user

    async def take(self, token: str, purpose: Purpose) -> User:
        """Return whose token it is and use it up; of two requests at one moment, one gets it."""
        user, table = await self.find(token, purpose), tables.OneTimeToken
        async with self.database.transaction() as session:
            taken = delete(table).where(table.digest == self._digest(token, purpose)).returning(table.digest)
            if (await session.execute(taken)).first() is None:
                raise LinkUsed("used at the same moment")
        return user

    def _digest(self, token: str, purpose: Purpose) -> bytes:
        return self.digests.of("one-time-token", purpose, token)

    def _fingerprint(self, user: User) -> str:
        return self.digests.text("one-time-token-user", user.id, user.password_hash or "", user.email)
