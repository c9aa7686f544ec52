"""What a handler waits for when it has asked an upstream.

It is a module of its own because a subclass of asyncio's future, which is written in C, cannot be compiled.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from entryway.http.turn import Turn

T = TypeVar("T")


class Arrival(asyncio.Future[T]):
    """A future whose result goes straight to the waiting handler. Resolve it from the loop only, never from a task."""

    __slots__ = ("turn",)

    turn: Turn | None

    def arrive(self, value: T) -> None:
        if self.done():
            return
        self.set_result(value)
        if self.turn is not None:
            self.turn.resume(self)

    def disappoint(self, error: BaseException) -> None:
        """Resolve it with an exception."""
        if self.done():
            return
        self.set_exception(error)
        if self.turn is not None:
            self.turn.resume(self)


def new_arrival(loop: asyncio.AbstractEventLoop) -> Arrival[Any]:
    arrival: Arrival[Any] = Arrival(loop=loop)
    arrival.turn = None
    return arrival
