"""Login attempts, kept between the requests of one login and bound to the browser that started them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from entryway.authserver import tables
from entryway.authserver.authorization_request import AuthorizationRequest
from entryway.authserver.digests import random_text
from entryway.authserver.next_step import Attempt

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.storage import Database, Sealer

LIFETIME = timedelta(minutes=30)


class Attempts:
    """The login attempts of all tenants."""

    def __init__(self, database: Database, sealer: Sealer, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._digests = digests
        self._clock = clock

    async def start(
        self,
        zid: str,
        browser: str,
        request: AuthorizationRequest | None,
        afterwards: str | None = None,
        *,
        origin: str | None = None,
    ) -> Attempt:
        """Store a new attempt of this browser, to log in at `origin`."""
        attempt = Attempt(random_text(), zid, request, self._clock(), afterwards=afterwards, origin=origin)
        async with self._database.transaction() as session:
            session.add(
                tables.LoginAttempt(
                    id=attempt.id,
                    zid=zid,
                    browser_digest=self._browser(browser),
                    sealed_request=self._sealed(attempt.id, request) if request else None,
                    user_id=None,
                    authenticated_at=None,
                    started_at=attempt.started_at,
                    afterwards=afterwards,
                    origin=origin,
                )
            )
        return attempt

    async def find(self, zid: str, attempt_id: str, browser: str) -> Attempt | None:
        """Return an attempt of this browser that is still open."""
        table = tables.LoginAttempt
        query = select(table).where(
            table.id == attempt_id,
            table.zid == zid,
            table.browser_digest == self._browser(browser),
            table.started_at > self._clock() - LIFETIME,
        )
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        return self._attempt(row) if row else None

    async def learn_user(self, attempt: Attempt, user_id: str, authenticated_at: datetime) -> Attempt:
        """Store who is there."""
        table = tables.LoginAttempt
        async with self._database.transaction() as session:
            await session.execute(
                update(table).where(table.id == attempt.id).values(user_id=user_id, authenticated_at=authenticated_at)
            )
        return replace(attempt, user_id=user_id, authenticated_at=authenticated_at)

    async def learn_origin(self, attempt: Attempt, origin: str) -> Attempt:
        """Store where the user wants to log in."""
        table = tables.LoginAttempt
        async with self._database.transaction() as session:
            await session.execute(update(table).where(table.id == attempt.id).values(origin=origin))
        return replace(attempt, origin=origin)

    async def finish(self, attempt: Attempt) -> bool:
        """End an attempt; say whether it was this call that ended it, for an attempt gives one code."""
        table = tables.LoginAttempt
        async with self._database.transaction() as session:
            ended = await session.execute(delete(table).where(table.id == attempt.id).returning(table.id))
            return ended.scalar_one_or_none() is not None

    def form_token(self, attempt: Attempt, browser: str) -> str:
        """Return what the login form must bring back: only this browser could have been shown it."""
        return self._digests.text("login-form", attempt.zid, attempt.id, browser)

    def _browser(self, browser: str) -> bytes:
        return self._digests.of("login-browser", browser)

    def _sealed(self, attempt_id: str, request: AuthorizationRequest) -> bytes:
        return self._sealer.seal(json.dumps(request.to_json()).encode(), _purpose(attempt_id))

    def _unsealed(self, attempt_id: str, sealed: bytes | None) -> AuthorizationRequest | None:
        if sealed is None:
            return None
        return AuthorizationRequest.from_json(json.loads(self._sealer.unseal(sealed, _purpose(attempt_id))))

    def _attempt(self, row: tables.LoginAttempt) -> Attempt:
        return Attempt(
            id=row.id,
            zid=row.zid,
            request=self._unsealed(row.id, row.sealed_request),
            started_at=row.started_at,
            user_id=row.user_id,
            authenticated_at=row.authenticated_at,
            afterwards=row.afterwards,
            origin=row.origin,
        )


def _purpose(attempt_id: str) -> str:
    return f"login-request/{attempt_id}"
