"""A handler's response on its way to the client: framed, then sent whole or as its body comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from entryway.http import heads
from entryway.http.body import Body
from entryway.http.body_writer import BodyWriter
from entryway.http.errors import BodyIncomplete
from entryway.http.splice import RawStream

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection
    from entryway.http.headers import Headers
    from entryway.http.messages import Request, Response

DRAINED_FOR_KEEP_ALIVE: Final = 64 * 1024
"""A request body that the handler did not want is read to its end when no more than this is left."""


class ResponseWriter:
    """Writes one connection's responses, one at a time."""

    __slots__ = ("_connection", "blocked", "flowing", "started", "way_out")

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.blocked = False
        """Whether the client reads slower than answers come."""
        self.started = False
        """Whether bytes of the final response have been sent, which cannot be taken back."""
        self.flowing: Body | None = None
        """The body that is being sent as it comes."""
        self.way_out: BodyWriter | None = None
        """Where the last such body went."""

    def respond(self, request: Request, response: Response) -> None:
        """Send the response; raise if it is none that can be sent, and then nothing was sent."""
        if response.upgrade is not None:
            self._switch_protocols(request, response)
            return
        body = response.body
        if isinstance(body, Body) and body.error is not None:
            raise body.error  # it broke off before a byte of it was sent, so there is still a proper answer to give
        status = response.status
        if status < 200:
            raise ValueError(f"{status} is not a final response")
        connection = self._connection
        framing, has_body, chunked = heads.response_framing(request.method, status, body, http10=request.http10)
        keep_alive = (
            request.keep_alive and not connection.closing and (request.body.complete or self._will_complete(request))
        )
        if has_body and not chunked and isinstance(body, Body) and body.length is None:
            keep_alive = False
        if not keep_alive:
            connection.closing = True
            framing += b"connection: close\r\n"
        else:
            framing += b"connection: keep-alive\r\n"  # for HTTP/1.0, and for those who look for it beyond
        if connection.reader.expects_continue is not None:
            self._continue_unasked(request)
        head = heads.response_head(status, response.headers, framing, connection.server.date, response.known)
        self.started = True
        if not isinstance(body, Body):
            self._send_whole(head + body if has_body else head)
        elif has_body:
            self._send_body(head, body, chunked=chunked)
        else:
            body.abandon()
            self._send_whole(head)

    def write_interim(self, status: int, headers: Headers) -> None:
        if not self.started and 100 < status < 200 and status != 101:
            self._connection.server.outbox.flush()
            self._connection.transport.write(heads.interim_head(status, headers))

    def block(self) -> None:
        self.blocked = True
        if self.flowing is not None:
            self.flowing.pause()

    def unblock(self) -> None:
        self.blocked = False
        if self.flowing is not None:
            self.flowing.resume()

    def _send_whole(self, message: bytes) -> None:
        connection = self._connection
        connection.server.outbox.send(connection.transport, message)
        connection.answered()

    def _send_body(self, head: bytes, body: Body, *, chunked: bool) -> None:
        """Send the head with what is there of the body; the rest flows by itself."""
        connection = self._connection
        data = body.take() if chunked or body.complete else b""
        if chunked and data:
            head += b"%x\r\n%b\r\n" % (len(data), data)
        elif data:
            head += data
        if not body.complete:
            connection.server.outbox.flush()
            connection.transport.write(head)
            self.flowing = body
            self.way_out = BodyWriter(connection, body.length, BodyIncomplete, chunked=chunked)
            body.pipe(self.way_out)
            if self.blocked:
                body.pause()
            return
        if chunked or len(data) == body.length:
            self._send_whole(head + heads.last_chunk(body.trailers) if chunked else head)
        else:
            connection.transport.write(head)
            connection.body_failed(BodyIncomplete("the body is not as long as declared"))

    def _continue_unasked(self, request: Request) -> None:
        """Say the word that a client asked for and did not wait for: some count what comes."""
        reader = self._connection.reader
        if reader.expects_continue is request and request.body.complete:
            reader.expects_continue = None
            self._connection.server.outbox.flush()
            self._connection.transport.write(heads.CONTINUE)

    def _will_complete(self, request: Request) -> bool:
        """Whether the rest of a request's body will come and go, so that another request can follow."""
        body = request.body
        if self._connection.reader.expects_continue is request:
            return False
        if body.consumed:
            return True
        return body.length is not None and body.length <= DRAINED_FOR_KEEP_ALIVE

    def _switch_protocols(self, request: Request, response: Response) -> None:
        connection = self._connection
        other = cast("RawStream", response.upgrade)
        if request.upgrade is None:
            raise ValueError("the client did not ask for an upgrade")
        if other.closed:
            raise BodyIncomplete("the other side of the upgrade is gone")
        if request.upgrade == "connect":
            head = heads.interim_head(response.status, response.headers)
        else:
            framing = heads.upgrade_framing(request.upgrade)
            head = heads.response_head(101, response.headers, framing, connection.server.date)
        self.started = True
        connection.server.outbox.flush()
        connection.transport.write(head)
        connection.become_raw(other)
