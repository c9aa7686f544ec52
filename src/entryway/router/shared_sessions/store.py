"""Sessions in Redis or Valkey, shared by every router with the same secret.

Each router keeps copies of the sessions that it serves. A copy is served without asking as long as the stream of
changes is read without a gap; else the store is asked first. While the store cannot be reached, copies are served all
the same, what changes is kept to be written later, and nobody who shows a cookie that we signed counts as logged out.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field

from entryway.config.external_sessions import SessionStoreSettings
from entryway.router.errors import LoginStateInvalid, SessionStoreUnavailable
from entryway.router.sessions import COOKIE_PREFIX, NAME_LENGTH, Login, Renewal, Session, SessionMaker
from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.certainty import Certainty
from entryway.router.shared_sessions.changes import Changes
from entryway.router.shared_sessions.copies import Copy
from entryway.router.shared_sessions.expiry import Expiry
from entryway.router.shared_sessions.held import Held
from entryway.router.shared_sessions.keys import PREFIX, SharedKeys, Unreadable
from entryway.router.shared_sessions.leases import Leases
from entryway.router.shared_sessions.link import Link, StoreUnreachable
from entryway.router.shared_sessions.prolonging import Prolonging
from entryway.router.shared_sessions.reach import Reach
from entryway.router.shared_sessions.records import Known, Records
from entryway.telemetry import get_logger

log = get_logger("router.sessions")


@dataclass(slots=True, eq=False)
class SharedSessions:
    """The session store of a router that is one of several; `clock` is the wall clock, `ticks` only goes forward."""

    settings: SessionStoreSettings
    link: Link
    keys: SharedKeys
    maker: SessionMaker
    timeout: InitVar[float]
    clock: Callable[[], float]
    ticks: Callable[[], float] = time.monotonic
    held: Held = field(default_factory=Held)
    reach: Reach = field(init=False)
    _records: Records = field(init=False)
    _expiry: Expiry = field(init=False)
    _certainty: Certainty = field(init=False)
    _prolonging: Prolonging = field(init=False)
    _leases: Leases = field(init=False)
    _reading: dict[bytes, asyncio.Task[Copy | None]] = field(default_factory=dict)

    def __post_init__(self, timeout: float) -> None:
        held = self.held
        self.reach = Reach(self.settings, self.link, self.ticks, held.on_change, held.on_gap, self._on_return)
        self._records = Records(self.reach, self.keys, held, timeout, self.clock)
        self._expiry = Expiry(self._records)
        self._certainty = Certainty(self._records, self._expiry)
        self._prolonging = Prolonging(self._records)
        self._leases = Leases(self._records, self._certainty)

    def __len__(self) -> int:
        return len(self.held.by_cookie)

    def ask_always(self, always: bool) -> None:  # noqa: FBT001 - a switch
        """Ask the store with each request, or only when a session may have changed."""
        self._certainty.asks_always = always

    async def answers(self) -> bool:
        """Tell whether the store answers now."""
        try:
            await self.link.last_change(self.reach.changes[0].stream)
        except StoreUnreachable:
            return False
        return True

    def start(self) -> None:
        """Begin to follow what other routers do, if that has not begun."""
        self.reach.follow()

    def configure(self, timeout: float, on_expired: Callable[[Session], None]) -> None:
        """Go on under another configuration; what was found out for users under the former one is forgotten."""
        self._records.timeout = timeout
        self._expiry.on_expired = on_expired
        for copy in self.held.by_cookie.values():
            copy.session.found.clear()
        self._expiry.watch_anew()

    async def close(self) -> None:
        """Write what waits to be written, if the store can be reached, and let it go."""
        self._expiry.stop()
        self._prolonging.stop()
        await self.reach.stop()
        try:
            async with asyncio.timeout(2):
                if self.held.used:
                    await self._prolonging.prolong()
                await self.link.close()
        except (StoreUnreachable, TimeoutError) as error:
            log.warning("session_store_left", reason=str(error))

    async def load(self, cookie: bytes) -> Session | None:
        name = cookie[len(COOKIE_PREFIX) : len(COOKIE_PREFIX) + NAME_LENGTH]
        copy = self.held.get(name)
        if copy is None:
            if not hmac.compare_digest(self.maker.cookie_value(name.decode("latin-1")), cookie):
                return None
            return await self._find(name, cookie)
        session = copy.session
        if not hmac.compare_digest(session.cookie, cookie):
            return None
        now = self.clock()
        if not self._certainty.has(copy, now) and not await self._certainty.make(copy, now):
            return None
        self._use(name, copy, now)
        return session

    async def save(self, session: Session) -> None:
        if session.ended or session.unreachable:
            return  # a request that was under way when the user left must not bring the session back
        copy = self.held.get(session.name.encode())
        if copy is None:
            copy = self._keep(self._records.copy_of(session))
        try:
            await self._records.write(copy)
        except StoreUnreachable as error:
            if session.login is not None and not copy.version and copy.session.ended is False:
                self.held.forget(copy)  # a login that one process alone knows of would be lost with the next request
                raise SessionStoreUnavailable(str(error)) from error
            self.held.unwritten[copy.key] = copy

    async def drop(self, session: Session) -> None:
        session.ended = True
        name = session.name.encode()
        copy = self.held.get(name)
        if copy is not None and copy.session is session:
            self.held.forget(copy)
        key, changes = self._records.place(name)
        login = session.login
        try:
            await self._records.end(key, changes, b"dropped")
        except StoreUnreachable:
            if login is not None and login.expires_at <= self.clock():
                return  # it ended by its token as we know it; another router may have renewed that
            self._records.end_later(key, changes)

    async def with_sid(self, sid: str) -> list[Session]:
        key = self._records.sid_key(sid)
        try:
            noted = await self.reach.run(None, scripts.WITH_SID, [key], [])
        except StoreUnreachable as error:
            raise SessionStoreUnavailable(str(error)) from error
        sessions = []
        for sealed in noted:
            try:
                session = await self.load(self.keys.unseal(sealed, key))
            except Unreadable as error:
                log.error("session_unreadable", reason=str(error))  # noqa: TRY400 - a fact, not a fault of ours
                continue
            if session is not None and session.unreachable:
                raise SessionStoreUnavailable("the session to end cannot be read")
            if session is not None and session.login is not None and session.login.sid == sid:
                sessions.append(session)
        return sessions

    async def use_state(self, state: str, seconds: float) -> None:
        """Take the state of a login that came back, or raise LoginStateInvalid if any router has taken it before."""
        name = self.keys.name(b"state", state.encode())
        taker = os.urandom(12).hex().encode()
        try:
            holder = await self.reach.run(None, scripts.TAKE, [PREFIX + name], [taker, round(seconds * 1000)])
        except StoreUnreachable as error:
            raise SessionStoreUnavailable(str(error)) from error
        if holder != taker:
            raise LoginStateInvalid("the state was used already")

    async def begin_renewal(self, session: Session, login: Login) -> bool:
        return await self._leases.begin(session, login)

    async def end_renewal(self, session: Session, login: Login, outcome: Renewal) -> None:
        await self._leases.end(session, login, outcome)

    async def _find(self, name: bytes, cookie: bytes) -> Session | None:
        """Ask for a session that this process does not know; once, however many requests wait for it."""
        task = self._reading.get(name)
        if task is None:
            task = self._reading[name] = asyncio.get_running_loop().create_task(self._fetch(name, cookie))
            task.add_done_callback(lambda _: self._reading.pop(name, None))
        try:
            copy = await asyncio.shield(task)
        except StoreUnreachable:
            # Its CSRF token is one that nobody has.
            token = os.urandom(16).hex().encode()
            return Session(name.decode("latin-1"), cookie, token, self.clock(), unreachable=True)
        if copy is None or copy.session.ended:
            return None
        self._use(name, copy, self.clock())
        return copy.session

    async def _fetch(self, name: bytes, cookie: bytes) -> Copy | None:
        session = Session(name.decode("latin-1"), cookie, b"", self.clock())
        copy = self._records.copy_of(session)
        if self._records.is_to_end(copy.key) or await self._records.ask(copy) is Known.NO or session.ended:
            return None
        return self.held.get(name) or self._keep(copy)

    def _keep(self, copy: Copy) -> Copy:
        too_many = self.held.keep(copy)
        if too_many is not None:
            self.reach.spawn(self.drop(too_many.session))
        self._expiry.watch()
        return copy

    def _use(self, name: bytes, copy: Copy, now: float) -> None:
        copy.session.touched = now
        self.held.by_cookie.move_to_end(name)
        self._prolonging.used(copy, now)

    async def _on_return(self, changes: Changes) -> None:
        await self._records.catch_up(changes)
