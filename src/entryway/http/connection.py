"""One client's connection: requests are parsed as they come, handled one at a time, answered in order."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from types import CoroutineType
from typing import TYPE_CHECKING, Any, cast

import httptools

from entryway.http import heads, parsing
from entryway.http.body import EMPTY, HIGH_WATER, Body
from entryway.http.errors import (
    AnswerTimedOut,
    BodyIncomplete,
    ClientGone,
    ContentTooLarge,
    HeadersTooLarge,
    HttpError,
    RequestTimedOut,
    TargetTooLong,
)
from entryway.http.headers import LOWER_CASE, Headers
from entryway.http.messages import Peer, Request, Response
from entryway.http.splice import RawStream
from entryway.http.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

    from entryway.http.server import Server

_NEVER = float("inf")
_SLICE = 16 * 1024
_PIPELINED = 16
_DRAINED_FOR_KEEP_ALIVE = 64 * 1024
_LINGER_SECONDS = 2.0
_ABORT = struct.pack("ii", 1, 0)


class ServerConnection(asyncio.Protocol):
    """Parses, drives the handler by its `Turn`, and writes. Its deadlines are kept by the server's sweep."""

    __slots__ = (
        "_answered_eof",
        "_body_ahead",
        "_chunked",
        "_closing",
        "_current",
        "_expects_continue",
        "_framing",
        "_head_arriving",
        "_head_bytes",
        "_headers",
        "_held",
        "_held_size",
        "_incoming",
        "_incoming_size",
        "_last",
        "_left",
        "_lingering",
        "_loop",
        "_outgoing",
        "_outgoing_left",
        "_parser",
        "_paused",
        "_queue",
        "_read_size",
        "_refusal",
        "_requests",
        "_scheme",
        "_server",
        "_started",
        "_target",
        "_turn",
        "_unread",
        "_write_paused",
        "closed",
        "on_state",
        "peer",
        "read_deadline",
        "total_deadline",
        "transport",
        "write_deadline",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = server.loop
        self.transport: asyncio.Transport
        self.peer = Peer("", 0)
        self.closed = False
        self.on_state: Any = None
        self._scheme = "http"
        self._parser = httptools.HttpRequestParser(self)
        self._turn = Turn(self._loop, self)
        # what is being received
        self._framing = parsing.Framing()
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_arriving = False
        self._head_bytes = 0
        self._read_size = 0
        self._incoming: Body | None = None
        self._incoming_size = 0
        self._left = 0
        self._body_ahead = False
        self._last = False
        self._held: list[bytes] | None = None
        self._held_size = 0
        self._paused = False
        self._requests = 0
        # what waits, and what is being answered
        self._queue: deque[Request] = deque()
        self._refusal: HttpError | None = None
        self._current: Request | None = None
        self._expects_continue: Request | None = None
        self._started = False
        self._outgoing: Body | None = None
        self._outgoing_left = 0
        self._chunked = False
        self._closing = False
        self._lingering = False
        self._unread = False
        self._answered_eof = False
        self._write_paused = False
        self.read_deadline = _NEVER
        self.write_deadline = _NEVER
        self.total_deadline = _NEVER

    # -- what the event loop calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.peer = _peer(transport)
        if transport.get_extra_info("ssl_object") is not None:
            self._scheme = "https"
        self._server.opened(self)
        self.read_deadline = self._loop.time() + self._server.limits.header_timeout

    def data_received(self, data: bytes) -> None:
        if self._held is not None:
            self._hold(data)
        elif self._lingering or self._last:
            self._discard(data)
        else:
            self._feed(data)
            if self._queue and self._current is None:
                self._next()

    def eof_received(self) -> bool:
        if self._current is None:
            return False
        if self._server.limits.half_closed_clients and self._incoming is None and self.transport.can_write_eof():
            self._answered_eof = True
            self._closing = True
            return True
        # Nobody waits for this answer any more, and the upstream should not work for nobody.
        self.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone(exc)

    def pause_writing(self) -> None:
        self._write_paused = True
        self.write_deadline = self._loop.time() + self._server.limits.write_timeout
        if self._outgoing is not None:
            self._outgoing.pause()

    def resume_writing(self) -> None:
        self._write_paused = False
        self.write_deadline = _NEVER
        if self._outgoing is not None:
            self._outgoing.resume()

    # -- receiving ----------------------------------------------------------------------------------------------

    def _feed(self, data: bytes) -> None:
        size = len(data)
        if size <= _SLICE or self._left >= size:
            self._parse(data)
            return
        # Many small requests may hide in one large read; they are not all parsed before the first is answered.
        view = memoryview(data)
        for start in range(0, size, _SLICE):
            if self._held is not None:
                self._hold(bytes(view[start:]))
                return
            self._parse(bytes(view[start : start + _SLICE]))

    def _parse(self, data: bytes) -> None:
        self._read_size = len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._after_upgrade_request(data[switch.args[0] :])
            return
        except httptools.HttpParserError as error:
            if not self._last:  # after the last request, whatever comes is none of our business
                self._refuse(parsing.refusal(error))
            return
        if self._head_arriving:
            # A head that did not end within this read: its size so far is at most all that came.
            if self._head_bytes == 0:
                self.read_deadline = self._loop.time() + self._server.limits.header_timeout
            self._head_bytes += len(data)
            self._check_head_so_far()
        elif self._incoming is not None:
            self._expect_more()
        if len(self._queue) >= _PIPELINED and self._held is None:
            self._held = []

    def _check_head_so_far(self) -> None:
        limits = self._server.limits
        if len(self._target) > limits.target_bytes:
            self._refuse(TargetTooLong())
        elif len(self._headers) > limits.header_count or (
            self._head_bytes > limits.header_bytes and self._size_of_head() > limits.header_bytes
        ):
            self._refuse(HeadersTooLarge())

    def _size_of_head(self) -> int:
        # One header that is still arriving is not in the list yet; then what came in all is the better measure.
        listed = parsing.head_size(self._target, self._headers)
        return max(listed, self._head_bytes - _SLICE) if self._head_arriving else listed

    def on_message_begin(self) -> None:
        self._head_arriving = True
        self._head_bytes = 0
        self._target = b""
        self._headers = []
        self._framing.clear()

    def on_url(self, target: bytes) -> None:
        self._target = self._target + target if self._target else target

    def on_header(self, name: bytes, value: bytes) -> None:
        name = LOWER_CASE.get(name) or name.lower()
        value = value.rstrip(b" \t")
        if name in parsing.WATCHED and not self._body_ahead:
            self._framing.note(name, value)
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:  # noqa: C901 the limits and refusals of a head, in their order
        if self._body_ahead:
            self._headers = []
            return
        self._head_arriving = False
        parser = self._parser
        limits = self._server.limits
        framing = self._framing
        headers = self._headers
        target = self._target
        if len(target) > limits.target_bytes:
            raise TargetTooLong
        if len(headers) > limits.header_count or (
            # It is only added up when so much came that it could be too much.
            self._head_bytes + self._read_size > limits.header_bytes
            and parsing.head_size(target, headers) > limits.header_bytes
        ):
            raise HeadersTooLarge
        method = parsing.method_name(parser.get_method())
        version = parser.get_http_version()
        parsing.check_framing(framing, version)
        text = target.decode("ascii")
        parsing.check_target(method, text)
        self._requests += 1
        keep_alive = parser.should_keep_alive()
        if limits.requests_per_connection is not None and self._requests >= limits.requests_per_connection:
            keep_alive = False
        length = framing.length
        upgrade = None
        if framing.coding is None and length == 0:
            body = EMPTY
            if parser.should_upgrade():
                if method == "CONNECT":
                    upgrade = "connect"
                elif version == "1.1" and framing.upgrade is not None:
                    upgrade = framing.upgrade.decode("latin-1")
        else:
            if limits.body_bytes is not None and length > limits.body_bytes:
                raise ContentTooLarge(f"{length} bytes declared")
            # llhttp takes what follows a request to upgrade for the other protocol, even when it has a body.
            self._body_ahead = parser.should_upgrade()
            body = self._incoming = Body(None if framing.coding is not None else length, self)
            self._incoming_size = 0
            self._left = 0 if framing.coding is not None else length
        request = Request(
            method,
            text,
            Headers.trusted(headers),
            body,
            self.peer,
            self._scheme,
            upgrade,
            version == "1.0",
            keep_alive,
            self,
        )
        if body is not EMPTY and framing.continues and version == "1.1":
            self._expects_continue = request
        self._headers = []
        self._last = not keep_alive and body is EMPTY
        self._queue.append(request)

    def on_body(self, data: bytes) -> None:
        body = self._incoming
        if body is None:
            return
        self._left -= len(data)
        self._incoming_size += len(data)
        limit = self._server.limits.body_bytes
        if limit is not None and self._incoming_size > limit:
            raise ContentTooLarge(f"more than {limit} bytes")
        if body.error is None:
            body.feed(data)

    def on_message_complete(self) -> None:
        if self._body_ahead:
            return
        body = self._incoming
        if body is None:
            return
        self._incoming = None
        self._left = 0
        # The handler may be behind with what came last; the connection itself must hear what comes next.
        self.resume_reading()
        self.read_deadline = _NEVER
        trailers = None
        if self._headers:
            trailers = Headers.trusted(self._headers)
            self._headers = []
        self._last = not self._parser.should_keep_alive()
        if body.error is None:
            body.end(trailers)
        if self._current is not None and self._started and self._outgoing is None:
            # The answer was complete before the request was.
            self._loop.call_soon(self._answered)

    def _after_upgrade_request(self, rest: bytes) -> None:
        self._parser = httptools.HttpRequestParser(self)
        if self._body_ahead:
            # Bring a fresh parser to where the body begins.
            body = cast("Body", self._incoming)
            framing = heads.CHUNKED if body.length is None else b"content-length: %d\r\n" % body.length
            self._parser.feed_data(b"POST / HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n")
            self._body_ahead = False
            self._head_arriving = False
            self._parse(rest)
        elif self._queue and self._queue[-1].upgrade is not None:
            # What follows belongs to one protocol or the other; the answer will tell.
            self._held = [rest] if rest else []
            self._held_size = len(rest)
        elif rest:
            self._parse(rest)

    def _hold(self, data: bytes) -> None:
        held = cast("list[bytes]", self._held)
        held.append(data)
        self._held_size += len(data)
        if self._held_size > HIGH_WATER:
            self.transport.pause_reading()

    def _release_held(self) -> None:
        held, self._held = self._held, None
        if self._held_size > HIGH_WATER:
            self.transport.resume_reading()
        self._held_size = 0
        if held:
            self._feed(b"".join(held))

    def _discard(self, data: bytes) -> None:
        """Bytes after the last request that is answered here."""
        self._unread = True
        self._incoming_size += len(data)
        if self._incoming_size > 1024 * 1024:
            self.abort()

    def _refuse(self, error: HttpError) -> None:
        """Answer nothing more than this on this connection, in its turn."""
        self._last = True
        self._unread = True
        self._head_arriving = False
        self.read_deadline = _NEVER
        body, self._incoming = self._incoming, None
        current = self._current
        if body is not None and current is not None and current.body is body:
            self._closing = True
            if self._started:
                self.abort()
            body.fail(error)  # whoever consumes it may now answer with the same error
            if current is self._current and not self._started:
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
        self._current = Request("GET", "/", Headers(), EMPTY, self.peer, self._scheme, keep_alive=False)
        self._started = False
        self._closing = True
        self._fail(None, error)

    # -- the request body's producer (a Source) -----------------------------------------------------------------

    def wanted(self) -> None:
        expecting = self._expects_continue
        if expecting is not None and expecting is self._current and not self._started:
            self._expects_continue = None
            if self._incoming_size == 0:
                self.transport.write(heads.CONTINUE)
        self._expect_more()

    def pause_reading(self) -> None:
        if not self.closed and not self._paused:
            self._paused = True
            self.read_deadline = _NEVER
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self.closed and self._paused:
            self._paused = False
            self._expect_more()
            self.transport.resume_reading()

    def abandon(self) -> None:
        self.resume_reading()  # to see the end of it, or of the connection

    def _expect_more(self) -> None:
        if self._incoming is not None and not self._paused and self._expects_continue is None:
            self.read_deadline = self._loop.time() + self._server.limits.body_timeout

    # -- handling -----------------------------------------------------------------------------------------------

    def _next(self) -> None:
        """Handle the next request, or go idle."""
        if self._held is not None and self._may_read_on():
            self._release_held()
            if self._current is not None:  # it came to a refusal, which is being answered
                return
        if self._queue:
            self._begin(self._queue.popleft())
        elif self._refusal is not None:
            self._answer_refusal()
        elif self._incoming is None and not self._head_arriving:
            self.read_deadline = self._loop.time() + self._server.limits.idle_timeout
            if self.on_state is not None:
                self.on_state("idle")

    def _may_read_on(self) -> bool:
        """Whether what is held back can be parsed: the rest of the last request's body may be in it."""
        return not self._queue or (len(self._queue) == 1 and self._queue[-1].upgrade is None)

    def _begin(self, request: Request) -> None:
        if self._incoming is None and not self._head_arriving:
            self.read_deadline = _NEVER
        self._current = request
        self._started = False
        server = self._server
        if server.limits.total_timeout is not None:
            self.total_deadline = self._loop.time() + server.limits.total_timeout
        if self.on_state is not None:
            self.on_state("busy")
        try:
            coroutine = server.handler(request)
        except Exception as error:  # noqa: BLE001 a handler that is no coroutine function may raise at once
            self._fail(request, error)
            return
        if type(coroutine) is not CoroutineType:
            coroutine = _awaiting(coroutine)
        self._turn.start(cast("Coroutine[Any, Any, Response]", coroutine))

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
            self._respond(request, result)
        except Exception as error:  # noqa: BLE001 whatever is wrong with this response must not end the process
            _drop(result)
            self._fail(request, error)

    def handler_failed(self, error: Exception) -> None:
        request = self._current
        if request is not None and not self.closed:
            self._fail(request, error)

    def handler_cancelled(self) -> None:
        """The handler was cancelled by somebody else than this connection: there will be no answer."""
        if not self.closed and self._current is not None and not self._started:
            self.abort()

    def _fail(self, request: Request | None, error: Exception) -> None:
        """Answer a request that failed, once; an answer that has begun cannot be taken back."""
        if self.closed:
            return
        if self._has_begun():
            self.abort()
            return
        stand_in = request or cast("Request", self._current)
        try:
            self._respond(stand_in, self._server.on_error(request, error))
        except Exception as second:  # noqa: BLE001 a broken renderer must not leave the client waiting
            self._server.report(second)
            if self._has_begun():
                self.abort()
                return
            self._closing = True
            self._respond(stand_in, Response(500))

    def _has_begun(self) -> bool:
        return self._started

    # -- answering ----------------------------------------------------------------------------------------------

    def _respond(self, request: Request, response: Response) -> None:
        if response.upgrade is not None:
            self._respond_upgrade(request, response)
            return
        body = response.body
        if isinstance(body, Body) and body.error is not None:
            raise body.error  # it broke off before a byte of it was sent, so there is still a proper answer to give
        status = response.status
        if status < 200:
            raise ValueError(f"{status} is not a final response")
        framing, has_body, self._chunked = heads.response_framing(request.method, status, body, http10=request.http10)
        keep_alive = (
            request.keep_alive and not self._closing and (request.body.complete or self._will_complete(request))
        )
        if has_body and not self._chunked and isinstance(body, Body) and body.length is None:
            keep_alive = False
        if not keep_alive:
            self._closing = True
            framing += b"connection: close\r\n"
        elif request.http10:
            framing += b"connection: keep-alive\r\n"
        head = heads.response_head(status, response.headers, framing, self._server.date)
        self._started = True
        if not isinstance(body, Body):
            self.transport.write(head + body if has_body else head)
            self._answered()
        elif has_body:
            self._send_body(head, body)
        else:
            body.abandon()
            self.transport.write(head)
            self._answered()

    def _send_body(self, head: bytes, body: Body) -> None:
        """Send the head with what is there of the body; the rest flows by itself."""
        if body.complete and not self._chunked:
            data = body.take()
            self.transport.write(head + data)
            if len(data) != body.length:
                self.fail(BodyIncomplete("the response body is not as long as declared"))
            else:
                self._answered()
            return
        self._outgoing_left = -1 if body.length is None else body.length
        if self._chunked:
            data = body.take()
            if data:
                head += b"%x\r\n%b\r\n" % (len(data), data)
            if body.complete:
                self.transport.write(head + heads.last_chunk(body.trailers))
                self._answered()
                return
        self.transport.write(head)
        self._outgoing = body
        body.pipe(self)
        if self._write_paused:
            body.pause()

    def _will_complete(self, request: Request) -> bool:
        """Whether the rest of a request's body will come and go, so that another request can follow."""
        body = request.body
        if self._expects_continue is request:
            return False
        if body.consumed:
            return True
        return body.length is not None and body.length <= _DRAINED_FOR_KEEP_ALIVE

    def _respond_upgrade(self, request: Request, response: Response) -> None:
        other = cast("RawStream", response.upgrade)
        if request.upgrade is None:
            raise ValueError("the client did not ask for an upgrade")
        if other.closed:
            raise BodyIncomplete("the other side of the upgrade is gone")
        if request.upgrade == "connect":
            head = heads.interim_head(response.status, response.headers)
        else:
            framing = heads.upgrade_framing(request.upgrade)
            head = heads.response_head(101, response.headers, framing, self._server.date)
        self._started = True
        self.transport.write(head)
        early = b"".join(self._held or [])
        raw = RawStream(self.transport, early)
        raw.start_idle_clock(self._loop)
        self.transport.set_protocol(raw)
        if self._held_size > HIGH_WATER:
            self.transport.resume_reading()
        self._held = None
        self.closed = True
        self._current = None
        self._server.upgraded(self, raw)
        self._turn.end()
        raw.splice(other)

    def write_interim(self, request: Request, status: int, headers: Headers) -> None:
        """Send a 1xx response ahead of the answer."""
        if request is self._current and not self._started and not self.closed and 100 < status < 200 and status != 101:
            self.transport.write(heads.interim_head(status, headers))

    # the response body's way out (a Sink)

    def write(self, data: bytes) -> None:
        if self.closed or not data:
            return
        if self._chunked:
            self.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
            return
        if self._outgoing_left >= 0:
            self._outgoing_left -= len(data)
            if self._outgoing_left < 0:
                self.fail(BodyIncomplete("the response body is longer than declared"))
                return
        self.transport.write(data)

    def end(self, trailers: Headers | None) -> None:
        if self.closed:
            return
        if self._chunked:
            self.transport.write(heads.last_chunk(trailers))
        elif self._outgoing_left > 0:
            self.fail(BodyIncomplete("the response body is shorter than declared"))
            return
        self._outgoing = None
        self._answered()

    def fail(self, error: Exception) -> None:
        """The response cannot be completed, and the client must see that."""
        self._server.report(error)
        self.abort()

    def _answered(self) -> None:
        request = self._current
        if request is None or self.closed:
            return
        self.total_deadline = _NEVER
        if self._closing:
            self._close_gently()
            return
        body = request.body
        if not body.complete and self._incoming is body:
            if body.length is None or self._left > _DRAINED_FOR_KEEP_ALIVE or self._expects_continue is request:
                self._close_gently()
            else:
                # The rest of the request is short; on_message_complete calls again when it is here.
                body.abandon()
                self._expect_more()
            return
        self._current = None
        self._next()

    # -- ending -------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Close as soon as the requests that are here have been answered."""
        self._closing = True
        if self._current is None and not self._queue and not self._head_arriving:
            self.transport.close()

    def abort(self) -> None:
        """Cut the connection off so that the client cannot take what it has for the whole."""
        if self.closed:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None and self._started:
            # RST instead of FIN: the only visible sign when the end of the connection is the end of the body.
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self.transport.abort()
        self._gone(None)  # at once: a transport that was cut off takes no more writes

    def check_deadlines(self, now: float) -> None:
        """Called by the server's sweep: end what takes too long."""
        if now >= self.read_deadline:
            self.read_deadline = _NEVER
            self._reading_took_too_long()
        if now >= self.write_deadline:
            self.write_deadline = _NEVER
            self.abort()
        if now >= self.total_deadline:
            self.total_deadline = _NEVER
            self._answering_took_too_long()

    def _reading_took_too_long(self) -> None:
        if self._lingering:
            self.transport.close()
        elif self._incoming is not None or self._head_arriving:
            self._refuse(RequestTimedOut())
        elif self._current is None:
            self.transport.close()

    def _answering_took_too_long(self) -> None:
        if self._current is None:
            return
        if self._started:
            self.abort()
            return
        self._closing = True
        self._fail(self._current, AnswerTimedOut() if self._current.body.complete else RequestTimedOut())
        self._turn.cancel()

    def _close_gently(self) -> None:
        """Close so that the client can read the answer first, even when it is still sending."""
        request = self._current
        unread = self._unread or self._incoming is not None or (request is not None and not request.body.complete)
        self._current = None
        if self._answered_eof or not unread:
            self.transport.close()
            return
        # RFC 9112 §9.6: half-close, then read on for a while.
        body, self._incoming = self._incoming, None
        if body is not None:
            body.abandon()
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        self._held = None
        self._lingering = True
        self._incoming_size = 0
        self.read_deadline = self._loop.time() + _LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _gone(self, exc: Exception | None) -> None:
        if self.closed:
            return
        self.closed = True
        self.read_deadline = self.write_deadline = self.total_deadline = _NEVER
        self._server.gone(self)
        error = ClientGone(str(exc) if exc is not None else "")
        body, self._incoming = self._incoming, None
        if body is not None:
            body.fail(error)
        outgoing, self._outgoing = self._outgoing, None
        if outgoing is not None:
            outgoing.abandon()
        self._queue.clear()
        self._held = None
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
