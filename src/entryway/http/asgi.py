"""A `Handler` as an ASGI application, for Granian, uvicorn, and everything that mounts ASGI.

HTTP is complete: bodies stream both ways with backpressure, a client that goes away cancels the handler (and with it
the upstream's request), as does one that takes too long (`asgi_deadlines`), and a body that breaks off ends in an
exception, on which servers cut the client off. Trailers
and 1xx responses do not cross, because ASGI has no place for them that servers implement. WebSockets cross as messages
(`asgi_websocket`); who is refused gets the handler's answer where the server knows denial responses, and 403 (ASGI's
answer to a close before accept) where it does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from entryway.http.asgi_deadlines import Deadlines, Watched
from entryway.http.asgi_request import Receive, Scope, Send, check_framing, check_hosts, check_size, read_request
from entryway.http.body import EMPTY, Body
from entryway.http.errors import BodyIncomplete, ClientGone, MalformedRequest
from entryway.http.headers import Headers, end_to_end
from entryway.http.limits import Limits
from entryway.http.messages import ErrorRenderer, Handler, Request, Response
from entryway.http.server import plain_error

Lifespan = Callable[[], AbstractAsyncContextManager[None]]

LISTEN_SECONDS = 0.1
"""A task that listens for the end of the client costs more than most requests, which are over by then."""
_NO_BODY = frozenset({204, 304})


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


class AsgiApplication:
    """Serves `handler`; `lifespan` is entered at startup and left at shutdown.

    Of `limits` it keeps what not every server does: the size of a head, `request_timeout` and `inactivity_timeout`.
    """

    def __init__(
        self,
        handler: Handler,
        on_error: ErrorRenderer | None = None,
        lifespan: Lifespan | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._handler = handler
        self._on_error = on_error or plain_error
        self._lifespan = lifespan or _nothing
        self._limits = limits or Limits()
        self._deadlines = Deadlines(self._limits)
        self._unheard: set[_Incoming] = set()
        self._listening: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            raise ValueError(f"an ASGI scope that we do not know: {scope['type']}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        handling = cast("asyncio.Task[Any]", asyncio.current_task())
        incoming = _Incoming(receive, handling)
        request = read_request(scope, incoming)
        incoming.body = request.body
        watched = incoming.watched = self._deadlines.watch(handling, request.body)
        if request.body is EMPTY:
            self._listen_later(incoming)
        response: Response | None = None
        try:
            try:
                self._check(scope)
                response = await self._handler(request)
            except Exception as error:  # noqa: BLE001 rendered in one place
                request.keep_alive = request.keep_alive and not isinstance(error, MalformedRequest)
                response = self._on_error(request, error)
            if response.upgrade is not None:
                response.upgrade.abort()
                response = _unsupported()
            await _send_response(request, response, send, watched, scope)
        except asyncio.CancelledError:
            if not incoming.gone and watched.overdue is None:
                raise
            handling.uncancel()
            if watched.overdue is not None:
                if response is not None:
                    raise watched.overdue from None  # the answer has begun: the server cuts it off
                request.keep_alive = False  # otherwise a server waits for the rest of a body that may never come
                overdue = self._on_error(request, watched.overdue)
                await _send_response(request, overdue, send, watched, scope)
        finally:
            self._deadlines.forget(watched)
            self._unheard.discard(incoming)
            if incoming.reading is not None:
                await incoming.end(incoming.reading)
            if response is not None and isinstance(response.body, Body):
                response.body.abandon()

    def _check(self, scope: Scope) -> None:
        check_hosts(scope)
        check_framing(scope)
        check_size(scope, self._limits)

    def _listen_later(self, incoming: _Incoming) -> None:
        """Listen for the end of a client that has sent everything, if its request takes longer than most."""
        self._unheard.add(incoming)
        if self._listening is None:
            self._listening = asyncio.get_running_loop().call_later(LISTEN_SECONDS, self._listen)

    def _listen(self) -> None:
        self._listening = None
        unheard, self._unheard = self._unheard, set()
        for incoming in unheard:
            incoming.wanted()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Whoever does without web sockets need not hold the protocol in memory.
        from entryway.http.asgi_websocket import Crossing, begin_handshake, finish_handshake  # noqa: PLC0415

        await receive()  # websocket.connect
        request = read_request(scope, None)
        protocol = begin_handshake(request, scope)
        response: Response | None = None
        try:
            self._check(scope)
            response = await self._handler(request)
            headers = None if response.upgrade is None else finish_handshake(protocol, response)
        except Exception as error:  # noqa: BLE001 rendered in one place
            if response is not None and response.upgrade is not None:
                response.upgrade.abort()
            response, headers = self._on_error(request, error), None
        if response.upgrade is None or headers is None:
            await _deny_websocket(scope, response, send)
            return
        try:
            accepted = {"type": "websocket.accept", "subprotocol": protocol.subprotocol, "headers": headers.raw}
            await send(accepted)
            await Crossing(protocol, response.upgrade, receive, send).run()
        finally:
            response.upgrade.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        lifespan = self._lifespan()
        try:
            await lifespan.__aenter__()
        except Exception as error:  # noqa: BLE001 the server reports it
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        try:
            await lifespan.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001 as above
            await send({"type": "lifespan.shutdown.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})


class _Incoming:
    """Reads ASGI's events: feeds the request's body when it is wanted, and notices that the client went away."""

    def __init__(self, receive: Receive, handling: asyncio.Task[Any]) -> None:
        self.gone = False
        self.body: Body = EMPTY
        self.reading: asyncio.Task[None] | None = None
        self.watched: Watched | None = None
        self._receive = receive
        self._handling = handling
        self._clock = handling.get_loop().time
        self._flowing: asyncio.Event | None = None
        """Made when the body's consumer has had to slow the client down."""

    @staticmethod
    async def end(reading: asyncio.Task[None]) -> None:
        reading.cancel()
        await asyncio.wait([reading])

    # the body's producer (a Source)

    def wanted(self) -> None:
        if self.reading is None:
            self.reading = asyncio.get_running_loop().create_task(self._read())

    def pause_reading(self) -> None:
        if self._flowing is None:
            self._flowing = asyncio.Event()
        self._flowing.clear()

    def resume_reading(self) -> None:
        if self._flowing is not None:
            self._flowing.set()

    def abandon(self) -> None:
        self.resume_reading()

    async def _read(self) -> None:
        body = self.body
        more = True
        while True:
            event = await self._receive()
            if self.watched is not None:
                self.watched.moved = self._clock()
            if event["type"] == "http.disconnect":
                self.gone = True
                body.fail(ClientGone())
                self._handling.cancel()
                return
            data = event.get("body", b"")
            if data and body.error is None:
                body.feed(bytes(data))
                if self._flowing is not None:
                    await self._flowing.wait()
            if more and not event.get("more_body", False):
                more = False
                if not body.complete and body.error is None:
                    body.end()


