"""One connection to an upstream: the client's half of HTTP/1.1, one exchange at a time."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, cast

from entryway.errors import UpstreamError, UpstreamTimeout
from entryway.http.arrival import Arrival
from entryway.http.body import Body
from entryway.http.body_writer import BodyWriter
from entryway.http.limits import PoolLimits
from entryway.http.messages import OutgoingRequest, Peer, Response
from entryway.http.outbox import Outbox, outbox_of
from entryway.http.patience import NEVER, Patience
from entryway.http.protocols import peer_of
from entryway.http.repeating import NoAnswer, repeatable
from entryway.http.request_writer import head_of
from entryway.http.response_reader import ResponseReader
from entryway.http.splice import RawStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from entryway.http.pool import Pool

DEFAULT_LIMITS = PoolLimits()


class UpstreamConnection:
    """A connection that requests are sent on. `Pool` owns it; `ConnectionSource.connect` makes it.

    `on_closed` is called once, when it is gone or has been upgraded away.
    """

    __slots__ = (
        "_arrival",
        "_asked",
        "_loop",
        "_outbox",
        "_patience",
        "_paused",
        "_reader",
        "_sending",
        "closed",
        "idle_since",
        "label",
        "limits",
        "on_closed",
        "on_open",
        "peer",
        "pool",
        "reused",
        "transport",
    )

    def __init__(
        self,
        label: str,
        limits: PoolLimits = DEFAULT_LIMITS,
        on_open: Callable[[UpstreamConnection], None] | None = None,
    ) -> None:
        self.label = label
        self.limits = limits
        self.on_open = on_open
        self.on_closed: Callable[[UpstreamConnection], None] | None = None
        self.pool: Pool | None = None
        self.closed = False
        self.reused = False
        self.idle_since = 0.0
        self.transport: asyncio.Transport
        self.peer = Peer("", 0)
        self._loop: asyncio.AbstractEventLoop
        self._reader = ResponseReader(self)
        self._asked: OutgoingRequest | None = None
        self._arrival: Arrival[Response] | None = None
        self._sending: Body | None = None
        self._paused = False
        self._outbox: Outbox
        self._patience: Patience

    # -- the exchange -------------------------------------------------------------------------------------------

    def send(self, request: OutgoingRequest) -> Arrival[Response]:
        """Send a request on this idle connection; the arrival brings the response's head."""
        body = request.body
        head, chunked = head_of(request)
        # From here on bytes may be on the wire.
        self._asked = request
        self._patience.begin(request.timeouts)
        self._paused = False
        self._reader.expect(request)
        arrival = self._arrival = Arrival(self._loop)
        if isinstance(body, Body):
            if body.complete and not chunked:
                data = body.take()
                self._outbox.send(self.transport, head + data if data else head)
            else:
                self._sending = body
                self._outbox.flush()
                self.transport.write(head)
                body.pipe(BodyWriter(self, body.length, ValueError, chunked=chunked))
                return arrival
        else:
            self._outbox.send(self.transport, head + body)
        self._patience.expect_head()
        return arrival

    def give_up(self, arrival: Arrival[Response]) -> None:
        """Whoever asked is no longer interested: nothing more is sent or received."""
        if self._arrival is arrival:
            self._arrival = None
            self._fail(UpstreamError(self.label, "the request was cancelled"))
        elif arrival.done() and not arrival.cancelled() and arrival.exception() is None:
            # It came just now, to nobody.
            arrival.result().abandon()

    def abort(self) -> None:
        """Cut the connection off; `connection_lost` tells those who still wait for something."""
        self.closed = True
        self.transport.abort()
        self._leave_pool()

    def close(self) -> None:
        """Close an idle connection."""
        self.closed = True
        self._outbox.flush()
        self.transport.close()
        self._leave_pool()

    def has_ended(self) -> bool:
        """Tell whether this idle connection was closed by the upstream, as the system knows before the loop does."""
        number = self.transport.get_extra_info("socket").fileno()
        if self.transport.is_closing() or number < 0:
            return True
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))  # nothing should come unasked, so whatever there is to read is its end

    def check_deadline(self, now: float) -> None:
        """Called by the client's sweep: end what takes too long."""
        what = self._patience.has_run_out(now)
        if what is not None:
            self._fail(UpstreamTimeout(self.label, what))

    # -- what becomes of the request's body (a Sender) ----------------------------------------------------------

    def body_sent(self) -> None:
        self._sending = None
        if self._patience.for_head:
            self._patience.expect_head()

    def body_failed(self, error: Exception) -> None:
        self._fail(error)

    # -- the response body's producer (a Source) ----------------------------------------------------------------

    def wanted(self) -> None:
        pass

    def pause_reading(self) -> None:
        if not self.closed:
            self._paused = True
            self._patience.deadline = NEVER
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.closed and self._paused:
            self._paused = False
            self._patience.expect_more()
            self.transport.resume_reading()

    def abandon(self) -> None:
        self.abort()

    # -- what the event loop calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._outbox = outbox_of(self._loop)
        self._patience = Patience(self._loop)
        self.peer = peer_of(transport)
        if self.on_open is not None:
            self.on_open(self)

    def data_received(self, data: bytes) -> None:
        if self._asked is None:
            # Bytes that nobody asked for could become the answer to the next request.
            self.abort()
            return
        reader = self._reader
        try:
            early = reader.read(data)
        except UpstreamError as error:
            self._fail(error)
            return
        if early is not None:
            self._switch(early)
            return
        response = reader.response
        if response is None:
            if reader.complete:
                self._finish()
            elif reader.body is not None:
                self._expect_more()
            return
        reader.response = None
        self._patience.for_head = False
        arrival, self._arrival = self._arrival, None
        if reader.complete:
            self._finish()
        else:
            self._expect_more()
        if arrival is not None:
            arrival.arrive(response)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        request = self._asked
        if request is not None and (exc is not None or not self._reader.ended()):
            kind = NoAnswer if repeatable(request) and not self._reader.got_bytes else UpstreamError
            self._fail(kind(self.label, "the connection was closed before the response was complete"))
        self._leave_pool()

    def pause_writing(self) -> None:
        if self._sending is not None:
            self._sending.pause()
        if self._patience.for_head:
            # An upstream that does not read its request will not answer it either.
            self._patience.expect_head()

    def resume_writing(self) -> None:
        if self._sending is not None:
            self._patience.deadline = NEVER
            self._sending.resume()

    # -- inside -------------------------------------------------------------------------------------------------

    def heard_interim(self) -> None:
        """The upstream is at work: the wait for its response begins anew."""
        if self._patience.deadline != NEVER:
            self._patience.expect_head()

    def _expect_more(self) -> None:
        if not self._paused:
            self._patience.expect_more()

    def _switch(self, early: bytes) -> None:
        """The upstream agreed to speak another protocol: from here on the connection is raw bytes."""
        response, self._reader.response = self._reader.response, None
        arrival, self._arrival = self._arrival, None
        self._asked = None
        self._patience.deadline = NEVER
        if response is None or arrival is None:
            self.abort()
            return
        raw = RawStream(self.transport, early)
        self.transport.set_protocol(raw)
        response.upgrade = raw
        self.closed = True
        self._leave_pool()
        arrival.arrive(response)

    def _finish(self) -> None:
        """The response is complete: keep the connection if it is in a known state."""
        reader = self._reader
        reader.body = None
        self._asked = None
        self._patience.deadline = NEVER
        if self._sending is not None:
            # It answered without waiting for the whole request.
            sending, self._sending = self._sending, None
            sending.abandon()
            self.abort()
            return
        if self.closed or reader.unsolicited or reader.until_close or not reader.keep_alive:
            if not self.closed:
                self.close()
            return
        if self._paused:
            # The consumer still has what came last; the connection itself must hear what comes next.
            self._paused = False
            self.transport.resume_reading()
        self.reused = True
        if self.pool is not None:
            self.pool.release(self)

    def _fail(self, error: Exception) -> None:
        self._asked = None
        self._patience.deadline = NEVER
        arrival, self._arrival = self._arrival, None
        body, self._reader.body = self._reader.body, None
        sending, self._sending = self._sending, None
        if not self.closed:
            self.abort()
        if sending is not None:
            sending.abandon()
        if arrival is not None:
            arrival.disappoint(error)
        if body is not None:
            body.fail(error)

    def _leave_pool(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.forget(self)
        on_closed, self.on_closed = self.on_closed, None
        if on_closed is not None:
            on_closed(self)
