"""Over ASGI, too, a request has its time to arrive, and is given up when nothing moves any more.

Servers have time-outs of their own, for heads and idle connections; what follows is the same behind each of them. Only
a silent end cannot be had: whom nothing is heard of gets an answer where the engine closes without a word.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from entryway.http.errors import AnswerTimedOut, HttpError, RequestTimedOut

if TYPE_CHECKING:
    from entryway.http.body import Body
    from entryway.http.limits import Limits

SWEEP_SECONDS = 0.25
NEVER = float("inf")


class Watched:
    """One request: what it is doing, since when nothing moved, and why it was given up."""

    __slots__ = ("body", "complete_by", "handling", "moved", "overdue")

    def __init__(self, handling: asyncio.Task[Any], body: Body, now: float, complete_by: float) -> None:
        self.handling = handling
        self.body = body
        self.moved = now
        self.complete_by = complete_by
        self.overdue: HttpError | None = None


class Deadlines:
    """Watches requests while they are answered, and cancels those that take too long."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._watched: set[Watched] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    def watch(self, handling: asyncio.Task[Any], body: Body) -> Watched:
        """Watch a request that has just arrived until it is forgotten."""
        loop = asyncio.get_running_loop()
        now, patience = loop.time(), self._limits.request_timeout
        watched = Watched(handling, body, now, NEVER if patience is None or body.complete else now + patience)
        self._watched.add(watched)
        if self._sweeping is None:
            self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep)
        return watched

    def forget(self, watched: Watched) -> None:
        """Stop watching."""
        self._watched.discard(watched)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep) if self._watched else None
        for watched in tuple(self._watched):
            watched.overdue = self._overdue(watched, loop.time())
            if watched.overdue is not None:
                self._watched.discard(watched)
                watched.handling.cancel()

    def _overdue(self, watched: Watched, now: float) -> HttpError | None:
        if now >= watched.complete_by and not watched.body.complete:
            return RequestTimedOut()
        patience = self._limits.inactivity_timeout
        if patience is None or now - watched.moved < patience:
            return None
        return AnswerTimedOut() if watched.body.complete else RequestTimedOut()
