"""Locks a client after wrong secrets, where a landscape wants that.

Off unless it is set: ids of clients are no secret, so that anybody could lock one out, and secrets cannot be guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.authserver import lockout, tables
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.storage import Database


class ClientLocked(BadCredentials):
    """Too many wrong secrets, whether or not there is such a client."""

    title = "Your account has been locked because of too many failed attempts to login."


@dataclass(frozen=True, slots=True)
class ClientLockout:
    """Counts failures of clients as those of users are counted; `most` is zero where none lock."""

    database: Database
    digests: Digests
    clock: Clock
    most: int

    async def check(self, zid: str, client_id: str) -> None:
        """Raise if the client is locked."""
        if self.most <= 0:
            return
        table = tables.LoginFailure
        query = select(table.at).where(table.zid == zid, table.name_digest == self._name(zid, client_id))
        async with self.database.read() as session:
            failures = (await session.execute(query)).scalars().all()
        if lockout.locked(failures, self.clock(), self.most):
            raise ClientLocked(detail=f"client {client_id!r} is locked")

    async def failed(self, zid: str, client_id: str) -> None:
        """Count a failure."""
        if self.most <= 0:
            return
        async with self.database.transaction() as session:
            session.add(tables.LoginFailure(zid=zid, name_digest=self._name(zid, client_id), at=self.clock()))

    def _name(self, zid: str, client_id: str) -> bytes:
        return self.digests.of("client-name", zid, client_id)
