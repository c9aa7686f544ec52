"""One connection to an upstream: the client's half of HTTP/1.1, one exchange at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import httptools

from entryway.errors import UpstreamError, UpstreamTimeout
from entryway.http import heads
from entryway.http.body import EMPTY, Body
from entryway.http.headers import LOWER_CASE, Headers
from entryway.http.limits import PoolLimits
from entryway.http.messages import OutgoingRequest, Peer, Response
from entryway.http.splice import RawStream
from entryway.http.target import checked_target
from entryway.http.turn import Arrival, new_arrival

if TYPE_CHECKING:
    from collections.abc import Callable

    from entryway.http.limits import Timeouts
    from entryway.http.pool import Pool

DEFAULT_LIMITS = PoolLimits()
_NEVER = float("inf")
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
_WATCHED = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class StaleConnection(Exception):
    """The upstream had closed a reused connection before it saw the request; another connection may be tried."""


class _HeadIsAll(Exception):
    """What follows this head is no body, whatever its framing fields say."""


class UpstreamConnection(asyncio.Protocol):
    """A connection that requests are sent on. `Pool` owns it; `ConnectionSource.connect` makes it.

    `on_closed` is called once, when it is gone or has been upgraded away.
    """

    __slots__ = (
        "_arrival",
        "_asked",
        "_body",
        "_chunked",
        "_complete",
        "_deadline",
        "_got_bytes",
        "_head_bytes",
        "_headers",
        "_interim",
        "_keep_alive",
        "_length",
        "_loop",
        "_parser",
        "_paused",
        "_response",
        "_reused",
        "_seen",
        "_sent_body",
        "_sent_chunked",
        "_sent_left",
        "_timeouts",
        "_transfer_encoding",
        "_unsolicited",
        "_until_close",
        "_waits_for_head",
        "closed",
        "idle_since",
        "label",
        "limits",
        "on_closed",
        "on_open",
        "peer",
        "pool",
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
        self.idle_since = 0.0
        self.transport: asyncio.Transport
        self.peer = Peer("", 0)
        self._loop: asyncio.AbstractEventLoop
        self._parser = httptools.HttpResponseParser(self)
        self._asked: OutgoingRequest | None = None
        self._arrival: Arrival[Response] | None = None
        self._timeouts: Timeouts
        self._reused = False
        self._reset()

    def _reset(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._response: Response | None = None
        self._body: Body | None = None
        self._complete = False
        self._got_bytes = False
        self._head_bytes = 0
        self._interim = False
        self._keep_alive = False
        self._length: int | None = None
        self._transfer_encoding: bytes | None = None
        self._until_close = False
        self._unsolicited = False
        self._paused = False
        self._seen: list[bytes] | None = None
        self._sent_body: Body | None = None
        self._sent_chunked = False
        self._sent_left = 0
        self._waits_for_head = False
        self._deadline = _NEVER

    # -- the exchange -------------------------------------------------------------------------------------------

    def send(self, request: OutgoingRequest) -> Arrival[Response]:
        """Send a request on this idle connection; the arrival brings the response's head."""
        origin = request.origin
        body = request.body
        framing, chunked = heads.request_framing(request.method, body)
        if request.upgrade is not None and request.upgrade != "connect":
            framing += heads.upgrade_framing(request.upgrade)
        target = checked_target(request.target.encode("latin-1"))
        if origin.target_prefix and target.startswith(b"/"):
            target = origin.target_prefix + target
        head = heads.request_head(request.method, target, request.headers, origin.authority, framing)
        # From here on bytes may be on the wire.
        self._reset()
        self._asked = request
        self._timeouts = request.timeouts
        self._waits_for_head = True
        arrival = self._arrival = new_arrival(self._loop)
        if request.method in {"HEAD", "CONNECT"}:
            self._seen = []
        if isinstance(body, Body):
            if body.complete and not chunked:
                self.transport.write(head + body.take())
            else:
                self._sent_body = body
                self._sent_chunked = chunked
                self._sent_left = body.length or 0
                self.transport.write(head)
                body.pipe(self)
        else:
            self.transport.write(head + body)
        timeout = self._timeouts.response
        if timeout is not None and self._sent_body is None:
            self._deadline = self._loop.time() + timeout
        return arrival

    def give_up(self, arrival: Arrival[Response]) -> None:
        """Whoever asked is no longer interested: nothing more is sent or received."""
        if self._arrival is arrival:
            self._arrival = None
            self._fail(UpstreamError(self.label, "the request was cancelled"))
        elif arrival.done() and not arrival.cancelled() and arrival.exception() is None:
            # It came just now, to nobody.
            response = arrival.result()
            if isinstance(response.body, Body):
                response.body.abandon()
            if response.upgrade is not None:
                response.upgrade.abort()

    def abort(self) -> None:
        """Cut the connection off; `connection_lost` tells those who still wait for something."""
        self.closed = True
        self.transport.abort()
        self._leave_pool()

    def close(self) -> None:
        """Close an idle connection."""
        self.closed = True
        self.transport.close()
        self._leave_pool()

    def check_deadline(self, now: float) -> None:
        """Called by the client's sweep: end what takes too long."""
        if now < self._deadline:
            return
        self._deadline = _NEVER
        what = "no response in time" if self._waits_for_head else "the response stalled"
        self._fail(UpstreamTimeout(self.label, what))

    # -- the request body's way out (a Sink) --------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if self.closed:
            return
        if self._sent_chunked:
            self.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
            return
        self._sent_left -= len(data)
        if self._sent_left < 0:
            self.fail(ValueError("the request body is longer than declared"))
            return
        self.transport.write(data)

    def end(self, trailers: Any) -> None:
        if self.closed:
            return
        if self._sent_chunked:
            self.transport.write(heads.last_chunk(trailers))
        elif self._sent_left:
            self.fail(ValueError("the request body is shorter than declared"))
            return
        self._sent_body = None
        if self._waits_for_head and self._timeouts.response is not None:
            self._deadline = self._loop.time() + self._timeouts.response

    def fail(self, error: Exception) -> None:
        """The request body cannot be completed, so the upstream must not take it for complete."""
        self._fail(error)

    # -- the response body's producer (a Source) ----------------------------------------------------------------

    def wanted(self) -> None:
        pass

    def pause_reading(self) -> None:
        if not self.closed:
            self._paused = True
            self._deadline = _NEVER
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.closed and self._paused:
            self._paused = False
            self._expect_more()
            self.transport.resume_reading()

    def abandon(self) -> None:
        self.abort()

    # -- what the event loop calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        address = transport.get_extra_info("peername")
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if isinstance(address, tuple):
            self.peer = Peer(address[0], address[1], certificate)
        if self.on_open is not None:
            self.on_open(self)

    def data_received(self, data: bytes) -> None:  # noqa: C901 what may have come, in one place
        if self._asked is None:
            # Bytes that nobody asked for could become the answer to the next request.
            self.abort()
            return
        self._got_bytes = True
        if self._seen is not None:
            self._seen.append(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._switch(data[switch.args[0] :])
            return
        except httptools.HttpParserError as stop:
            if not self._goes_on_after(stop):
                return
        response = self._response
        if response is not None:
            self._response = None
            self._waits_for_head = False
            arrival, self._arrival = self._arrival, None
            if self._complete:
                self._finish()
            else:
                self._expect_more()
            if arrival is not None:
                arrival.arrive(response)
        elif self._complete:
            self._finish()
        elif self._body is None:
            self._check_head_size(data)
        elif self._timeouts.body is not None:
            self._expect_more()

    def _goes_on_after(self, stop: httptools.HttpParserError) -> bool:
        """The parser stopped: tell whether there is a response all the same."""
        reason = stop.__context__
        if isinstance(reason, _HeadIsAll):
            self._after_bare_head()
            return not self.closed and self._asked is not None
        if isinstance(stop, httptools.HttpParserCallbackError):
            self._fail(reason if isinstance(reason, UpstreamError) else self._broken(str(stop)))
            return False
        if self._complete:
            self._unsolicited = True
            return True
        self._fail(self._broken(str(stop)))
        return False

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._until_close and exc is None and self._body is not None and not self._body.complete:
            self._message_ends(None)
        elif self._asked is not None:
            request = self._asked
            retry = self._reused and not self._got_bytes and request.method in _IDEMPOTENT
            if retry and (request.body is EMPTY or not request.body):
                self._fail(StaleConnection())
            else:
                self._fail(UpstreamError(self.label, "the connection was closed before the response was complete"))
        self._leave_pool()

    def pause_writing(self) -> None:
        if self._sent_body is not None:
            self._sent_body.pause()
        if self._waits_for_head and self._timeouts.response is not None:
            # An upstream that does not read its request will not answer it either.
            self._deadline = self._loop.time() + self._timeouts.response

    def resume_writing(self) -> None:
        if self._sent_body is not None:
            self._deadline = _NEVER
            self._sent_body.resume()

    # -- what the parser calls ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            self._unsolicited = True

    def on_header(self, name: bytes, value: bytes) -> None:
        name = LOWER_CASE.get(name) or name.lower()
        value = value.rstrip(b" \t")
        if name in _WATCHED:
            if name == b"content-length":
                self._length = int(value)
            elif name == b"transfer-encoding":
                self._transfer_encoding = value.lower()
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        headers = Headers.trusted(self._headers)
        self._headers = []
        status = self._parser.get_status_code()
        self._check_head(status, len(headers))
        if status < 200 and status != 101:
            self._interim = True
            asked = self._asked
            if asked is not None and asked.on_interim is not None and status != 100:
                asked.on_interim(status, headers)
            return
        self._keep_alive = self._parser.should_keep_alive()
        if self._transfer_encoding is not None:
            length = None
        elif self._length is not None:
            length = self._length
        else:
            length = None
            self._until_close = True
        bare = self._seen is not None and (cast("OutgoingRequest", self._asked).method == "HEAD" or status < 300)
        if bare or status in {101, 204, 304}:
            self._until_close = False
            if bare:
                self._keep_alive = b"close" not in headers.tokens(b"connection")
            body = Body(length if status != 204 else 0)
            body.complete = True
            self._response = Response(status, headers, body)
            self._body = body
            if bare:
                raise _HeadIsAll
            return
        self._body = body = Body(length, self)
        self._response = Response(status, headers, body)

    def on_body(self, data: bytes) -> None:
        body = self._body
        if body is not None and body.error is None and not self._complete:
            body.feed(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self._length = None
            self._transfer_encoding = None
            self._headers = []
            if self._deadline != _NEVER and self._timeouts.response is not None:
                self._deadline = self._loop.time() + self._timeouts.response
            if self._seen is not None and cast("OutgoingRequest", self._asked).method == "CONNECT":
                raise self._broken("an interim response to CONNECT")
            return
        if self._complete:
            return
        trailers = None
        if self._headers:
            trailers = Headers.trusted(self._headers)
            self._headers = []
        self._message_ends(trailers)

    # -- inside -------------------------------------------------------------------------------------------------

    def _message_ends(self, trailers: Headers | None) -> None:
        self._complete = True
        body = self._body
        if body is not None and not body.complete and body.error is None:
            body.end(trailers)

    def _check_head(self, status: int, count: int) -> None:
        if self._parser.get_http_version() not in {"1.1", "1.0"} or not 100 <= status <= 599:
            raise self._broken("not an HTTP/1.1 response")
        if self._transfer_encoding not in {None, b"chunked"}:
            raise self._broken("a transfer coding that we do not know")
        if count > self.limits.header_count:
            raise self._broken("too many headers")
        if status == 101 and (self._asked is None or self._asked.upgrade in {None, "connect"}):
            raise self._broken("it switched protocols without being asked")

    def _check_head_size(self, data: bytes) -> None:
        # Only a head that did not come in one piece gets here. What is counted may include interim responses.
        self._head_bytes += len(data)
        if self._head_bytes > self.limits.header_bytes or len(self._headers) > self.limits.header_count:
            self._fail(self._broken("its head is too large"))

    def _expect_more(self) -> None:
        timeout = self._timeouts.body
        if not self._paused:
            self._deadline = _NEVER if timeout is None else self._loop.time() + timeout

    def _after_bare_head(self) -> None:
        """The parser stopped behind the head of an answer to HEAD or CONNECT: look at what follows."""
        self._parser = httptools.HttpResponseParser(self)
        seen = b"".join(self._seen or [])
        self._seen = None
        rest = b""
        while seen:
            head, _, rest = seen.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 1"):
                break
            seen = rest
        if self._asked is not None and self._asked.method == "CONNECT":
            self._switch(rest)
            return
        self._complete = True
        if rest:
            self._unsolicited = True

    def _switch(self, early: bytes) -> None:
        """The upstream agreed to speak another protocol: from here on the connection is raw bytes."""
        response = self._response
        arrival, self._arrival = self._arrival, None
        self._asked = None
        self._deadline = _NEVER
        if response is None or arrival is None:
            self.abort()
            return
        raw = RawStream(self.transport, early)
        self.transport.set_protocol(raw)
        response.upgrade = raw
        self._response = None
        self.closed = True
        self._leave_pool()
        arrival.arrive(response)

    def _finish(self) -> None:
        """The response is complete: keep the connection if it is in a known state."""
        self._asked = None
        self._body = None
        self._deadline = _NEVER
        sent_body, self._sent_body = self._sent_body, None
        if sent_body is not None:
            # It answered without waiting for the whole request.
            sent_body.abandon()
            self.abort()
            return
        if self.closed or self._unsolicited or self._until_close or not self._keep_alive:
            if not self.closed:
                self.close()
            return
        if self._paused:
            # The consumer still has what came last; the connection itself must hear what comes next.
            self._paused = False
            self.transport.resume_reading()
        self._reused = True
        if self.pool is not None:
            self.pool.release(self)

    def _fail(self, error: Exception) -> None:
        self._asked = None
        self._deadline = _NEVER
        arrival, self._arrival = self._arrival, None
        body, self._body = self._body, None
        sent_body, self._sent_body = self._sent_body, None
        if not self.closed:
            self.abort()
        if sent_body is not None:
            sent_body.abandon()
        if arrival is not None:
            arrival.disappoint(error)
        if body is not None:
            body.fail(error)

    def _broken(self, detail: str) -> UpstreamError:
        return UpstreamError(self.label, f"not a valid response: {detail}")

    def _leave_pool(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.forget(self)
        on_closed, self.on_closed = self.on_closed, None
        if on_closed is not None:
            on_closed(self)
