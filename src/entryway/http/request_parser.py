"""What llhttp says of a client's bytes, made into requests and their bodies; refused where it is ambiguous."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httptools

from entryway.http import heads, parsing
from entryway.http.body import EMPTY, Body
from entryway.http.errors import ContentTooLarge, HeadersTooLarge, TargetTooLong
from entryway.http.headers import LOWER_CASE, Headers
from entryway.http.messages import Request

if TYPE_CHECKING:
    from collections import deque

    from entryway.http.connection import ServerConnection

NEVER: Final = float("inf")


class RequestParser:
    """Makes the requests of one connection, puts them into its queue, and is the `Source` of their bodies.

    `deadline` is when the rest of what is arriving must be here; the connection sets it while nothing arrives.
    """

    __slots__ = (
        "_around_body",
        "_body_ahead",
        "_connection",
        "_framing",
        "_head_bytes",
        "_headers",
        "_parser",
        "_paused",
        "_queue",
        "_read_size",
        "_requests",
        "_target",
        "complete_by",
        "deadline",
        "expects_continue",
        "head_arriving",
        "incoming",
        "incoming_size",
        "last",
        "left",
    )

    def __init__(self, connection: ServerConnection, queue: deque[Request]) -> None:
        self._connection = connection
        self._queue = queue
        self._parser = httptools.HttpRequestParser(self)
        self._requests = 0
        self._framing = parsing.Framing()
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._read_size = 0
        self._around_body = 0
        self._body_ahead = False
        self._paused = False
        self.head_arriving = False
        self.incoming: Body | None = None
        """The body of the last request, until it is complete."""
        self.incoming_size = 0
        self.left = 0
        self.expects_continue: Request | None = None
        self.last = False
        """Whether no further request is answered on this connection."""
        self.deadline = NEVER
        self.complete_by = NEVER
        """When the whole of the request must be here."""

    # -- what the parser calls ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.head_arriving = True
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

    def on_headers_complete(self) -> None:
        if self._body_ahead:
            self._headers = []
            return
        self.head_arriving = False
        connection = self._connection
        parser = self._parser
        limits = connection.server.limits
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
        upgrade = None
        if framing.coding is None and framing.length == 0:
            body = EMPTY
            if parser.should_upgrade():
                upgrade = self._upgrade_asked_for(method, version)
        else:
            body = self._body_to_come(limits.body_bytes)
            if limits.request_timeout is not None:
                now = connection.loop.time()
                # A head that came in pieces has set the deadline when it began.
                began = self.deadline - limits.header_timeout if self._head_bytes else now
                self.complete_by = min(began, now) + limits.request_timeout
        request = Request(
            method,
            text,
            Headers.trusted(headers),
            body,
            connection.peer,
            connection.scheme,
            upgrade,
            version == "1.0",
            keep_alive,
            connection,
        )
        if body is not EMPTY and framing.continues and version == "1.1":
            self.expects_continue = request
        self._headers = []
        self.last = not keep_alive and body is EMPTY
        self._queue.append(request)

    def on_body(self, data: bytes) -> None:
        body = self.incoming
        if body is None:
            return
        self.left -= len(data)
        self.incoming_size += len(data)
        limit = self._connection.limits.body_bytes
        if limit is not None and self.incoming_size > limit:
            raise ContentTooLarge(f"more than {limit} bytes")
        if body.error is None:
            body.feed(data)

    def on_message_complete(self) -> None:
        if self._body_ahead:
            return
        body = self.incoming
        if body is None:
            return
        if len(self._headers) > self._connection.limits.header_count:
            raise HeadersTooLarge
        self.incoming = None
        self.left = 0
        # The handler may be behind with what came last; the connection itself must hear what comes next.
        self.resume_reading()
        self.deadline = self.complete_by = NEVER
        trailers = None
        if self._headers:
            trailers = Headers.trusted(self._headers)
            self._headers = []
        self.last = not self._parser.should_keep_alive()
        if body.error is None:
            body.end(trailers)
        self._connection.request_is_here(body)

    def _upgrade_asked_for(self, method: str, version: str) -> str | None:
        if method == "CONNECT":
            return "connect"
        if version == "1.1" and self._framing.upgrade is not None:
            return self._framing.upgrade.decode("latin-1")
        return None

    def _body_to_come(self, limit: int | None) -> Body:
        framing = self._framing
        length = None if framing.coding is not None else framing.length
        if limit is not None and length is not None and length > limit:
            raise ContentTooLarge(f"{length} bytes declared")
        # llhttp takes what follows a request to upgrade for the other protocol, even when it has a body.
        self._body_ahead = self._parser.should_upgrade()
        self.incoming = Body(length, self)
        self.incoming_size = self._around_body = 0
        self.left = length or 0
        return self.incoming

    # -- the request body's producer (a Source) -----------------------------------------------------------------

    def wanted(self) -> None:
        expecting = self.expects_continue
        if expecting is not None and self._connection.may_continue(expecting):
            self.expects_continue = None
            if self.incoming_size == 0:
                self._connection.server.outbox.flush()
                self._connection.transport.write(heads.CONTINUE)
        self.expect_more()

    def expect_more(self) -> None:
        """Begin anew to wait for the rest of a body, unless the wait is ours."""
        if self.incoming is not None and not self._paused and self.expects_continue is None:
            connection = self._connection
            self.deadline = connection.loop.time() + connection.limits.body_timeout

    def pause_reading(self) -> None:
        if not self._connection.closed and not self._paused:
            self._paused = True
            self.deadline = NEVER
            self._connection.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._connection.closed and self._paused:
            self._paused = False
            self.expect_more()
            self._connection.transport.resume_reading()

    def abandon(self) -> None:
        self.resume_reading()  # to see the end of it, or of the connection
