"""What the store is asked and told about one session, and what it could not be told yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from entryway.router.sessions import Session
from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.changes import Changes
from entryway.router.shared_sessions.copies import Copy, difference, fields, merge, read, written
from entryway.router.shared_sessions.held import Held
from entryway.router.shared_sessions.keys import PREFIX, SharedKeys, Unreadable
from entryway.router.shared_sessions.reach import Reach
from entryway.telemetry import get_logger

log = get_logger("router.sessions")

REMEMBER_SECONDS = 60
"""How much longer than any copy the store remembers that a session ended."""
REPEATED_SECONDS = 30.0
"""A server that takes over may lack the latest; what was ended just before is ended again."""
MOST_TO_END = 100_000


class Known(Enum):
    """What the store says of a session besides its contents."""

    YES = 1
    NO = 2


@dataclass(slots=True, eq=False)
class Records:
    """The sessions' records in the store; `clock` is the wall clock."""

    reach: Reach
    keys: SharedKeys
    held: Held
    timeout: float
    """How long a session lasts after its last use."""
    clock: Callable[[], float]
    _to_end: dict[bytes, Changes] = field(default_factory=dict)
    """Sessions that ended while the store could not be told, by key."""
    _ended: deque[tuple[float, bytes, Changes]] = field(default_factory=lambda: deque(maxlen=10_000))

    @property
    def milliseconds(self) -> int:
        return round(self.timeout * 1000)

    def place(self, session_name: bytes) -> tuple[bytes, Changes]:
        """Return the key of the session with this name in its cookie, and the stream that tells of its changes."""
        return self.reach.place(self.keys.name(b"session", session_name))

    def copy_of(self, session: Session) -> Copy:
        """Return a copy that the store does not know yet, or that does not know yet what the store knows."""
        name = self.keys.name(b"session", session.name.encode())
        key, changes = self.reach.place(name)
        return Copy(session, key, name, changes, confirmed=self.clock())

    def sid_key(self, sid: str) -> bytes:
        """Return under which key the sessions are noted that the identity service calls `sid`."""
        return PREFIX + b"sid:" + self.keys.name(b"sid", sid.encode())

    async def ask(self, copy: Copy) -> Known:
        """Bring a copy up to date."""
        changes, generation = copy.changes, copy.changes.generation
        known = copy.version if copy.version and copy.seal else -1
        answer = await self.reach.run(changes, scripts.LOAD, [copy.key], [self.milliseconds, known])
        version = int(answer[0])
        if version == scripts.ENDED:
            self.held.forget(copy)
            return Known.NO
        if version == scripts.MISSING:
            return Known.NO
        if len(answer) > 1:
            try:
                merge(copy, read(answer[1:], copy.key, self.keys))
            except Unreadable as error:
                log.error("session_unreadable", reason=str(error))  # noqa: TRY400 - a fact, not a fault of ours
                self.held.forget(copy)
                return Known.NO
        self._confirm(copy, version, generation)
        return Known.YES

    def _confirm(self, copy: Copy, version: int, generation: int) -> None:
        copy.version = version
        copy.confirmed = copy.prolonged = self.clock()
        changes = copy.changes
        copy.stale = generation != changes.generation or not changes.up or changes.overtook(copy.name, version)
        if changes.seen.get(copy.name) == scripts.ENDED:
            self.held.forget(copy)

    async def write(self, copy: Copy) -> None:
        """Tell the store what it does not know of a session yet."""
        async with copy.writing:
            session, changes = copy.session, copy.changes
            while not session.ended and (change := difference(copy)):
                login, base, generation = session.login, copy.version, changes.generation
                put, gone = fields(copy, change, self.keys)
                mode = b"update" if base else b"create"
                arguments = [mode, self.milliseconds, copy.name, len(put) // 2, *put, *gone]
                version = int(await self.reach.run(changes, scripts.WRITE, [copy.key, changes.stream], arguments))
                if version == scripts.ENDED or (
                    version == scripts.MISSING and self.clock() - copy.confirmed >= self.timeout
                ):
                    self.held.forget(copy)
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
            self.held.unwritten.pop(copy.key, None)

    async def _note_sid(self, copy: Copy) -> None:
        """Let every router find the session by the name that the identity service has for its login."""
        session, login = copy.session, copy.session.login
        if login is None or login.sid is None or login is copy.noted_login or session.ended:
            return
        key = self.sid_key(login.sid)
        # A session outlives its token by its time-out at most; a renewed token is noted again.
        seconds = max(0.0, login.expires_at - self.clock()) + self.timeout + REMEMBER_SECONDS
        arguments = [copy.name, self.keys.seal(session.cookie, key), round(seconds * 1000)]
        await self.reach.run(None, scripts.NOTE_SID, [key], arguments)
        copy.noted_login = login

    async def end(self, key: bytes, changes: Changes, why: bytes) -> int:
        """End a session in the store; the answer is the script's."""
        name = key[key.rindex(b":") + 1 :]
        remember = round((self.timeout + REMEMBER_SECONDS) * 1000)
        answer = int(await self.reach.run(changes, scripts.END, [key, changes.stream], [remember, name, why]))
        self._ended.append((self.reach.ticks(), key, changes))
        return answer

    def end_later(self, key: bytes, changes: Changes) -> None:
        """Note that the store has to be told of an end."""
        self._to_end[key] = changes
        while len(self._to_end) > MOST_TO_END:
            self._to_end.pop(next(iter(self._to_end)))

    def is_to_end(self, key: bytes) -> bool:
        """Tell whether a session ended that the store may still have."""
        return key in self._to_end

    async def catch_up(self, changes: Changes) -> None:
        """Tell a store that is back what it missed."""
        now = self.reach.ticks()
        repeated = [key for when, key, there in self._ended if there is changes and now - when < REPEATED_SECONDS]
        for key in [*repeated, *(key for key, there in self._to_end.items() if there is changes)]:
            await self.end(key, changes, b"dropped")
            self._to_end.pop(key, None)
        for key, copy in list(self.held.unwritten.items()):
            if copy.changes is changes:
                await self.write(copy)
                self.held.unwritten.pop(key, None)
