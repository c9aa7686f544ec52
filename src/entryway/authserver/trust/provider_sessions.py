"""Which session at an identity provider a login here came from, so that one can end with the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from entryway.authserver import tables

if TYPE_CHECKING:
    from entryway.authserver.digests import Digests
    from entryway.authserver.sessions import Sessions
    from entryway.storage import Database, Sealer


@dataclass(frozen=True, slots=True)
class ProviderSession:
    """A session at a provider: how it names the user, and what a logout has to tell it back."""

    origin: str
    subject: str
    session_index: str | None
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderSessions:
    """Kept beside the login sessions, and deleted with them."""

    database: Database
    sealer: Sealer
    digests: Digests
    sessions: Sessions

    async def add(self, zid: str, cookie: str, session_at: ProviderSession) -> None:
        """Remember where the login behind this cookie came from."""
        content = json.dumps({"subject": session_at.subject, "facts": dict(session_at.facts)}).encode()
        async with self.database.transaction() as session:
            session.add(
                tables.ProviderSession(
                    login_digest=self.sessions.digest(zid, cookie),
                    zid=zid,
                    origin=session_at.origin,
                    subject_digest=self._subject(zid, session_at.origin, session_at.subject),
                    session_index=session_at.session_index,
                    sealed=self.sealer.seal(content, _purpose(zid)),
                )
            )

    async def find(self, zid: str, cookie: str | None) -> ProviderSession | None:
        """Return where the login behind this cookie came from; None when it is one of our own, or none."""
        if not cookie:
            return None
        row = tables.ProviderSession
        query = select(row).where(row.zid == zid, row.login_digest == self.sessions.digest(zid, cookie))
        async with self.database.read() as session:
            found = (await session.execute(query)).scalar_one_or_none()
        if found is None:
            return None
        content = json.loads(self.sealer.unseal(found.sealed, _purpose(zid)))
        return ProviderSession(found.origin, content["subject"], found.session_index, content["facts"])

    async def end(self, zid: str, origin: str, subject: str | None, session_indexes: Sequence[str]) -> int:
        """End the logins that came from these sessions of a user, all of them if none is named; return how many.

        Without a user, the sessions alone say which.
        """
        if subject is None and not session_indexes:
            return 0
        row, login = tables.ProviderSession, tables.LoginSession
        mine = select(row.login_digest).where(row.zid == zid, row.origin == origin)
        if subject is not None:
            mine = mine.where(row.subject_digest == self._subject(zid, origin, subject))
        if session_indexes:
            mine = mine.where(row.session_index.in_(session_indexes))
        async with self.database.transaction() as session:
            ended = await session.execute(
                delete(login).where(login.zid == zid, login.digest.in_(mine)).returning(login.digest)
            )
            return len(ended.all())

    def _subject(self, zid: str, origin: str, subject: str) -> bytes:
        return self.digests.of("provider-subject", zid, origin, subject)


def _purpose(zid: str) -> str:
    return f"provider-session/{zid}"
