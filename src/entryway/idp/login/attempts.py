"""Login attempts, kept between the requests of one login and bound to the browser that started them."""

from __future__ import annotations

import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from entryway.idp import tables
from entryway.idp.errors import ForeignForm, LoginOver
from entryway.idp.login.attempt import FEDERATED, Attempt, Goal
from entryway.storage.digests import random_text

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.idp.login.sessions import LoggedIn
    from entryway.storage import Database, Sealer
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

LIFETIME = timedelta(minutes=30)


class Attempts:
    """The login attempts."""

    def __init__(self, database: Database, sealer: Sealer, digests: Digests, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._digests = digests
        self._clock = clock

    async def start(self, browser: str, goal: Goal, logged_in: LoggedIn | None) -> Attempt:
        """Store a new attempt of this browser, in which somebody may be logged in already."""
        attempt_id = random_text()
        row = tables.LoginAttempt(
            id=attempt_id,
            browser_digest=self._browser(browser),
            sealed_goal=self._sealed(attempt_id, goal),
            user_id=logged_in.user.id if logged_in else None,
            session_id=logged_in.session_id if logged_in else None,
            authenticated_at=logged_in.authenticated_at if logged_in else None,
            methods=list(logged_in.methods) if logged_in else [],
            challenge=None,
            sealed_secret=None,
            login_name=goal.login_hint,
            provider_id=logged_in.provider_id if logged_in else None,
            sealed_arrival=None,
            started_at=self._clock(),
        )
        async with self._database.transaction() as session:
            session.add(row)
        return self._attempt(row)

    async def resolve(self, attempt_id: str, form_token: str, browser: str) -> Attempt:
        """Return an open attempt of this browser for a form that we showed to it, or raise."""
        if not browser:
            raise ForeignForm("no browser cookie")
        attempt = await self.find(attempt_id, browser)
        if not hmac.compare_digest(form_token.encode(), self.form_token(attempt, browser).encode()):
            raise ForeignForm("the form's token is not ours")
        return attempt

    async def find(self, attempt_id: str, browser: str) -> Attempt:
        """Return an open attempt of this browser, or raise; for what no form brings back."""
        table = tables.LoginAttempt
        query = select(table).where(
            table.id == attempt_id,
            table.browser_digest == self._browser(browser),
            table.started_at > self._clock() - LIFETIME,
        )
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None:
            raise LoginOver("no such open attempt of this browser")
        return self._attempt(row)

    async def learn_user(self, attempt: Attempt, user_id: str, authenticated_at: datetime, method: str) -> Attempt:
        """Store who is there; whoever was logged in before in this browser counts no more, unless it is the same."""
        same = attempt.user_id == user_id
        return await self._learn(
            attempt,
            user_id=user_id,
            session_id=attempt.session_id if same else None,
            authenticated_at=authenticated_at,
            methods=[method],
            challenge=None,
            sealed_secret=None,
            provider_id=None,
            sealed_arrival=None,
        )

    async def learn_arrival(
        self, attempt: Attempt, user_id: str, authenticated_at: datetime, provider_id: str, sealed_arrival: bytes
    ) -> Attempt:
        """Store for whom a company's provider vouched."""
        await self.learn_user(attempt, user_id, authenticated_at, FEDERATED)
        return await self._learn(attempt, provider_id=provider_id, sealed_arrival=sealed_arrival)

    async def learn_name(self, attempt: Attempt, login_name: str) -> Attempt:
        """Store what the user is called."""
        return await self._learn(attempt, login_name=login_name)

    async def choose_provider(self, attempt: Attempt, alias: str) -> Attempt:
        """Store which company's provider the user has chosen."""
        goal = replace(attempt.goal, providers=(alias,))
        return await self._learn(attempt, sealed_goal=self._sealed(attempt.id, goal))

    async def learn_method(self, attempt: Attempt, method: str) -> Attempt:
        """Store by which further method the user was authenticated."""
        methods = [*attempt.methods, *([] if method in attempt.methods else [method])]
        return await self._learn(attempt, methods=methods, challenge=None, sealed_secret=None)

    async def keep(self, attempt: Attempt, *, challenge: str | None, sealed_secret: bytes | None) -> Attempt:
        """Store what the next request must answer to."""
        return await self._learn(attempt, challenge=challenge, sealed_secret=sealed_secret)

    async def finish(self, attempt: Attempt) -> None:
        """End an attempt, or raise if another request ended it before: an attempt leads to its goal once."""
        table = tables.LoginAttempt
        async with self._database.transaction() as session:
            ended = await session.execute(delete(table).where(table.id == attempt.id).returning(table.id))
            if ended.scalar_one_or_none() is None:
                raise LoginOver("finished by another request")

    def form_token(self, attempt: Attempt, browser: str) -> str:
        """Return what a form must bring back: only this browser could have been shown it."""
        return self._digests.text("login-form", attempt.id, browser)

    def _browser(self, browser: str) -> bytes:
        return self._digests.of("login-browser", browser)

    def _sealed(self, attempt_id: str, goal: Goal) -> bytes:
        return self._sealer.seal(json.dumps(goal.to_json()).encode(), _purpose(attempt_id))

    def _attempt(self, row: tables.LoginAttempt) -> Attempt:
        return Attempt(
            id=row.id,
            goal=Goal.from_json(json.loads(self._sealer.unseal(row.sealed_goal, _purpose(row.id)))),
            started_at=row.started_at,
            user_id=row.user_id,
            session_id=row.session_id,
            authenticated_at=row.authenticated_at,
            methods=tuple(row.methods),
            challenge=row.challenge,
            sealed_secret=row.sealed_secret,
            login_name=row.login_name,
            provider_id=row.provider_id,
            sealed_arrival=row.sealed_arrival,
        )

    async def _learn(self, attempt: Attempt, **values: Any) -> Attempt:
        table = tables.LoginAttempt
        async with self._database.transaction() as session:
            changed = update(table).where(table.id == attempt.id).values(**values).returning(table)
            row = (await session.execute(changed)).scalar_one_or_none()
        if row is None:
            raise LoginOver("finished by another request")
        return self._attempt(row)


def _purpose(attempt_id: str) -> str:
    return f"login-goal/{attempt_id}"
