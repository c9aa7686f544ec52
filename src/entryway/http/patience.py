"""How long an upstream is waited for: for the head of its response, then for each piece of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio

    from entryway.http.limits import Timeouts

NEVER: Final = float("inf")


class Patience:
    """One connection's deadline. It has no timer of its own: the client's sweep looks at it."""

    __slots__ = ("_loop", "_timeouts", "deadline", "for_head")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timeouts: Timeouts
        self.deadline = NEVER
        self.for_head = False
        """Whether the head of the response is still to come."""

    def begin(self, timeouts: Timeouts) -> None:
        """A request is sent: its response is waited for when it is out."""
        self._timeouts = timeouts
        self.deadline = NEVER
        self.for_head = True

    def expect_head(self) -> None:
        timeout = self._timeouts.response
        self.deadline = NEVER if timeout is None else self._loop.time() + timeout

    def expect_more(self) -> None:
        timeout = self._timeouts.body
        self.deadline = NEVER if timeout is None else self._loop.time() + timeout

    def has_run_out(self, now: float) -> str | None:
        """Return what was not there in time, if that is so, and wait no longer."""
        if now < self.deadline:
            return None
        self.deadline = NEVER
        return "no response in time" if self.for_head else "the response stalled"
