"""How many requests a tenant may make of one interface: so many a second, a few more wait, the rest comes again later.

One tenant's flood must not take the whole server. Each process counts for itself.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from entryway.errors import TooManyRequests

QUEUE_SECONDS = 2.0
# Requests come in bursts; what was not used within this time may be used at once.
BURST_SECONDS = 1.0
MOST_TENANTS = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """When a request may go on, in seconds from now, and when the one after it at the earliest."""

    wait: float
    free_at: float


def next_turn(free_at: float, now: float, per_second: float) -> Turn:
    """Return the turn of a request when the one before it left `free_at`."""
    begin = max(free_at, now - BURST_SECONDS)
    return Turn(max(0.0, begin - now), begin + 1 / per_second)


@dataclass(slots=True)
class RateLimit:
    """The limit of one interface; zero requests a second stands for no limit."""

    per_second: float
    seconds: Callable[[], float] = time.monotonic
    _free_at: OrderedDict[str, float] = field(default_factory=OrderedDict)

    async def wait_for_turn(self, zid: str) -> None:
        """Return when it is the request's turn, or raise if that would take too long."""
        if self.per_second <= 0:
            return
        now = self.seconds()
        turn = next_turn(self._free_at.get(zid, -math.inf), now, self.per_second)
        if turn.wait > QUEUE_SECONDS:
            raise TooManyRequests(math.ceil(turn.wait - QUEUE_SECONDS), f"tenant {zid}")
        self._free_at[zid] = turn.free_at
        self._free_at.move_to_end(zid)
        while len(self._free_at) > MOST_TENANTS:
            self._free_at.popitem(last=False)
        if turn.wait > 0:
            await asyncio.sleep(turn.wait)