async def _send_response(request: Request, response: Response, send: Send, watched: Watched, scope: Scope) -> None:
    body = response.body
    length = body.length if isinstance(body, Body) else len(body)
    headers = end_to_end(response.headers).without({b"content-length"}).raw
    bodiless = request.method == "HEAD" or response.status in _NO_BODY
    if length is not None and response.status != 204 and not (response.status == 304 and length == 0):
        headers.append((b"content-length", b"%d" % length))
    version = scope.get("http_version", "1.1")
    if not request.keep_alive and version.startswith("1"):
        headers.append((b"connection", b"close"))
    elif version == "1.1":
        headers.append((b"connection", b"keep-alive"))  # for those who look for it; HTTP/2 has no such header
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if bodiless:
        await send({"type": "http.response.body", "body": b""})
        return
    if isinstance(body, Body):
        sent, clock = 0, watched.handling.get_loop().time
        async for chunk in body:
            sent += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            watched.moved = clock()
        if length is not None and sent != length:
            raise BodyIncomplete("the response body is not as long as declared")
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _deny_websocket(scope: Scope, response: Response, send: Send) -> None:
    body = response.body
    try:
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close"})
            return
        # In one piece: more than one is not something that servers agree about here.
        whole = b"".join([chunk async for chunk in body]) if isinstance(body, Body) else body
        headers = end_to_end(response.headers).without({b"content-length"}).raw
        headers += [(b"content-length", b"%d" % len(whole)), (b"connection", b"close")]
        await send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": whole})
    finally:
        if isinstance(body, Body):
            body.abandon()


def _unsupported() -> Response:
    headers = Headers([(b"content-type", b"text/plain"), (b"entryway-error", b"websocket_unsupported")])
    return Response(501, headers, b"the server in front does not hand on web sockets")
