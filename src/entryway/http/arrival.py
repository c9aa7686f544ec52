"""What a handler waits for when it has asked an upstream.

It is like a future in all that tasks look at ("Extending asyncio", and what `asyncio.isfuture` asks), so any task can
wait for it. A `Turn` needs nothing of that: what arrives goes on with the waiting handler at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from contextvars import Context

    from entryway.http.turn import Turn

T = TypeVar("T")


class Arrival(Generic[T]):
    """A result that goes straight to the waiting handler. Resolve it from the loop only, never from a task."""

    __slots__ = ("_asyncio_future_blocking", "_callbacks", "_cancelled", "_done", "_error", "_loop", "_value", "turn")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self._callbacks: list[tuple[Callable[[Any], object], Context | None]] | None = None
        self._done = False
        self._cancelled = False
        self._error: BaseException | None = None
        self._value: T | None = None
        self.turn: Turn | None = None
        """Whose handler waits for it, if that is all that waits."""

    def arrive(self, value: T) -> None:
        if not self._done:
            self._value = value
            self._settle()

    def disappoint(self, error: BaseException) -> None:
        """Resolve it with an exception."""
        if not self._done:
            self._error = error
            self._settle()

    def _settle(self) -> None:
        self._done = True
        callbacks, self._callbacks = self._callbacks, None
        for callback, context in callbacks or ():
            self._loop.call_soon(callback, self, context=context)
        turn = self.turn
        if turn is not None:
            turn.resume(self)

    def __await__(self) -> Generator[Any, Any, T]:
        if not self._done:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    # -- what tasks look at -------------------------------------------------------------------------------------

    def result(self) -> T:
        if self._cancelled:
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error
        if not self._done:
            raise asyncio.InvalidStateError("it has not arrived")
        return cast("T", self._value)

    def exception(self) -> BaseException | None:
        if self._cancelled:
            raise asyncio.CancelledError
        return self._error

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002 - tasks pass it to any future
        if self._done:
            return False
        self._cancelled = True
        self._settle()
        return True

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        if self._done:
            self._loop.call_soon(callback, self, context=context)
            return
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append((callback, context))

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        before = self._callbacks or []
        self._callbacks = [each for each in before if each[0] != callback]
        return len(before) - len(self._callbacks)
