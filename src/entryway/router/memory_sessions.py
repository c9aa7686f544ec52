"""The sessions of one process, in the order of their last use: the next to expire is the first."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from entryway.router.sessions import COOKIE_PREFIX, MOST_ANONYMOUS, NAME_LENGTH, Login, Renewal, Session

ORDER_SECONDS: Final = 1.0
"""So much later than its time a session may end: the order is not put right for each of a page's many requests."""


class MemorySessions:
    """Sessions of one process; each lives for `timeout` seconds after its last use."""

    def __init__(
        self, timeout: float, clock: Callable[[], float], on_expired: Callable[[Session], None] | None = None
    ) -> None:
        self.timeout = timeout
        self.clock = clock
        self.on_expired = on_expired
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._anonymous: OrderedDict[bytes, None] = OrderedDict()
        self._by_sid: dict[str, set[Session]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    async def load(self, cookie: bytes) -> Session | None:
        return self.find(cookie)

    def find(self, cookie: bytes) -> Session | None:
        """Return the session that this cookie value names, and note that it was used; nobody has to be asked."""
        name = cookie[len(COOKIE_PREFIX) : len(COOKIE_PREFIX) + NAME_LENGTH]
        session = self._sessions.get(name)
        # The stored value has the right signature, so comparing with it is checking the signature.
        if session is None or not hmac.compare_digest(session.cookie, cookie):
            return None
        now = self.clock()
        if now - session.touched >= self.timeout:
            self._expire(session)
            return None
        session.touched = now
        if now - session.placed >= ORDER_SECONDS:
            session.placed = now
            self._sessions.move_to_end(name)
        return session

    async def save(self, session: Session) -> None:
        if session.ended:
            return  # a request that was under way when the user left must not bring the session back
        name = session.name.encode()
        self._sessions[name] = session
        self._sessions.move_to_end(name)
        if session.login is None:
            self._anonymous[name] = None
            if len(self._anonymous) > MOST_ANONYMOUS:
                self._forget(self._sessions[next(iter(self._anonymous))])
        elif session.login.sid is not None:
            self._by_sid.setdefault(session.login.sid, set()).add(session)
        if self._timer is None:
            self._watch()

    async def drop(self, session: Session) -> None:
        self._forget(session)

    async def with_sid(self, sid: str) -> list[Session]:
        return list(self._by_sid.get(sid, ()))

    async def begin_renewal(self, session: Session, login: Login) -> bool:  # noqa: ARG002 - one process
        return True

    async def end_renewal(self, session: Session, login: Login, outcome: Renewal) -> None:
        pass  # nobody else waits for it

    async def use_state(self, state: str, seconds: float) -> None:
        pass  # this process remembers by itself

    def configure(self, timeout: float, on_expired: Callable[[Session], None]) -> None:
        """Go on under another configuration; what was found out for users under the former one is forgotten."""
        self.timeout, self.on_expired = timeout, on_expired
        for session in self._sessions.values():
            session.found.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._watch()

    def start(self) -> None:
        """Begin nothing: the clock is watched from the first session on."""

    async def close(self) -> None:
        """Stop watching the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        """Wake up when the session that was used longest ago expires."""
        self._timer = None
        now = self.clock()
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            left = oldest.touched + self.timeout - now
            if left > 0:
                self._timer = asyncio.get_running_loop().call_later(left, self._watch)
                return
            self._expire(oldest)

    def _expire(self, session: Session) -> None:
        self._forget(session)
        if self.on_expired is not None:
            self.on_expired(session)

    def _forget(self, session: Session) -> None:
        session.ended = True
        name = session.name.encode()
        self._sessions.pop(name, None)
        self._anonymous.pop(name, None)
        if session.login is not None and session.login.sid in self._by_sid:
            of_login = self._by_sid[session.login.sid]
            of_login.discard(session)
            if not of_login:
                del self._by_sid[session.login.sid]
