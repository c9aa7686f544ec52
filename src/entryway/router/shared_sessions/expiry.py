"""Ends sessions whose time is over: of several routers that notice, one does what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from entryway.router.sessions import Session
from entryway.router.shared_sessions.copies import Copy
from entryway.router.shared_sessions.link import StoreUnreachable
from entryway.router.shared_sessions.records import Records
from entryway.telemetry import get_logger

log = get_logger("router.sessions")


@dataclass(slots=True, eq=False)
class Expiry:
    """Wakes up when the next session may expire."""

    records: Records
    on_expired: Callable[[Session], None] | None = None
    _timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """See to it that no session outlives its time, if that has not begun."""
        if self._timer is None:
            self._wake()

    def watch_anew(self) -> None:
        """Reckon with another time-out from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._wake()

    def stop(self) -> None:
        """Let sessions be."""
        if self._timer is not None:
            self._timer.cancel()

    def expire(self, copy: Copy) -> None:
        """End a session whose time is over here, and in the store unless it is used elsewhere."""
        self.records.held.forget(copy)
        self.records.reach.spawn(self._expire(copy))

    def _wake(self) -> None:
        """Expire what is due, and wake up when the session that was used longest ago expires."""
        self._timer = None
        records = self.records
        now = records.clock()
        while records.held.by_cookie:
            oldest = next(iter(records.held.by_cookie.values()))
            left = oldest.session.touched + records.timeout - now
            if left > 0:
                self._timer = asyncio.get_running_loop().call_later(left, self._wake)
                return
            self.expire(oldest)

    async def _expire(self, copy: Copy) -> None:
        while True:
            try:
                left = await self.records.end(copy.key, copy.changes, b"expired")
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
