"""Prolongs in the store the life of sessions that are used here, many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.changes import Changes
from entryway.router.shared_sessions.copies import Copy
from entryway.router.shared_sessions.link import StoreUnreachable
from entryway.router.shared_sessions.records import Records

PROLONG_SECONDS = 2.0
"""A session's life in the store is prolonged at most this often."""
PROLONG_AFTER = 0.05
AT_ONCE = 500


@dataclass(slots=True, eq=False)
class Prolonging:
    """Collects for a moment which sessions are used."""

    records: Records
    _timer: asyncio.TimerHandle | None = None

    def used(self, copy: Copy, now: float) -> None:
        """Take note that a session is used, unless it was prolonged just before."""
        if now - copy.prolonged < PROLONG_SECONDS:
            return
        copy.prolonged = now
        self.records.held.used[copy.key] = copy
        if self._timer is None:
            loop, spawn = asyncio.get_running_loop(), self.records.reach.spawn
            self._timer = loop.call_later(PROLONG_AFTER, lambda: spawn(self.prolong()))

    def stop(self) -> None:
        """Prolong nothing any more by itself."""
        if self._timer is not None:
            self._timer.cancel()

    async def prolong(self) -> None:
        """Prolong the life of every session that was used lately, all of one stream at once."""
        self._timer = None
        held = self.records.held
        waiting, held.used = held.used, {}
        for changes in self.records.reach.changes:
            copies = [copy for copy in waiting.values() if copy.changes is changes]
            for first in range(0, len(copies), AT_ONCE):
                await self._prolong_some(changes, copies[first : first + AT_ONCE])

    async def _prolong_some(self, changes: Changes, copies: list[Copy]) -> None:
        records, now = self.records, self.records.clock()
        keys = [copy.key for copy in copies]
        try:
            versions = await records.reach.run(changes, scripts.TOUCH, keys, [records.milliseconds])
        except StoreUnreachable:
            return  # the follower tells
        for copy, version in zip(copies, versions, strict=True):
            if version == scripts.ENDED:
                records.held.forget(copy)
            elif version == scripts.MISSING or version > copy.version:
                copy.stale = True
            else:
                copy.confirmed = now
