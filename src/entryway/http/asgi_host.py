"""The engine as a server for ASGI applications of every kind: bodies stream both ways, and web sockets are there.

What other servers decide before or after an application is decided here as for any handler: framing, limits,
keep-alive, the head of an answer. `hosted_asgi` is for services, whose answers are small: it collects them, and needs
no task.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from entryway.http.body import Body
from entryway.http.errors import BodyIncomplete
from entryway.http.hosted_asgi import RequestEvents, headers_of, scope_of
from entryway.http.hosted_websocket import HostedWebSocket, is_handshake
from entryway.http.messages import Request, Response
from entryway.http.target import parse_target
from entryway.http.task_source import TaskSource

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from entryway.http.asgi_request import Event, Scope
    from entryway.http.hosted_asgi import AsgiApp

_log = logging.getLogger("entryway.http")
_NO_BODY = frozenset({204, 304})


class AsgiHost:
    """Serves `app`, whose lifespan is somebody else's business; `server` is where it listens."""

    def __init__(self, app: AsgiApp, server: tuple[str, int] = ("", 0)) -> None:
        self.server = server
        self._app = app
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()
        scope = self._scope(request)
        running: Coroutine[None, None, None]
        if is_handshake(request):
            running = HostedWebSocket(request, answer).run(self._app, scope)
        else:
            running = _Exchange(request, answer).run(self._app, scope)
        task = loop.create_task(running)
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not answer.done():
                answer.set_exception(RuntimeError("the application was cancelled"))

        task.add_done_callback(ended)
        try:
            return await answer
        except asyncio.CancelledError:
            task.cancel()  # the client is gone
            raise

    async def close(self) -> None:
        """End what applications still do; their clients have gone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _scope(self, request: Request) -> Scope:
        scope = scope_of(request, parse_target(request.method, request.target), self.server)
        # Targets that are no path reach those who look: an application may have to refuse them.
        scope["raw_path"] = request.target.partition("?")[0].encode("ascii")
        return scope


class _Exchange(RequestEvents):
    """One request, and its answer as it comes."""

    def __init__(self, request: Request, answer: asyncio.Future[Response]) -> None:
        super().__init__(request)
        self._request = request
        self._answer = answer
        self._start: Event | None = None
        self._body: Body | None = None
        self._source = TaskSource()

    async def run(self, app: AsgiApp, scope: Scope) -> None:
        """Let the application answer."""
        self._source.task = asyncio.current_task()
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 whoever waits for the answer hears of it
            self._end(error)
        else:
            self._end(None)

    async def send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self._start = event
            return
        if event["type"] != "http.response.body":
            raise ValueError(f"an ASGI event that we do not know: {event['type']}")
        data, more = bytes(event.get("body", b"")), event.get("more_body", False)
        body = self._body
        if body is None:
            body = self._begin(data, more=more)
        elif data and body.error is None:
            body.feed(data)
        if not more and not body.complete and body.error is None:
            body.end()
        if more:
            await self._source.give_way()

    def _begin(self, data: bytes, *, more: bool) -> Body:
        if self._start is None:
            raise ValueError("a body without http.response.start")
        status, headers = self._start["status"], headers_of(self._start.get("headers", ()))
        if b"close" in headers.tokens(b"connection"):
            self._request.keep_alive = False
        declared = headers.get(b"content-length")
        length = int(declared) if declared is not None else None
        if self._request.method == "HEAD" or status in _NO_BODY:
            # Nobody takes what may follow, and the application may go on all the same.
            body = Body(0 if length is None and not more else length)
        elif more:
            body = Body(length, self._source)
            if data:
                body.feed(data)
        else:
            body = Body.of(data)
        self._body = body
        if not self._answer.done():
            self._answer.set_result(Response(status, headers, body))
        return body

    def _end(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(error or RuntimeError("the application has not answered"))
            return
        if self._body is not None and not self._body.complete:
            self._body.fail(error or BodyIncomplete("the application has not finished its answer"))
        elif error is not None:
            _log.error("application_failed", exc_info=error)  # it had answered
