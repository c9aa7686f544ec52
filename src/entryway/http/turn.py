"""How a connection's handlers are driven: in one task per connection, without a trip through the loop where possible.

An `asyncio.Task` per request, or a wake-up through the loop for each thing a handler waits for, costs several
microseconds. So a `Turn` is the coroutine of one task that lives as long as the connection; it steps the handler's
coroutine itself. While the handler waits for an `Arrival` (the head of a response), the task is parked and whoever
brings the arrival steps the handler directly. For any other future the handler is hosted by the task as usual, so
everything that looks for the current task (`asyncio.timeout`, anyio, cancellation) works in a handler.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol, cast

from entryway.http.arrival import Arrival

# Documented for those who implement tasks: "Extending asyncio", task lifetime support.
_enter_task = asyncio.tasks._enter_task  # noqa: SLF001
_leave_task = asyncio.tasks._leave_task  # noqa: SLF001


class TurnOwner(Protocol):
    """Whose handlers a turn drives: a connection."""

    def handled(self, result: Any) -> None: ...

    def handler_failed(self, error: Exception) -> None: ...

    def handler_cancelled(self) -> None: ...


class Turn:
    """Drives one connection's handlers, one at a time."""

    __slots__ = (
        "_cancelling",
        "_closed",
        "_connection_context",
        "_context",
        "_coroutine",
        "_handover",
        "_hosted",
        "_loop",
        "_owner",
        "_parked",
        "_running",
        "_task",
        "_waiting",
    )

    # What `inspect.getcoroutinestate` looks at; anyio asks it.
    cr_running = False
    cr_suspended = True

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: TurnOwner) -> None:
        self._loop = loop
        self._owner = owner
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._connection_context = contextvars.copy_context()
        self._context = self._connection_context
        self._task: asyncio.Task[None] | None = None
        self._parked: asyncio.Future[None] | None = None
        self._waiting: Arrival[Any] | None = None
        self._handover: tuple[Any] | None = None
        self._hosted = False
        self._running = False
        self._closed = False
        self._cancelling = False

    # -- what the connection calls ------------------------------------------------------------------------------

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Drive this handler; the owner hears of its end."""
        self._coroutine = coroutine
        self._cancelling = False
        self._context = self._connection_context.copy()  # what one request sets, the next does not see
        if self._task is None:
            self._task = self._loop.create_task(self)
        if self._running:  # whoever is running goes on with it
            return
        if asyncio.current_task(self._loop) is not None:
            self._loop.call_soon(self._begin, coroutine)
            return
        self._run(coroutine.send, None)

    def cancel(self) -> None:
        """Cancel the handler, if one is running."""
        if self._coroutine is None or self._task is None:
            return
        self._cancelling = True
        if self._hosted or self._running or asyncio.current_task(self._loop) is not None:
            self._task.cancel()
        else:
            self._forget_arrival()
            self._run(self._coroutine.throw, asyncio.CancelledError())

    def end(self) -> None:
        """The connection is over: cancel the handler and let the task end."""
        self._closed = True
        self.cancel()
        self._unpark()

    def resume(self, arrival: Arrival[Any]) -> None:
        """Go on now that the arrival is here."""
        if self._waiting is not arrival or self._coroutine is None:
            return
        if asyncio.current_task(self._loop) is not None:
            self._loop.call_soon(self.resume, arrival)
            return
        self._waiting = None
        self._run(self._coroutine.send, None)

    # -- stepping outside the task's own steps ------------------------------------------------------------------

    def _begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        if self._coroutine is coroutine:  # not cancelled meanwhile
            self._run(coroutine.send, None)

    def _run(self, step: Callable[[Any], Any], argument: Any) -> None:
        loop = self._loop
        task = cast("asyncio.Task[None]", self._task)
        self._running = True
        try:
            while True:
                _enter_task(loop, task)
                try:
                    yielded = self._context.run(step, argument)
                except StopIteration as stop:
                    failure, result = None, stop.value
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 the owner hears of it
                    failure, result = error, None
                else:
                    if type(yielded) is Arrival:
                        self._wait_for(yielded)
                    else:
                        self._hosted = True
                        self._handover = (yielded,)
                        self._unpark()
                    return
                finally:
                    _leave_task(loop, task)
                self._finish(failure, result)
                coroutine = self._coroutine
                if coroutine is None:
                    return
                step, argument = coroutine.send, None
        finally:
            self._running = False

    def _finish(self, failure: BaseException | None, result: Any) -> None:
        self._coroutine = None
        if failure is None:
            self._owner.handled(result)
        elif isinstance(failure, Exception):
            self._owner.handler_failed(failure)
        elif self._cancelling or cast("asyncio.Task[None]", self._task).cancelling():
            self._owner.handler_cancelled()
        else:
            # Nobody cancelled the handler: it awaited something that was cancelled.
            self._owner.handler_failed(RuntimeError("a handler awaited something that was cancelled"))

    def _wait_for(self, arrival: Arrival[Any]) -> None:
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
        if self._hosted and self._coroutine is not None:
            return self._hosted_step(self._coroutine.send, value)
        return self._park()

    def throw(self, *exc_info: Any) -> Any:
        error = exc_info[0] if len(exc_info) == 1 else exc_info[1]
        if self._handover is not None:
            # The task had not begun to wait for it, so its own `cancel` did not reach it.
            pending, self._handover = self._handover[0], None
            if isinstance(pending, asyncio.Future):
                pending.cancel()
        if self._coroutine is None:
            # Somebody cancels every task: the loop is ending.
            self._closed = True
            self._owner.handler_cancelled()
            raise error
        self._forget_arrival()
        return self._hosted_step(self._coroutine.throw, error)

    def _hosted_step(self, step: Callable[[Any], Any], argument: Any) -> Any:
        self._running = True
        self._hosted = True
        try:
            while True:
                try:
                    yielded = self._context.run(step, argument)
                except StopIteration as stop:
                    failure, result = None, stop.value
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 the owner hears of it
                    failure, result = error, None
                else:
                    if type(yielded) is Arrival:
                        self._hosted = False
                        self._wait_for(yielded)
                        return self._park()
                    return yielded
                self._finish(failure, result)
                coroutine = self._coroutine
                if coroutine is None:
                    self._hosted = False
                    return self._park()
                step, argument = coroutine.send, None
        finally:
            self._running = False

    def _park(self) -> asyncio.Future[None]:
        if self._closed and self._coroutine is None:
            raise StopIteration
        self._parked = self._loop.create_future()
        self._parked._asyncio_future_blocking = True  # noqa: SLF001 as `await` does
        return self._parked

    def close(self) -> None:
        self._closed = True
        if self._coroutine is not None:
            self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise TypeError("a turn is driven by its own task")
