"""One client's connection: requests are read as they come, handled one at a time, answered in order.

`RequestReader` fills the queue, a `Turn` drives the handler, `ResponseWriter` sends what it returns. Here is what they
share: whose turn it is, what becomes of errors, and how a connection ends.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from entryway.http.body import EMPTY, Body
from entryway.http.errors import AnswerTimedOut, ClientGone, HttpError, RequestTimedOut
from entryway.http.headers import Headers
from entryway.http.messages import Peer, Request, Response
from entryway.http.request_reader import NEVER, RequestReader
from entryway.http.response_writer import DRAINED_FOR_KEEP_ALIVE, ResponseWriter
from entryway.http.splice import RawStream
from entryway.http.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

    from entryway.http.limits import Limits
    from entryway.http.server import Server

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 1024 * 1024
_ABORT = struct.pack("ii", 1, 0)


class ServerConnection:
    """Takes turns. Its deadlines are kept by the server's sweep."""

    __slots__ = (
        "_answered_eof",
        "_current",
        "_lingering",
        "_moved",
        "_queue",
        "_quiet_since",
        "_received",
        "_refusal",
        "_turn",
        "_unread",
        "closed",
        "closing",
        "loop",
        "on_state",
        "peer",
        "reader",
        "scheme",
        "server",
        "total_deadline",
        "transport",
        "write_deadline",
        "writer",
    )

    def __init__(self, server: Server) -> None:
        self.server = server
        self.loop = server.loop
        self.transport: asyncio.Transport
        self.peer = Peer("", 0)
        self.scheme = "http"
        self.on_state: Any = None
        self.closed = False
        self.closing = False
        """Whether the connection ends after the answer that is being given."""
        self._queue: deque[Request] = deque()
        self.reader = RequestReader(self, self._queue)
        self.writer = ResponseWriter(self)
        self._turn = Turn(self.loop, self)
        self._current: Request | None = None
        self._refusal: HttpError | None = None
        self._lingering = False
        self._received = 0
        self._moved = (0, 0)
        self._quiet_since = 0.0
        self._unread = False
        self._answered_eof = False
        self.write_deadline = NEVER
        self.total_deadline = NEVER

    @property
    def limits(self) -> Limits:
        """The server's limits, which may be replaced while it runs."""
        return self.server.limits

    @property
    def answering(self) -> Request | None:
        """The request that is being handled or answered, until the last byte of its answer is on its way."""
        return None if self.closed else self._current

    # -- what the event loop calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.peer = _peer(transport)
        if transport.get_extra_info("ssl_object") is not None:
            self.scheme = "https"
        self.server.opened(self)
        self.reader.deadline = self.loop.time() + self.limits.header_timeout

    def data_received(self, data: bytes) -> None:
        self._received += 1
        reader = self.reader
        if reader.held is not None:
            reader.held.add(data)
        elif self._lingering or reader.last:
            self._discard(data)
        else:
            reader.read(data)
            if self._queue and self._current is None:
                self._next()

    def eof_received(self) -> bool:
        if self._current is None:
            return False
        if self.limits.half_closed_clients and self.reader.incoming is None and self.transport.can_write_eof():
            self._answered_eof = True
            self.closing = True
            return True
        # Nobody waits for this answer any more, and the upstream should not work for nobody.
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone(exc)

    def pause_writing(self) -> None:
        self.write_deadline = self.loop.time() + self.limits.write_timeout
        self.writer.block()

    def resume_writing(self) -> None:
        self.write_deadline = NEVER
        self.writer.unblock()

    # -- whose turn it is ---------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Handle the next request, or go idle."""
        reader = self.reader
        queue = self._queue
        # The rest of the last request's body may be in what is held back.
        if reader.held is not None and (not queue or (len(queue) == 1 and queue[-1].upgrade is None)):
            reader.read_held()
            if self._current is not None:  # it came to a refusal, which is being answered
                return
        if queue:
            self._begin(queue.popleft())
        elif self._refusal is not None:
            self._answer_refusal()
        elif reader.incoming is None and not reader.head_arriving:
            reader.deadline = self.loop.time() + self.server.limits.idle_timeout
            if self.on_state is not None:
                self.on_state("idle")

    def _begin(self, request: Request) -> None:
        reader = self.reader
        if reader.incoming is None and not reader.head_arriving:
            reader.deadline = NEVER
        self._current = request
        self.writer.started = False
        server = self.server
        if server.limits.total_timeout is not None:
            self.total_deadline = self.loop.time() + server.limits.total_timeout
        if self.on_state is not None:
            self.on_state("busy")
        try:
            coroutine = server.handler(request)
        except Exception as error:  # noqa: BLE001 a handler that is no coroutine function may raise at once
            self._fail(request, error)
            return
        if not hasattr(coroutine, "send"):  # a coroutine has it, compiled or not; other awaitables need not
            coroutine = _awaiting(coroutine)
        self._turn.start(cast("Coroutine[Any, Any, Response]", coroutine))

    def answered(self) -> None:
        """The answer is out: go on to what comes next."""
        request = self._current
        if request is None or self.closed:
            return
        self.total_deadline = NEVER
        if self.closing:
            self._close_gently()
            return
        body = request.body
        reader = self.reader
        if body is EMPTY or body.complete or reader.incoming is not body:
            self._current = None
            self._next()
        elif body.length is None or reader.left > DRAINED_FOR_KEEP_ALIVE or reader.expects_continue is request:
            self._close_gently()
        else:
            # The rest of the request is short; `request_is_here` goes on when it is.
            body.abandon()
            reader.expect_more()

    def request_is_here(self) -> None:
        """A request's body came to its end; its answer may have done so before."""
        if self._current is not None and self.writer.started and self.writer.flowing is None:
            self.loop.call_soon(self.answered)

    # -- what becomes of a handler (a TurnOwner) ----------------------------------------------------------------

    def handled(self, result: Any) -> None:
        request = self._current
        if request is None or self.closed:
            if isinstance(result, Response):
                _drop(result)
            return
        if not isinstance(result, Response):
            self.handler_failed(TypeError("a handler returns a Response"))
            return
        try:
            self.writer.respond(request, result)
        except Exception as error:  # noqa: BLE001 whatever is wrong with this response must not end the process
            _drop(result)
            self._fail(request, error)

    def handler_failed(self, error: Exception) -> None:
        request = self._current
        if request is not None and not self.closed:
            self._fail(request, error)

    def handler_cancelled(self) -> None:
        """The handler was cancelled by somebody else than this connection: there will be no answer."""
        if not self.closed and self._current is not None and not self.writer.started:
            self.abort()

    def may_continue(self, request: Request) -> bool:
        """Whether the client still waits for a word before it sends the request's body."""
        return request is self._current and not self.writer.started

    def write_interim(self, request: Request, status: int, headers: Headers) -> None:
        """Send a 1xx response ahead of the answer."""
        if request is self._current and not self.closed:
            self.writer.write_interim(status, headers)

    # -- what becomes of a response's body (a Sender) -----------------------------------------------------------

    def body_sent(self) -> None:
        self.writer.flowing = None
        self.answered()

    def body_failed(self, error: Exception) -> None:
        """The response cannot be completed, and the client must see that."""
        self.server.report(error)
        self.abort()

    def become_raw(self, other: RawStream) -> None:
        """From here on the client and `other` speak another protocol, and nothing here understands it."""
        held, self.reader.held = self.reader.held, None
        raw = RawStream(self.transport, held.release() if held is not None else b"")
        raw.start_idle_clock(self.loop)
        self.transport.set_protocol(raw)
        self.closed = True
        self._current = None
        self.server.upgraded(self, raw)
        self._turn.end()
        raw.splice(other)

    # -- errors -------------------------------------------------------------------------------------------------

    def refuse(self, error: HttpError) -> None:
        """Answer nothing more than this on this connection, in its turn."""
        body = self.reader.stop()
        self._unread = True
        current = self._current
        if body is not None and current is not None and current.body is body:
            self.closing = True
            if self.writer.started:
                self.abort()
            body.fail(error)  # whoever consumes it may now answer with the same error
            if current is self._current and not self.writer.started:
                self._fail(current, error)
            self._turn.cancel()
            return
        if body is not None:
            body.fail(error)
            self._queue.pop()
        self._refusal = error
        if current is None and not self._queue:
            self._answer_refusal()

    def _answer_refusal(self) -> None:
        error, self._refusal = self._refusal, None
        if error is None or self.closed:
            return
        self._current = Request("GET", "/", Headers(), EMPTY, self.peer, self.scheme, keep_alive=False)
        self.writer.started = False
        self.closing = True
        self._fail(None, error)

    def _fail(self, request: Request | None, error: Exception) -> None:
        """Answer a request that failed, once; an answer that has begun cannot be taken back."""
        if self.closed:
            return
        if self.writer.started:
            self.abort()
            return
        stand_in = request or cast("Request", self._current)
        try:
            self.writer.respond(stand_in, self.server.on_error(request, error))
        except Exception as second:  # noqa: BLE001 a broken renderer must not leave the client waiting
            self.server.report(second)
            if self._has_begun():
                self.abort()
                return
            self.closing = True
            self.writer.respond(stand_in, Response(500))

    def _has_begun(self) -> bool:
        return self.writer.started

    # -- time-outs ----------------------------------------------------------------------------------------------

    def check_deadlines(self, now: float) -> None:
        """Called by the server's sweep: end what takes too long."""
        if now >= self.reader.deadline or now >= self.reader.complete_by:
            self.reader.deadline = self.reader.complete_by = NEVER
            self._reading_took_too_long()
        if now >= self.write_deadline:
            self.write_deadline = NEVER
            self.abort()
        if now >= self.total_deadline:
            self.total_deadline = NEVER
            self._answering_took_too_long()
        inactivity_timeout = self.limits.inactivity_timeout
        if inactivity_timeout is not None:
            self._check_activity(now, inactivity_timeout)

    def _check_activity(self, now: float, timeout: float) -> None:
        way_out = self.writer.way_out
        moved = (self._received, 0 if way_out is None else way_out.pieces)
        if moved != self._moved or self._current is None:
            self._moved, self._quiet_since = moved, now
        elif now - self._quiet_since >= timeout:
            self.abort()

    def _reading_took_too_long(self) -> None:
        if self._lingering:
            self.transport.close()
        elif not self.reader.between_requests:
            self.refuse(RequestTimedOut())
        elif self._current is None:
            self.transport.close()

    def _answering_took_too_long(self) -> None:
        if self._current is None:
            return
        if self.writer.started:
            self.abort()
            return
        self.closing = True
        self._fail(self._current, AnswerTimedOut() if self._current.body.complete else RequestTimedOut())
        self._turn.cancel()

    # -- ending -------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Answer at most one more request, and say so with it."""
        self.closing = True

    def drain(self) -> None:
        """Close as soon as the requests that are here have been answered."""
        self.closing = True
        if self._current is None and not self._queue and not self.reader.head_arriving:
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection off so that the client cannot take what it has for the whole."""
        if self.closed:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None and self.writer.started:
            # RST instead of FIN: the only visible sign when the end of the connection is the end of the body.
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.transport.abort()
        self._gone(None)  # at once: a transport that was cut off takes no more writes

    def _close_gently(self) -> None:
        """Close so that the client can read the answer first, even when it is still sending."""
        request = self._current
        reader = self.reader
        unread = self._unread or reader.incoming is not None or (request is not None and not request.body.complete)
        self._current = None
        if self._answered_eof or not unread:
            self.transport.close()
            return
        # RFC 9112 §9.6: half-close, then read on for a while.
        body, reader.incoming = reader.incoming, None
        if body is not None:
            body.abandon()
        reader.resume_reading()
        reader.held = None
        reader.incoming_size = 0
        self._lingering = True
        reader.deadline = self.loop.time() + _LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _discard(self, data: bytes) -> None:
        """Bytes after the last request that is answered here."""
        self._unread = True
        self.reader.incoming_size += len(data)
        if self.reader.incoming_size > _LINGER_BYTES:
            self.abort()

    def _gone(self, exc: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        self.reader.deadline = self.reader.complete_by = self.write_deadline = self.total_deadline = NEVER
        self.server.gone(self)
        error = ClientGone(str(exc) if exc is not None else "")
        body, self.reader.incoming = self.reader.incoming, None
        if body is not None:
            body.fail(error)
        flowing, self.writer.flowing = self.writer.flowing, None
        if flowing is not None:
            flowing.abandon()
        self._queue.clear()
        self.reader.held = None
        self._turn.end()
        self._current = None
        if self.on_state is not None:
            self.on_state("closed")


def _peer(transport: asyncio.BaseTransport) -> Peer:
    address = transport.get_extra_info("peername")
    host, port = (address[0], address[1]) if isinstance(address, tuple) else ("", 0)
    tls = transport.get_extra_info("ssl_object")
    return Peer(host, port, tls.getpeercert(binary_form=True) if tls is not None else None)


def _drop(response: Response) -> None:
    """Let go of a response that nobody will see."""
    if isinstance(response.body, Body):
        response.body.abandon()
    if response.upgrade is not None:
        response.upgrade.abort()


async def _awaiting(awaitable: Awaitable[Response]) -> Response:
    return await awaitable
