"""Passcodes: somebody who is logged in reads one off a page and types it into a program, which logs in with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from entryway.authserver import tables
from entryway.authserver.grants.foreign import Vouched
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.sessions import LoggedIn
    from entryway.authserver.users import Users
    from entryway.storage import Database

LIFETIME = timedelta(minutes=5)
# No letter or digit that could be read as another. Twelve of these thirty are 58 bits, for five minutes.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz2345679"
_LENGTH = 12
_PURPOSE = "passcode"


@dataclass(frozen=True, slots=True)
class Passcodes:
    """The passcodes of all tenants: one for each user, and each works once."""

    database: Database
    users: Users
    digests: Digests
    clock: Clock

    async def issue(self, zid: str, logged_in: LoggedIn) -> str:
        """Return a new passcode; the one of before is worth nothing from now on."""
        code, table = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)), tables.Passcode
        async with self.database.transaction() as session:
            await session.execute(delete(table).where(table.zid == zid, table.user_id == logged_in.user.id))
            session.add(
                table(
                    digest=self.digests.of(_PURPOSE, zid, code),
                    zid=zid,
                    user_id=logged_in.user.id,
                    authenticated_at=logged_in.authenticated_at,
                    expires_at=self.clock() + LIFETIME,
                )
            )
        return code

    async def take(self, zid: str, code: str) -> Vouched:
        """Return whose passcode it is; it is gone once taken."""
        table, digest = tables.Passcode, self.digests.of(_PURPOSE, zid, code.strip().lower())
        taken = delete(table).where(table.zid == zid, table.digest == digest).returning(table)
        async with self.database.transaction() as session:
            row = (await session.execute(taken)).scalar_one_or_none()
        if row is None or row.expires_at <= self.clock():
            raise BadCredentials(detail="the passcode is unknown, used or expired")
        user = await self.users.find(zid, row.user_id)
        if user is None:
            raise BadCredentials(detail="the passcode's user is gone")
        return Vouched(user, row.authenticated_at)
