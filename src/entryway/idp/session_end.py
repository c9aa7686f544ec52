"""The end of a login session: its tokens end with it, and every application that it logged in to is told."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from entryway.clients.http import call
from entryway.errors import UpstreamError
from entryway.idp import tables
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.clients.http import HttpClient
    from entryway.idp.applications.application import Application
    from entryway.idp.login.sessions import LoggedIn, Sessions
    from entryway.idp.oidc.authorizations import Authorizations
    from entryway.idp.oidc.issuer import Issuer
    from entryway.storage import Database
    from entryway.storage.moments import Clock

log = get_logger(__name__)

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_LIFETIME = timedelta(minutes=2)
ATTEMPTS = 2
AT_ONCE = 20
ANSWER_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """An application that must be told."""

    client_id: str
    subject: str
    logout_uri: str


@dataclass(frozen=True)
class SessionEnd:
    """OpenID Connect Back-Channel Logout 1.0, towards applications."""

    database: Database
    sessions: Sessions
    authorizations: Authorizations
    issuer: Issuer
    http: HttpClient
    clock: Clock
    _telling: set[asyncio.Task[None]] = field(default_factory=set)
    _limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def remember(self, logged_in: LoggedIn, application: Application, subject: str) -> None:
        """Note that a session logged in to an application."""
        uri = application.settings.back_channel_logout_uri
        if uri is None:
            return
        row = tables.SessionApplication(
            session_id=logged_in.session_id,
            application_id=application.id,
            user_id=logged_in.user.id,
            subject=subject,
            logout_uri=uri,
            since=self.clock(),
        )
        async with self.database.transaction() as session:
            await session.merge(row)

    async def end(self, session_id: str) -> None:
        """End a session and its tokens; applications are told meanwhile, for one that hangs must hold up nobody."""
        await self.sessions.end(session_id)
        await self.authorizations.revoke_session(session_id)
        for told in await self._take_applications(session_id):
            task = asyncio.create_task(self._tell(told, session_id))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def end_all(self, user_id: str) -> None:
        """End every session of a user."""
        for session in await self.sessions.of_user(user_id):
            await self.end(session.id)

    async def settle(self) -> None:
        """Return when everybody has been told, or could not be."""
        while self._telling:
            await asyncio.gather(*self._telling)

    async def _take_applications(self, session_id: str) -> list[Told]:
        table, application = tables.SessionApplication, tables.Application
        query = (
            select(application.client_id, table.subject, table.logout_uri)
            .join(application, application.id == table.application_id)
            .where(table.session_id == session_id)
        )
        async with self.database.transaction() as session:
            found = [Told(*row) for row in (await session.execute(query)).all()]
            await session.execute(delete(table).where(table.session_id == session_id))
        return found

    async def _tell(self, told: Told, session_id: str) -> None:
        token = await self.issuer.sign(self._logout_claims(told, session_id))
        async with self._limit:
            for _ in range(ATTEMPTS):
                try:
                    answer = await call(
                        self.http, "POST", told.logout_uri, form={"logout_token": token}, limit=ANSWER_LIMIT
                    )
                except UpstreamError as error:
                    log.warning("logout_not_told", client_id=told.client_id, reason=error.detail)
                    continue
                log.info("logout_told", client_id=told.client_id, status=answer.status)
                if answer.status < 500:
                    return

    def _logout_claims(self, told: Told, session_id: str) -> dict[str, Any]:
        now = self.clock()
        return {
            "iss": self.issuer.settings.public_url,
            "aud": told.client_id,
            "azp": told.client_id,
            "sub": told.subject,
            "sid": session_id,
            "jti": str(uuid.uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFETIME).timestamp()),
            "events": {EVENT: {}},
        }
