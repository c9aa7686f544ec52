"""The sessions of one process.

A request looks at its session and at nothing else: where there are many, whatever it touches is in no cache of the
processor. So no order of use is kept. Sessions are looked through by a timer, each in the second in which it would
expire if it were not used any more, and again later if it was.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from entryway.router.sessions import MOST_ANONYMOUS, Login, Renewal, Session


class MemorySessions:
    """Sessions of one process; each lives for `timeout` seconds after its last use."""

    def __init__(
        self, timeout: float, clock: Callable[[], float], on_expired: Callable[[Session], None] | None = None
    ) -> None:
        self.timeout = timeout
        self.clock = clock
        self.on_expired = on_expired
        self._sessions: dict[bytes, Session] = {}
        """By the cookie's value."""
        self._due: dict[int, set[Session]] = {}
        """By the second in which they are looked at."""
        self._anonymous: OrderedDict[bytes, None] = OrderedDict()
        self._by_sid: dict[str, set[Session]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    async def load(self, cookie: bytes) -> Session | None:
        return self.find(cookie)

    def find(self, cookie: bytes) -> Session | None:
        """Return the session that this cookie value names, and note that it was used; nobody has to be asked."""
        # Nobody can measure how much of a cookie is right: a dict compares bytes only where the hashes are equal.
        session = self._sessions.get(cookie)
        if session is None:
            return None
        now = self.clock()
        if now - session.touched >= self.timeout:
            self._expire(session)
            return None
        session.touched = now
        return session

    async def save(self, session: Session) -> None:
        if session.ended:
            return  # a request that was under way when the user left must not bring the session back
        if session.cookie not in self._sessions:
            self._sessions[session.cookie] = session
            self._look_later(session)
        if session.login is None:
            self._anonymous[session.cookie] = None
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
        self._due.clear()
        for session in self._sessions.values():
            session.found.clear()
            self._look_later(session)
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

    def _look_later(self, session: Session) -> None:
        """Let the timer look at a session in the second in which it expires unless it is used."""
        session.due = int(session.touched + self.timeout) + 1
        self._due.setdefault(session.due, set()).add(session)

    def _watch(self) -> None:
        """End the sessions whose time is over, and wake up again in the next second in which one may be."""
        self._timer = None
        now = self.clock()
        for second in [second for second in self._due if second <= now]:
            for session in self._due.pop(second):
                if now - session.touched >= self.timeout:
                    self._expire(session)
                else:
                    self._look_later(session)
        if self._due:
            self._timer = asyncio.get_running_loop().call_later(min(self._due) - now, self._watch)

    def _expire(self, session: Session) -> None:
        self._forget(session)
        if self.on_expired is not None:
            self.on_expired(session)

    def _forget(self, session: Session) -> None:
        session.ended = True
        self._sessions.pop(session.cookie, None)
        self._anonymous.pop(session.cookie, None)
        if session.due in self._due:
            together = self._due[session.due]
            together.discard(session)
            if not together:
                del self._due[session.due]
        if session.login is not None and session.login.sid in self._by_sid:
            of_login = self._by_sid[session.login.sid]
            of_login.discard(session)
            if not of_login:
                del self._by_sid[session.login.sid]
