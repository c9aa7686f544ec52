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
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from entryway.config.external_sessions import SessionStoreSettings
from entryway.router.errors import LoginStateInvalid, SessionStoreUnavailable
from entryway.router.sessions import (
    COOKIE_PREFIX,
    MOST_ANONYMOUS,
    NAME_LENGTH,
    Login,
    Renewal,
    Session,
    SessionMaker,
)
from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.changes import WAIT_MS, Changes, Follower
from entryway.router.shared_sessions.copies import Copy, difference, fields, merge, read, written
from entryway.router.shared_sessions.keys import PREFIX, SharedKeys, Unreadable
from entryway.router.shared_sessions.link import Link, StoreUnreachable
from entryway.router.shared_sessions.scripts import Script
from entryway.telemetry import get_logger

log = get_logger("router.sessions")

PROLONG_SECONDS = 2.0
"""A session's life in the store is prolonged at most this often."""
PROLONG_AFTER = 0.05
PATIENCE_SECONDS = 0.5
"""How long a request waits for a slow store when there is a copy to serve instead."""
REMEMBER_SECONDS = 60
"""How much longer than any copy the store remembers that a session ended."""
REPEATED_SECONDS = 30.0
"""A server that takes over may lack the latest; what was ended just before is ended again."""
MOST_TO_END = 100_000
LEASE_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.05
RETRY_SECONDS = 20.0
WORKING, REFUSED, FAILED = b"w", b"refused", b"failed"


class Known(Enum):
    """What the store says of a session besides its contents."""

    YES = 1
    NO = 2


