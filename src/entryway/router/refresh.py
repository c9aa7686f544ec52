"""Keeping a login fresh: the token is renewed ahead of its end, once per session however many requests notice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from entryway.clients.tokens import TokenRefused
from entryway.errors import EntrywayError
from entryway.router import audit
from entryway.router.authority import Authorities
from entryway.router.sessions import Login, Renewal, Session, SessionStore
from entryway.telemetry import get_logger

log = get_logger("router.refresh")

RETRY_SECONDS = 20.0
LATE_SECONDS = 0.05
"""Timers may go off a moment early by the wall clock."""


def due(login: Login, now: float, minimum_validity: float) -> bool:
    """Tell whether it is time to renew the token."""
    if login.refresh_at is not None and now >= login.refresh_at:
        return True
    return login.expires_at - now <= minimum_validity


@dataclass(frozen=True, slots=True)
class Refresher:
    """Renews tokens. A token that is still good is served while its successor is fetched."""

    authorities: Authorities
    sessions: SessionStore
    clock: Callable[[], float]
    refresh_ahead: float | None
    minimum_validity: float
    window: float = 900.0
    """How long a session lives without a request: a token that is due within that time is renewed without one."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    waking: dict[Session, asyncio.TimerHandle] = field(default_factory=dict)

    def is_at_rest(self, session: Session) -> bool:
        """Tell whether `keep_fresh` would find nothing to do, as for nearly every request."""
        login = session.login
        if login is None:
            return True
        now = self.clock()
        ahead = login.renewal - now
        return login.expires_at - now > self.minimum_validity and (
            ahead >= self.window or (ahead > 0 and session in self.waking)
        )

    async def keep_fresh(self, session: Session) -> None:
        """Renew the session's token if that is due; afterwards a login whose token has expired is gone."""
        login = session.login
        if login is None:
            return
        now = self.clock()
        if not due(login, now, self.minimum_validity):
            if login.refresh_at is not None and login.refresh_at - now < self.window and session not in self.waking:
                # The next request may come too late, when the token has expired.
                seconds = login.refresh_at - now + LATE_SECONDS
                wake = asyncio.get_running_loop().call_later(seconds, self._wake, session)
                self.waking[session] = wake
            return
        usable = login.expires_at - now > self.minimum_validity
        if self.refresh_ahead is not None and login.refresh_token is not None:
            task = session.refreshing
            if task is None and now >= session.refresh_not_before:
                task = session.refreshing = self._keep(self._refresh(session, login))
            if task is not None and not usable:
                await asyncio.shield(task)
        current = session.login
        if current is not None and current.expires_at <= self.clock():
            audit.logged_out(session, "token_expired")
            await self.sessions.drop(session)
            session.login = None

    def _wake(self, session: Session) -> None:
        del self.waking[session]
        login = session.login
        if not session.ended and login is not None and due(login, self.clock(), self.minimum_validity):
            self._keep(self.keep_fresh(session))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _refresh(self, session: Session, login: Login) -> None:
        try:
            if await self.sessions.begin_renewal(session, login):
                await self.sessions.end_renewal(session, login, await self._renew(session, login))
        finally:
            session.refreshing = None

    async def _renew(self, session: Session, login: Login) -> Renewal:
        try:
            authority = self.authorities.of_login(login) or self.authorities.of_route(login.authority)
            fresh = await authority.refresh(login)
            if fresh.claims.get("sub") != login.claims.get("sub"):
                log.error("token_refresh_refused", reason="the new token is for another user", user=login.user)
                session.refresh_not_before = float("inf")
                return Renewal.REFUSED
            session.login = fresh
            session.found.clear()  # what was exchanged for the old token ends with it
            await self.sessions.save(session)
        except TokenRefused as error:
            log.warning("token_refresh_refused", reason=error.detail, user=login.user)
            session.refresh_not_before = float("inf")
            return Renewal.REFUSED
        except EntrywayError as error:
            log.warning("token_refresh_failed", reason=error.detail, user=login.user)
            session.refresh_not_before = self.clock() + RETRY_SECONDS
            return Renewal.FAILED
        return Renewal.DONE

    async def close(self) -> None:
        """Stop what is under way."""
        for wake in self.waking.values():
            wake.cancel()
        self.waking.clear()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
