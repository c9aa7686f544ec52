"""Service providers that a session logged in to, which are told by way of the browser."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete

from entryway.idp import tables
from entryway.saml.subjects import NameId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.idp.applications.application import Application
    from entryway.idp.login.sessions import LoggedIn
    from entryway.storage import Database
    from entryway.storage.moments import Clock


@dataclass(frozen=True, slots=True)
class Participant:
    """An application by SAML, and how it knows the user."""

    application_id: str
    session_id: str
    name: NameId


@dataclass(frozen=True, slots=True)
class Participants:
    """Remembered from the assertion to the logout."""

    database: Database
    clock: Clock

    async def remember(self, logged_in: LoggedIn, application: Application, name: NameId) -> None:
        """Note that a session logged in to a service provider, by this name."""
        row = tables.SessionServiceProvider(
            session_id=logged_in.session_id, application_id=application.id, name_id=asdict(name), since=self.clock()
        )
        async with self.database.transaction() as session:
            await session.merge(row)

    async def take(self, session_id: str) -> Sequence[Participant]:
        """Return a session's service providers, and forget them."""
        row = tables.SessionServiceProvider
        taken = delete(row).where(row.session_id == session_id).returning(row.application_id, row.name_id)
        async with self.database.transaction() as session:
            found = (await session.execute(taken)).all()
        return [Participant(application_id, session_id, NameId(**name)) for application_id, name in found]