@dataclass(slots=True, eq=False)
class SharedSessions:
    """The session store of a router that is one of several; `clock` is the wall clock, `ticks` only goes forward."""

    settings: SessionStoreSettings
    link: Link
    keys: SharedKeys
    maker: SessionMaker
    timeout: float
    clock: Callable[[], float]
    ticks: Callable[[], float] = time.monotonic
    on_expired: Callable[[Session], None] | None = None
    _changes: list[Changes] = field(default_factory=list)
    _copies: OrderedDict[bytes, Copy] = field(default_factory=OrderedDict)
    """By the name in the cookie, in the order of their last use."""
    _by_name: dict[bytes, Copy] = field(default_factory=dict)
    """By the name in the stream of changes."""
    _anonymous: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    _reading: dict[bytes, asyncio.Task[Copy | None]] = field(default_factory=dict)
    _prolonged: dict[bytes, Copy] = field(default_factory=dict)
    _unwritten: dict[bytes, Copy] = field(default_factory=dict)
    _to_end: dict[bytes, Changes] = field(default_factory=dict)
    """Sessions that ended while the store could not be told, by key."""
    _ended: deque[tuple[float, bytes, Changes]] = field(default_factory=lambda: deque(maxlen=10_000))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _followers: dict[Follower, asyncio.Task[None]] = field(default_factory=dict)
    _timer: asyncio.TimerHandle | None = None
    _prolonging: asyncio.TimerHandle | None = None
    _impatient_until: float = 0.0
    _id: bytes = field(default_factory=lambda: WORKING + os.urandom(12).hex().encode())

    def __post_init__(self) -> None:
        self._changes = [Changes(PREFIX + b"{%d}:changes" % number) for number in range(self.link.streams)]

    def __len__(self) -> int:
        return len(self._copies)

    def start(self) -> None:
        """Begin to follow what other routers do, if that has not begun."""
        if self._followers:
            return
        for changes in self._changes:
            follower = Follower(
                self.link, changes, self.ticks, self.settings.wait_step, self.settings.longest_wait,
                self._on_change, self._on_gap, self._on_return,
            )  # fmt: skip
            self._followers[follower] = self._spawn(follower.follow())

    def configure(self, timeout: float, on_expired: Callable[[Session], None]) -> None:
        """Go on under another configuration; what was found out for users under the former one is forgotten."""
        self.timeout, self.on_expired = timeout, on_expired
        for copy in self._copies.values():
            copy.session.found.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._watch()

    async def close(self) -> None:
        """Write what waits to be written, if the store can be reached, and let it go."""
        for timer in (self._timer, self._prolonging):
            if timer is not None:
                timer.cancel()
        for follower in self._followers:
            follower.stopping = True
        # A reading ends by itself in a moment; cancelled, its connection would be slow to close.
        if self._followers:
            await asyncio.wait(self._followers.values(), timeout=2 * WAIT_MS / 1000)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(2):
                if self._prolonged:
                    await self._prolong()
                await self.link.close()
        except (StoreUnreachable, TimeoutError) as error:
            log.warning("session_store_left", reason=str(error))

    # A request asks.

    async def load(self, cookie: bytes) -> Session | None:
        name = cookie[len(COOKIE_PREFIX) : len(COOKIE_PREFIX) + NAME_LENGTH]
        copy = self._copies.get(name)
        if copy is None:
            if not hmac.compare_digest(self.maker.cookie_value(name.decode("latin-1")), cookie):
                return None
            return await self._find(name, cookie)
        session = copy.session
        if not hmac.compare_digest(session.cookie, cookie):
            return None
        now = self.clock()
        certain = not copy.stale and self.ticks() < copy.changes.certain_until and now - session.touched < self.timeout
        if not certain and not await self._make_certain(copy, now):
            return None
        self._use(name, copy, now)
        return session

    async def save(self, session: Session) -> None:
        if session.ended or session.unreachable:
            return  # a request that was under way when the user left must not bring the session back
        copy = self._copies.get(session.name.encode())
        if copy is None:
            copy = self._keep(session)
        try:
            await self._write(copy)
        except StoreUnreachable as error:
            if session.login is not None and not copy.version and copy.session.ended is False:
                self._forget(copy)  # a login that one process alone knows of would be lost with the next request
                raise SessionStoreUnavailable(str(error)) from error
            self._unwritten[copy.key] = copy

    async def drop(self, session: Session) -> None:
        session.ended = True
        name = session.name.encode()
        copy = self._copies.get(name)
        if copy is not None and copy.session is session:
            self._forget(copy)
        key, changes = self._place(self.keys.name(b"session", name))
        login = session.login
        try:
            await self._end(key, changes, b"dropped")
        except StoreUnreachable:
            if login is not None and login.expires_at <= self.clock():
                return  # it ended by its token as we know it; another router may have renewed that
            self._to_end[key] = changes
            while len(self._to_end) > MOST_TO_END:
                self._to_end.pop(next(iter(self._to_end)))

    async def with_sid(self, sid: str) -> list[Session]:
        key = self._sid_key(sid)
        try:
            noted = await self._run(None, scripts.WITH_SID, [key], [])
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
            holder = await self._run(None, scripts.TAKE, [PREFIX + name], [taker, round(seconds * 1000)])
        except StoreUnreachable as error:
            raise SessionStoreUnavailable(str(error)) from error
        if holder != taker:
            raise LoginStateInvalid("the state was used already")

    # A token is renewed, by one router.

    async def begin_renewal(self, session: Session, login: Login) -> bool:
        copy = self._copies.get(session.name.encode())
        if copy is None or session.ended:
            return False
        lease = copy.key + b":renewal"
        while True:
            try:
                arguments = [self._id, round(LEASE_SECONDS * 1000)]
                holder = await self._run(copy.changes, scripts.TAKE, [lease], arguments)
                await self._read_again(copy)
            except StoreUnreachable:
                # As long as the token is good, better not at all than twice.
                if login.expires_at <= self.clock():
                    return True
                session.refresh_not_before = self.clock() + RETRY_SECONDS
                return False
            mine = holder == self._id
            if session.ended or session.login is not login:
                if mine:
                    await self._give_back(lease, b"", 0)
                return False
            if mine:
                return True
            if holder in (REFUSED, FAILED):
                again = float("inf") if holder == REFUSED else self.clock() + RETRY_SECONDS
                session.refresh_not_before = again
                return False
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def end_renewal(self, session: Session, login: Login, outcome: Renewal) -> None:
        key, _ = self._place(self.keys.name(b"session", session.name.encode()))
        lease = key + b":renewal"
        if outcome is Renewal.DONE:
            await self._give_back(lease, b"", 0)
        elif outcome is Renewal.REFUSED:
            await self._give_back(lease, REFUSED, max(1.0, login.expires_at - self.clock()))
        else:
            await self._give_back(lease, FAILED, RETRY_SECONDS)

    async def _give_back(self, lease: bytes, leave: bytes, seconds: float) -> None:
        try:
            await self._run(None, scripts.GIVE_BACK, [lease], [self._id, leave, round(seconds * 1000)])
        except StoreUnreachable as error:
            log.warning("renewal_lease_kept", reason=str(error))  # it ends by itself

    # What the store says.

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
        copy = self._copy(session)
        if copy.key in self._to_end or await self._ask(copy) is Known.NO or session.ended:
            return None
        return self._copies.get(name) or self._keep(session, copy)

    async def _make_certain(self, copy: Copy, now: float) -> bool:
        """Ask the store about a session that it may have changed; tell whether there still is one to serve."""
        if copy.changes.up is not False and self.ticks() >= self._impatient_until:
            reading = copy.asking
            if reading is None:
                reading = copy.asking = asyncio.get_running_loop().create_task(self._read_again(copy))
                reading.add_done_callback(partial(_asked, copy))
            done, _ = await asyncio.wait((reading,), timeout=PATIENCE_SECONDS)
            if not done:
                self._impatient_until = self.ticks() + 1
            elif reading.exception() is None:
                return not copy.session.ended
            elif not isinstance(reading.exception(), StoreUnreachable):
                reading.result()
        # Nobody loses a session because the store is away; but not for longer than the store remembers who left.
        last = max(copy.session.touched, copy.confirmed)
        return not copy.session.ended and now - last < self.timeout and now - copy.confirmed < self.timeout

    async def _read_again(self, copy: Copy) -> None:
        if await self._ask(copy) is Known.YES or copy.session.ended:
            return
        if self.clock() - copy.confirmed < self.timeout:
            # Neither ended nor expired: the store lost it.
            log.warning("session_restored", user="" if copy.session.login is None else copy.session.login.user)
            copy.lost()
            await self._write(copy)
        else:
            self._forget(copy)
            self._spawn(self._expire(copy))

    async def _ask(self, copy: Copy) -> Known:
        changes, generation = copy.changes, copy.changes.generation
        known = copy.version if copy.version and copy.seal else -1
        answer = await self._run(changes, scripts.LOAD, [copy.key], [self._milliseconds, known])
        version = int(answer[0])
        if version == scripts.ENDED:
            self._forget(copy)
            return Known.NO
        if version == scripts.MISSING:
            return Known.NO
        if len(answer) > 1:
            try:
                merge(copy, read(answer[1:], copy.key, self.keys))
            except Unreadable as error:
                log.error("session_unreadable", reason=str(error))  # noqa: TRY400 - a fact, not a fault of ours
                self._forget(copy)
                return Known.NO
        self._confirm(copy, version, generation)
        return Known.YES

    def _confirm(self, copy: Copy, version: int, generation: int) -> None:
        copy.version = version
        copy.confirmed = copy.prolonged = self.clock()
        changes = copy.changes
        copy.stale = generation != changes.generation or not changes.up or changes.overtook(copy.name, version)
        if changes.seen.get(copy.name) == scripts.ENDED:
            self._forget(copy)

    # What the store is told.

    async def _write(self, copy: Copy) -> None:
        async with copy.writing:
            session, changes = copy.session, copy.changes
            while not session.ended and (change := difference(copy)):
                login, base, generation = session.login, copy.version, changes.generation
                put, gone = fields(copy, change, self.keys)
                mode = b"update" if base else b"create"
                arguments = [mode, self._milliseconds, copy.name, len(put) // 2, *put, *gone]
                version = int(await self._run(changes, scripts.WRITE, [copy.key, changes.stream], arguments))
                if version == scripts.ENDED or (
                    version == scripts.MISSING and self.clock() - copy.confirmed >= self.timeout
                ):
                    self._forget(copy)
                elif version == scripts.MISSING:
                    copy.lost()
                else:
                    written(copy, change, login, put)
                    if version == base + 1 and copy.version == base:
                        self._confirm(copy, version, generation)
                    else:
                        # Another router changed it in between; the next to read it learns what.
                        copy.version, copy.stale = copy.version or version, True
            await self._note_sid(copy)
            self._unwritten.pop(copy.key, None)

    async def _note_sid(self, copy: Copy) -> None:
        """Let every router find the session by the name that the identity service has for its login."""
        session, login = copy.session, copy.session.login
        if login is None or login.sid is None or login is copy.noted_login or session.ended:
            return
        key = self._sid_key(login.sid)
        # A session outlives its token by its time-out at most; a renewed token is noted again.
        seconds = max(0.0, login.expires_at - self.clock()) + self.timeout + REMEMBER_SECONDS
        arguments = [copy.name, self.keys.seal(session.cookie, key), round(seconds * 1000)]
        await self._run(None, scripts.NOTE_SID, [key], arguments)
        copy.noted_login = login

    def _sid_key(self, sid: str) -> bytes:
        return PREFIX + b"sid:" + self.keys.name(b"sid", sid.encode())

    async def _end(self, key: bytes, changes: Changes, why: bytes) -> int:
        name = key[key.rindex(b":") + 1 :]
        remember = round((self.timeout + REMEMBER_SECONDS) * 1000)
        answer = int(await self._run(changes, scripts.END, [key, changes.stream], [remember, name, why]))
        self._ended.append((self.ticks(), key, changes))
        return answer

    def _prolong_soon(self, copy: Copy, now: float) -> None:
        copy.prolonged = now
        self._prolonged[copy.key] = copy
        if self._prolonging is None:
            loop = asyncio.get_running_loop()
            self._prolonging = loop.call_later(PROLONG_AFTER, lambda: self._spawn(self._prolong()))

    async def _prolong(self) -> None:
        """Prolong the life of every session that was used lately, all of one stream at once."""
        self._prolonging = None
        waiting, self._prolonged = self._prolonged, {}
        for changes in self._changes:
            copies = [copy for copy in waiting.values() if copy.changes is changes]
            for first in range(0, len(copies), 500):
                await self._prolong_some(changes, copies[first : first + 500])

    async def _prolong_some(self, changes: Changes, copies: list[Copy]) -> None:
        now = self.clock()
        try:
            versions = await self._run(changes, scripts.TOUCH, [copy.key for copy in copies], [self._milliseconds])
        except StoreUnreachable:
            return  # the follower tells
        for copy, version in zip(copies, versions, strict=True):
            if version == scripts.ENDED:
                self._forget(copy)
            elif version == scripts.MISSING or version > copy.version:
                copy.stale = True
            else:
                copy.confirmed = now

    # What other routers did, and what happened to the store.

    def _on_change(self, name: bytes, version: int) -> None:
        copy = self._by_name.get(name)
        if copy is None:
            return
        if version == scripts.ENDED:
            self._forget(copy)
        elif version > copy.version:
            copy.stale = True

    def _on_gap(self, changes: Changes) -> None:
        for copy in self._copies.values():
            if copy.changes is changes:
                copy.stale = True

    async def _on_return(self, changes: Changes) -> None:
        now = self.ticks()
        repeated = [key for when, key, there in self._ended if there is changes and now - when < REPEATED_SECONDS]
        for key in [*repeated, *(key for key, there in self._to_end.items() if there is changes)]:
            await self._end(key, changes, b"dropped")
            self._to_end.pop(key, None)
        for key, copy in list(self._unwritten.items()):
            if copy.changes is changes:
                await self._write(copy)
                self._unwritten.pop(key, None)

    # Time passes.

    def _watch(self) -> None:
        """Wake up when the session that was used longest ago expires."""
        self._timer = None
        now = self.clock()
        while self._copies:
            oldest = next(iter(self._copies.values()))
            left = oldest.session.touched + self.timeout - now
            if left > 0:
                self._timer = asyncio.get_running_loop().call_later(left, self._watch)
                return
            self._forget(oldest)
            self._spawn(self._expire(oldest))

    async def _expire(self, copy: Copy) -> None:
        """End a session whose time is over; of several routers that notice, one does what follows from it."""
        while True:
            try:
                left = await self._end(copy.key, copy.changes, b"expired")
            except StoreUnreachable as error:
                log.warning("session_end_unknown", reason=str(error))
                return
            if left == 0:
                return
            if left < 0:
                if self.on_expired is not None:
                    self.on_expired(copy.session)
                return
            # It is used elsewhere. That router may be gone by the time it expires, so look again then.
            await asyncio.sleep(left / 1000)

    # Bookkeeping.

    def _use(self, name: bytes, copy: Copy, now: float) -> None:
        copy.session.touched = now
        self._copies.move_to_end(name)
        if now - copy.prolonged >= PROLONG_SECONDS:
            self._prolong_soon(copy, now)

    def _keep(self, session: Session, copy: Copy | None = None) -> Copy:
        copy = copy or self._copy(session)
        name = session.name.encode()
        self._copies[name] = self._by_name[copy.name] = copy
        if session.login is None:
            self._anonymous[name] = None
            if len(self._anonymous) > MOST_ANONYMOUS:
                self._spawn(self.drop(self._copies[next(iter(self._anonymous))].session))
        if self._timer is None:
            self._watch()
        return copy

    def _copy(self, session: Session) -> Copy:
        name = self.keys.name(b"session", session.name.encode())
        key, changes = self._place(name)
        return Copy(session, key, name, changes, confirmed=self.clock())

    def _place(self, name: bytes) -> tuple[bytes, Changes]:
        number = zlib.crc32(name) % len(self._changes)
        return PREFIX + b"{%d}:s:%b" % (number, name), self._changes[number]

    def _forget(self, copy: Copy) -> None:
        copy.session.ended = True
        name = copy.session.name.encode()
        if self._copies.get(name) is copy:
            del self._copies[name]
            self._by_name.pop(copy.name, None)
            self._anonymous.pop(name, None)
        self._unwritten.pop(copy.key, None)
        self._prolonged.pop(copy.key, None)

    async def _run(
        self, changes: Changes | None, script: Script, keys: Sequence[bytes], arguments: Sequence[object]
    ) -> Any:
        self.start()
        # The follower knows that the store is away; nobody else need wait to find out.
        if (changes or self._changes[0]).up is False:
            raise StoreUnreachable("the store is not there")
        return await self.link.run(script, keys, arguments)

    @property
    def _milliseconds(self) -> int:
        return round(self.timeout * 1000)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _asked(copy: Copy, task: asyncio.Task[None]) -> None:
    """Forget a question that has its answer, also when nobody waits for it any more."""
    copy.asking = None
    if not task.cancelled():
        task.exception()
