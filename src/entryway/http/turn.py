"""How a connection's handlers are driven: in one task per connection, without a trip through the loop where possible.

An `asyncio.Task` per request, or a wake-up through the loop for each thing a handler waits for, costs several
microseconds. So a `Turn` is the coroutine of one task that lives as long as the connection; it steps the handlers
itself. While a handler waits for an `Arrival` (the head of a response), the task is parked and whoever brings the
arrival steps the handler directly. For any other future the handler is hosted by the task as usual, so everything that
looks for the current task (`asyncio.timeout`, anyio, cancellation) works in a handler.

The handlers are awaited by one coroutine, one after the other. A coroutine of its own for each would have to raise
`StopIteration` at its end, which is dear in compiled code.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final, cast

from entryway.http.arrival import Arrival

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection

# Documented for those who implement tasks: "Extending asyncio", task lifetime support.
_enter_task: Final = asyncio.tasks._enter_task  # noqa: SLF001
_leave_task: Final = asyncio.tasks._leave_task  # noqa: SLF001


class _Rest:
    """What is waited for between two handlers."""

    def __await__(self) -> Generator[_Rest, None, None]:
        yield self


_REST: Final = _Rest()


class Turn:
    """Drives one connection's handlers, one at a time."""

    __slots__ = (
        "_begun",
        "_cancelling",
        "_closed",
        "_connection_context",
        "_context",
        "_failure",
        "_handler",
        "_handlers",
        "_handover",
        "_hosted",
        "_loop",
        "_owner",
        "_parked",
        "_result",
        "_running",
        "_send",
        "_task",
        "_waiting",
    )

    # What `inspect.getcoroutinestate` looks at; anyio asks it.
    cr_running = False
    cr_suspended = True

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: ServerConnection) -> None:
        self._loop = loop
        self._owner = owner
        self._handler: Awaitable[Any] | None = None
        """The handler that is being driven."""
        self._result: Any = None
        self._failure: BaseException | None = None
        self._handlers: Coroutine[Any, Any, None]
        """What awaits one handler after the other."""
        self._send: Callable[[Any], Any]
        self._connection_context = contextvars.copy_context()
        self._context = self._connection_context
        self._task: asyncio.Task[None] | None = None
        self._parked: asyncio.Future[None] | None = None
        self._waiting: Arrival[Any] | None = None
        self._handover: tuple[Any] | None = None
        self._hosted = False
        self._begun = False
        """Whether the handler has been awaited."""
        self._running = False
        self._closed = False
        self._cancelling = False

    # -- what the connection calls ------------------------------------------------------------------------------

    def start(self, handler: Awaitable[Any]) -> None:
        """Drive this handler; the connection hears of its end."""
        self._handler = handler
        self._begun = False
        self._cancelling = False
        self._context = self._connection_context.copy()  # what one request sets, the next does not see
        if self._task is None:
            self._handlers = self._handle_each()
            self._send = self._handlers.send
            self._send(None)
            self._task = self._loop.create_task(self)
        if self._running:  # whoever is running goes on with it
            return
        if not self._step(None):
            self._loop.call_soon(self._begin, handler)

    def cancel(self) -> None:
        """Cancel the handler, if one is running."""
        if self._handler is None or self._task is None:
            return
        self._cancelling = True
        if self._hosted or self._running or not self._step(asyncio.CancelledError()):
            self._task.cancel()

    def end(self) -> None:
        """The connection is over: cancel the handler and let the task end."""
        self._closed = True
        self.cancel()
        self._unpark()

    def resume(self, arrival: Arrival[Any]) -> None:
        """Go on now that the arrival is here."""
        if self._waiting is arrival and not self._step(None):
            self._loop.call_soon(self.resume, arrival)

    # -- stepping outside the task's own steps ------------------------------------------------------------------

    def _begin(self, handler: Awaitable[Any]) -> None:
        if self._handler is handler:  # not cancelled meanwhile
            self._step(None)

    def _step(self, error: BaseException | None) -> bool:
        """Go on with the handler, and those that follow, until one waits; return False where a task is at work."""
        loop = self._loop
        task = cast("asyncio.Task[None]", self._task)
        try:
            _enter_task(loop, task)
        except RuntimeError:
            return False
        self._forget_arrival()
        self._running = True
        try:
            while True:
                try:
                    if error is None:
                        yielded = self._context.run(self._send, None)
                    else:
                        yielded = self._context.run(self._handlers.throw, error)
                finally:
                    _leave_task(loop, task)
                if yielded is not _REST:
                    self._wait_for(yielded)
                    return True
                self._finish()
                if self._handler is None:
                    return True
                error = None
                _enter_task(loop, task)
        finally:
            self._running = False

    async def _handle_each(self) -> None:
        """Await each handler in its turn."""
        while True:
            try:
                await _REST
                self._begun = True
                self._result = await cast("Awaitable[Any]", self._handler)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 the connection hears of it
                self._failure = error

    def _finish(self) -> None:
        """Tell the connection what became of the handler."""
        handler, self._handler = self._handler, None
        result, self._result = self._result, None
        failure = self._failure
        if failure is None:
            self._owner.handled(result)
            return
        self._failure = None
        if isinstance(failure, Exception):
            self._owner.handler_failed(failure)
            return
        if not self._begun and isinstance(handler, Coroutine):
            handler.close()  # nobody will await it any more; one that has ended cannot be closed where it is compiled
        if self._cancelling or cast("asyncio.Task[None]", self._task).cancelling():
            self._owner.handler_cancelled()
        else:
            # Nobody cancelled the handler: it awaited something that was cancelled.
            self._owner.handler_failed(RuntimeError("a handler awaited something that was cancelled"))

    def _wait_for(self, yielded: Any) -> None:
        """Wait for what the handler awaits: as an arrival, or else as a task does."""
        if type(yielded) is Arrival:
            self._wait_for_arrival(yielded)
        else:
            self._hosted = True
            self._handover = (yielded,)
            self._unpark()

    def _wait_for_arrival(self, arrival: Arrival[Any]) -> None:
        arrival._asyncio_future_blocking = False  # noqa: SLF001 as a task does
        if arrival.done():  # it arrived before anybody waited
            self._loop.call_soon(self.resume, arrival)
        self._waiting = arrival
        arrival.turn = self

    def _forget_arrival(self) -> None:
        if self._waiting is not None:
            self._waiting.turn = None
            self._waiting = None

    def _unpark(self) -> None:
        parked = self._parked
        if parked is not None and not parked.done():
            parked.set_result(None)

    # -- the task's steps ---------------------------------------------------------------------------------------

    def send(self, value: Any) -> Any:
        if self._handover is not None:
            # The handler waits for something that only a task can wait for.
            yielded, self._handover = self._handover[0], None
            return yielded
        if self._hosted and self._handler is not None:
            return self._hosted_step(self._send, value)
        return self._park()

    def throw(self, *exc_info: Any) -> Any:
        error = exc_info[0] if len(exc_info) == 1 else exc_info[1]
        if self._handover is not None:
            # The task had not begun to wait for it, so its own `cancel` did not reach it.
            pending, self._handover = self._handover[0], None
            if isinstance(pending, asyncio.Future):
                pending.cancel()
        if self._handler is None:
            # Somebody cancels every task: the loop is ending.
            self._closed = True
            self._owner.handler_cancelled()
            raise error
        self._forget_arrival()
        return self._hosted_step(self._handlers.throw, error)

    def _hosted_step(self, step: Callable[[Any], Any], argument: Any) -> Any:
        self._running = True
        self._hosted = True
        try:
            while True:
                yielded = self._context.run(step, argument)
                if yielded is not _REST:
                    if type(yielded) is not Arrival:
                        return yielded
                    self._hosted = False
                    self._wait_for_arrival(yielded)
                    return self._park()
                self._finish()
                if self._handler is None:
                    self._hosted = False
                    return self._park()
                step, argument = self._send, None
        finally:
            self._running = False

    def _park(self) -> asyncio.Future[None]:
        if self._closed and self._handler is None:
            raise StopIteration
        self._parked = self._loop.create_future()
        self._parked._asyncio_future_blocking = True  # noqa: SLF001 as `await` does
        return self._parked

    def close(self) -> None:
        self._closed = True
        if self._handler is not None:
            self._handlers.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("a turn is driven by its own task")
