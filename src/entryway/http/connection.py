"""One client's connection: requests are read as they come, handled one at a time, answered in order.

`RequestReader` fills the queue, a `Turn` drives the handler, `ResponseWriter` sends what it returns. `Refusals` answer
what is no request, `ClientDeadlines` end what takes too long, `Farewell` closes. Here is what they share: whose turn it
is, and what becomes of errors.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from entryway.http.body import EMPTY
from entryway.http.client_deadlines import ClientDeadlines
from entryway.http.farewell import Farewell
from entryway.http.messages import Peer, Request, Response
from entryway.http.protocols import peer_of
from entryway.http.refusals import Refusals
from entryway.http.request_parser import NEVER
from entryway.http.request_reader import RequestReader
from entryway.http.response_writer import DRAINED_FOR_KEEP_ALIVE, ResponseWriter
from entryway.http.splice import RawStream
from entryway.http.turn import Turn

if TYPE_CHECKING:
    from entryway.http.body import Body
    from entryway.http.headers import Headers
    from entryway.http.limits import Limits
    from entryway.http.server import Server


class ServerConnection:
    """Takes turns."""

    __slots__ = (
        "closed",
        "closing",
        "current",
        "deadlines",
        "farewell",
        "loop",
        "on_state",
        "peer",
        "queue",
        "reader",
        "refusals",
        "scheme",
        "server",
        "transport",
        "turn",
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
        self.queue: deque[Request] = deque()
        """Requests that wait for their turn."""
        self.current: Request | None = None
        """The request that is being handled or answered."""
        self.reader = RequestReader(self, self.queue)
        self.writer = ResponseWriter(self)
        self.turn = Turn(self.loop, self)
        self.deadlines = ClientDeadlines(self)
        self.refusals = Refusals(self)
        self.farewell = Farewell(self)

    @property
    def limits(self) -> Limits:
        """The server's limits, which may be replaced while it runs."""
        return self.server.limits

    @property
    def answering(self) -> Request | None:
        """The request that is being handled or answered, until the last byte of its answer is on its way."""
        return None if self.closed else self.current

    @property
    def owes_a_request(self) -> bool:
        """Whether no request is here whole: it has not begun, or its head or body is still on its way."""
        return not self.closed and (self.current is None or self.reader.incoming is not None)

    # -- what the event loop calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.peer = peer_of(transport)
        if transport.get_extra_info("ssl_object") is not None:
            self.scheme = "https"
        self.server.opened(self)
        self.reader.deadline = self.loop.time() + self.limits.header_timeout

    def data_received(self, data: bytes) -> None:
        self.deadlines.received += 1
        reader = self.reader
        if reader.held is not None:
            reader.held.add(data)
        elif reader.last:
            self.farewell.discard(data)
        else:
            reader.read(data)
            if self.queue and self.current is None:
                self._next()

    def eof_received(self) -> bool:
        if self.current is None:
            return False
        if self.limits.half_closed_clients and self.reader.incoming is None and self.transport.can_write_eof():
            self.farewell.answered_eof = True
            self.closing = True
            return True
        # Nobody waits for this answer any more, and the upstream should not work for nobody.
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.farewell.gone(exc)

    def pause_writing(self) -> None:
        self.deadlines.write = self.loop.time() + self.limits.write_timeout
        self.writer.block()

    def resume_writing(self) -> None:
        self.deadlines.write = NEVER
        self.writer.unblock()
        if self.queue and self.current is None and not self.closed:
            self._next()

    # -- whose turn it is ---------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Handle the next request, or go idle."""
        reader = self.reader
        queue = self.queue
        # The rest of the last request's body may be in what is held back.
        if reader.held is not None and (not queue or (len(queue) == 1 and queue[-1].upgrade is None)):
            reader.read_held()
            if self.current is not None:  # it came to a refusal, which is being answered
                return
        if queue:
            # Answers that nobody reads would pile up; `resume_writing` goes on.
            if not self.writer.blocked:
                self._begin(queue.popleft())
        elif self.refusals.waiting is not None:
            self.refusals.answer()
        elif reader.incoming is None and not reader.head_arriving:
            reader.deadline = self.loop.time() + self.server.limits.idle_timeout
            if self.on_state is not None:
                self.on_state("idle")

    def _begin(self, request: Request) -> None:
        reader = self.reader
        if reader.incoming is None and not reader.head_arriving:
            reader.deadline = NEVER
        self.current = request
        self.writer.started = False
        server = self.server
        if server.limits.total_timeout is not None:
            self.deadlines.total = self.loop.time() + server.limits.total_timeout
        if self.on_state is not None:
            self.on_state("busy")
        try:
            handling = server.handler(request)
        except Exception as error:  # noqa: BLE001 a handler that is no coroutine function may raise at once
            self.fail(request, error)
            return
        self.turn.start(handling)

    def answered(self) -> None:
        """The answer is out: go on to what comes next."""
        request = self.current
        if request is None or self.closed:
            return
        self.deadlines.total = NEVER
        if self.closing:
            self.farewell.close()
            return
        body = request.body
        reader = self.reader
        if body is EMPTY or body.complete or reader.incoming is not body:
            self.current = None
            self._next()
        elif body.length is None or reader.left > DRAINED_FOR_KEEP_ALIVE or reader.expects_continue is request:
            self.farewell.close()
        else:
            # The rest of the request is short; `request_is_here` goes on when it is.
            body.abandon()
            reader.expect_more()

    def request_is_here(self, body: Body) -> None:
        """A request's body came to its end; its answer may have done so before."""
        request = self.current
        # Requests behind it may be here whole in the same step: each ends nothing but itself.
        if request is not None and request.body is body and self.writer.started and self.writer.flowing is None:
            self.loop.call_soon(self._go_on_after, request)

    def _go_on_after(self, request: Request) -> None:
        if self.current is request:
            self.answered()

    # -- what becomes of a handler ------------------------------------------------------------------------------

    def handled(self, result: Any) -> None:
        request = self.current
        if request is None or self.closed:
            if isinstance(result, Response):
                result.abandon()
            return
        if not isinstance(result, Response):
            self.handler_failed(TypeError("a handler returns a Response"))
            return
        try:
            self.writer.respond(request, result)
        except Exception as error:  # noqa: BLE001 whatever is wrong with this response must not end the process
            result.abandon()
            self.fail(request, error)

    def handler_failed(self, error: Exception) -> None:
        request = self.current
        if request is not None and not self.closed:
            self.fail(request, error)

    def handler_cancelled(self) -> None:
        """The handler was cancelled by somebody else than this connection: there will be no answer."""
        if not self.closed and self.current is not None and not self.writer.started:
            self.abort()

    def may_continue(self, request: Request) -> bool:
        """Whether the client still waits for a word before it sends the request's body."""
        return request is self.current and not self.writer.started

    def write_interim(self, request: Request, status: int, headers: Headers) -> None:
        """Send a 1xx response ahead of the answer."""
        if request is self.current and not self.closed:
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
        self.current = None
        self.server.upgraded(self, raw)
        self.turn.end()
        raw.splice(other)

    def fail(self, request: Request | None, error: Exception) -> None:
        """Answer a request that failed, once; an answer that has begun cannot be taken back."""
        if self.closed:
            return
        if self.writer.started:
            self.abort()
            return
        stand_in = request or cast("Request", self.current)
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

    # -- ending -------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Answer at most one more request, and say so with it."""
        self.closing = True

    def drain(self) -> None:
        """Close as soon as the requests that are here have been answered."""
        self.closing = True
        if self.current is None and not self.queue and not self.reader.head_arriving:
            self.server.outbox.flush()
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection off so that the client cannot take what it has for the whole."""
        if not self.closed:
            self.farewell.cut_off()
