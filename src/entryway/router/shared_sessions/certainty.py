"""Makes certain of a session that other routers may have changed, before it is served."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from entryway.router.shared_sessions.copies import Copy
from entryway.router.shared_sessions.expiry import Expiry
from entryway.router.shared_sessions.link import StoreUnreachable
from entryway.router.shared_sessions.records import Known, Records
from entryway.telemetry import get_logger

log = get_logger("router.sessions")

PATIENCE_SECONDS = 0.5
"""How long a request waits for a slow store when there is a copy to serve instead."""


@dataclass(slots=True, eq=False)
class Certainty:
    """Asks the store about copies, and judges them without it while it is away."""

    records: Records
    expiry: Expiry
    asks_always: bool = False
    """Whether the store is asked with each request, so that what another router has just done counts at once."""
    _impatient_until: float = 0.0

    def has(self, copy: Copy, now: float) -> bool:
        """Tell whether a copy can be served without asking."""
        records = self.records
        certain = not copy.stale and not self.asks_always and records.reach.ticks() < copy.changes.certain_until
        return certain and now - copy.session.touched < records.timeout

    async def make(self, copy: Copy, now: float) -> bool:
        """Ask the store about a session that it may have changed; tell whether there still is one to serve."""
        ticks, timeout = self.records.reach.ticks, self.records.timeout
        if copy.changes.up is not False and ticks() >= self._impatient_until:
            reading = copy.asking
            if reading is None:
                reading = copy.asking = asyncio.get_running_loop().create_task(self.read_again(copy))
                reading.add_done_callback(partial(_asked, copy))
            done, _ = await asyncio.wait((reading,), timeout=PATIENCE_SECONDS)
            if not done:
                self._impatient_until = ticks() + 1
            elif reading.exception() is None:
                return not copy.session.ended
            elif not isinstance(reading.exception(), StoreUnreachable):
                reading.result()
        # Nobody loses a session because the store is away; but not for longer than the store remembers who left.
        last = max(copy.session.touched, copy.confirmed)
        return not copy.session.ended and now - last < timeout and now - copy.confirmed < timeout

    async def read_again(self, copy: Copy) -> None:
        """Bring a copy up to date; what the store has lost it gets back."""
        records = self.records
        if await records.ask(copy) is Known.YES or copy.session.ended:
            return
        if records.clock() - copy.confirmed < records.timeout:
            # Neither ended nor expired: the store lost it.
            log.warning("session_restored", user="" if copy.session.login is None else copy.session.login.user)
            copy.lost()
            await records.write(copy)
        else:
            self.expiry.expire(copy)


def _asked(copy: Copy, task: asyncio.Task[None]) -> None:
    """Forget a question that has its answer, also when nobody waits for it any more."""
    copy.asking = None
    if not task.cancelled():
        task.exception()
