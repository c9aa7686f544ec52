"""Follows what any router does to sessions: while a stream of changes is read without a gap, what this process knows
of its sessions is certain; when it is not, the store is asked before a session is served.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from entryway.router.shared_sessions.link import Link, StoreUnreachable
from entryway.router.shared_sessions.scripts import ENDED
from entryway.telemetry import get_logger

log = get_logger("router.sessions")

WAIT_MS = 300
CERTAIN_SECONDS = 0.9
"""How long after a reading began its result is relied on; with what a request takes, less than a second."""
MOST_SEEN = 10_000


@dataclass(slots=True, eq=False)
class Changes:
    """One stream of changes and how well it is known."""

    stream: bytes
    certain_until: float = 0.0
    """By the clock that only goes forward."""
    up: bool | None = None
    """Whether the store answers; None: nobody asked yet."""
    generation: int = 0
    """Counts the gaps: what was learned before a gap says nothing about now."""
    seen: OrderedDict[bytes, int] = field(default_factory=OrderedDict, repr=False)
    """The latest versions in the stream, for answers of the store that changes overtook."""
    position: bytes | None = None

    def note(self, name: bytes, version: int) -> None:
        self.seen[name] = version
        self.seen.move_to_end(name)
        if len(self.seen) > MOST_SEEN:
            self.seen.popitem(last=False)

    def overtook(self, name: bytes, version: int) -> bool:
        """Tell whether the stream knows more than an answer that says `version`."""
        seen = self.seen.get(name)
        return seen is not None and (seen == ENDED or seen > version)


@dataclass(slots=True, eq=False)
class Follower:
    """Reads one stream for as long as the router runs, and finds the store again when it was lost."""

    link: Link
    changes: Changes
    ticks: Callable[[], float]
    wait_step: float
    longest_wait: float
    on_change: Callable[[bytes, int], None]
    on_gap: Callable[[Changes], None]
    on_return: Callable[[Changes], Awaitable[None]]
    """Tells the store what it missed; only then is it asked again."""
    stopping: bool = False

    async def follow(self) -> None:
        """Read until told to stop, which is noticed as soon as a reading ends."""
        failures = 0
        while not self.stopping:
            try:
                await self._read()
                failures = 0
            except StoreUnreachable as error:
                failures += 1
                self.changes.position = None
                if failures > 1:
                    # Not for one connection that ended: the store closes some, and the next one may be good.
                    self._lost(str(error))
                    await asyncio.sleep(min((failures - 1) * self.wait_step, self.longest_wait))

    async def _read(self) -> None:
        changes = self.changes
        began = self.ticks()
        if changes.position is None:
            position = await self.link.last_change(changes.stream)
            changes.generation += 1
            changes.seen.clear()
            self.on_gap(changes)
            changes.position = position
        else:
            for entry, content in await self.link.changes(changes.stream, changes.position, WAIT_MS):
                version = int(content[b"v"])
                changes.note(content[b"k"], version)
                self.on_change(content[b"k"], version)
                changes.position = entry
        if not changes.up:
            changes.up = None
            await self.on_return(changes)
            log.info("session_store_reached")
            changes.up = True
        changes.certain_until = began + CERTAIN_SECONDS

    def _lost(self, reason: str) -> None:
        if self.changes.up is not False:
            log.error("session_store_lost", reason=reason)
            self.changes.up = False
