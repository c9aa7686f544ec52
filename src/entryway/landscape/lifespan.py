"""One ASGI application's lifespan, driven from outside: start it, keep it, end it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from entryway.errors import EntrywayError
from entryway.telemetry import get_logger

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

REASON_SECONDS = 1.0

log = get_logger(__name__)


class StartupFailed(EntrywayError):
    """A service could not start."""

    code = "startup_failed"
    title = "A service could not start"


class Lifespan:
    """The lifespan of one application; `state` is what it wants every request to find."""

    def __init__(self, name: str, app: AsgiApp) -> None:
        self.name = name
        self.state: dict[str, Any] = {}
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the application's start, or raise with its reason."""
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        self._task = asyncio.ensure_future(self._run(scope))
        await self._say("lifespan.startup")

    async def stop(self) -> None:
        """Run the application's end, or raise with its reason."""
        if self._task is None or self._task.done():
            return
        await self._say("lifespan.shutdown")
        await self._task

    async def _run(self, scope: Scope) -> None:
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _say(self, event: str) -> None:
        assert self._task is not None  # noqa: S101 - start() has made it
        await self._to_app.put({"type": event})
        answer = asyncio.ensure_future(self._from_app.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and answer.result()["type"] == f"{event}.complete":
            return
        answer.cancel()
        # A framework says what went wrong in a message, with a traceback in it, and then raises it.
        await asyncio.wait({self._task}, timeout=REASON_SECONDS)
        error = self._task.exception() if self._task.done() and not self._task.cancelled() else None
        message = answer.result().get("message") if answer.done() and not answer.cancelled() else None
        reason = str(error) if error else message or "it gave no reason"
        if error is not None and not isinstance(error, EntrywayError):
            log.error("service_failed", service=self.name, during=event, exc_info=error)
            reason = f"{type(error).__name__}: {reason}"
        raise StartupFailed(f"{self.name}: {reason}") from error
