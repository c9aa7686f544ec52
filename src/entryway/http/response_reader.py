"""What an upstream sends, read as the response to what it was asked; whatever is none is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httptools

from entryway.errors import UpstreamError
from entryway.http.body import Body
from entryway.http.headers import LOWER_CASE, Headers
from entryway.http.known_heads import RESPONSES, KnownHead
from entryway.http.known_responses import learn, read_new
from entryway.http.messages import Response

if TYPE_CHECKING:
    from entryway.http.messages import OutgoingRequest
    from entryway.http.upstream import UpstreamConnection

_WATCHED: Final = frozenset({b"content-length", b"transfer-encoding"})


class _HeadIsAll(Exception):
    """What follows this head is no body, whatever its framing fields say."""


class ResponseReader:
    """Parses one connection's responses, one at a time.

    `response` is set when its head is there, for the connection to take; `complete` when its end is.
    """

    __slots__ = (
        "_asked",
        "_by_line",
        "_connection",
        "_end",
        "_head_bytes",
        "_headers",
        "_interim",
        "_length",
        "_parser",
        "_seen",
        "_transfer_encoding",
        "body",
        "complete",
        "got_bytes",
        "keep_alive",
        "response",
        "unsolicited",
        "until_close",
    )

    def __init__(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self._parser = httptools.HttpResponseParser(self)
        self._asked: OutgoingRequest
        self._by_line = True
        """Whether heads of this upstream have been of the kind that can be read line by line."""
        self._end = 0
        """Where the last known head ended: the next one is often as long, and then it need not be looked for."""

    def expect(self, request: OutgoingRequest) -> None:
        """Get ready for the response to this request."""
        self._asked = request
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._length: int | None = None
        self._transfer_encoding: bytes | None = None
        self._interim = False
        # After the head of these the parser stops: it cannot know that no body follows.
        self._seen: list[bytes] | None = [] if request.method in {"HEAD", "CONNECT"} else None
        self.response: Response | None = None
        self.body: Body | None = None
        self.got_bytes = False
        self.complete = False
        self.keep_alive = False
        self.until_close = False
        """Whether only the end of the connection ends the response."""
        self.unsolicited = False
        """Whether more came than was asked for."""

    def read(self, data: bytes) -> bytes | None:
        """Parse; return what follows the head if the upstream speaks another protocol from there on.

        Raises UpstreamError when it is no response.
        """
        if self.got_bytes or self._seen is not None:
            return self._parse(data)
        self.got_bytes = True
        end = self._end
        known = RESPONSES.find(data[:end]) if end else None
        if known is None:
            self._end = 0
            end = data.find(b"\r\n\r\n") + 4
            known = RESPONSES.find(data[:end])
        if known is None and self._by_line:
            known = read_new(data, end)
        if known is not None and self._take_known(known, data, end):
            self._end = end
            return None
        rest = self._parse(data)
        whole = known is None and rest is None and self.complete and self.keep_alive and not self.unsolicited
        self._by_line = whole and learn(data, end, self.response)
        return rest

    def _take_known(self, known: KnownHead, data: bytes, end: int) -> bool:
        """Make the response at once, if it is whole and within the limits."""
        limits = self._connection.limits
        if (
            len(data) - end != known.length
            or end > limits.header_bytes
            or len(known.headers) > limits.header_count
            or self._asked.upgrade is not None
        ):
            return False
        self.body = body = Body.of(data[end:])
        self.response = response = Response(known.status, Headers.trusted(known.headers.copy()), body)
        if known.kept:
            response.known = known
        self.keep_alive = True
        self.complete = True
        return True

    def _parse(self, data: bytes) -> bytes | None:
        self.got_bytes = True
        if self._seen is not None:
            self._seen.append(data)
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            rest: bytes = data[switch.args[0] :]
            return rest
        except httptools.HttpParserError as stop:
            return self._after_stop(stop)
        if not self.complete and self._head_bytes:
            self._check_head_size()
        return None

    def ended(self) -> bool:
        """Tell whether the response is whole now that the connection has ended."""
        if self.until_close and self.body is not None and not self.body.complete:
            self._message_ends(None)
            return True
        return False

    def _after_stop(self, stop: httptools.HttpParserError) -> bytes | None:
        reason = stop.__context__
        if isinstance(reason, _HeadIsAll):
            return self._after_bare_head()
        if isinstance(stop, httptools.HttpParserCallbackError):
            raise reason if isinstance(reason, UpstreamError) else self._broken(str(stop))
        if not self.complete:
            raise self._broken(str(stop))
        self.unsolicited = True
        return None

    def _after_bare_head(self) -> bytes | None:
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
        if self._asked.method == "CONNECT":
            return rest
        self.complete = True
        if rest:
            self.unsolicited = True
        return None

    # -- what the parser calls ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            self.unsolicited = True

    def on_header(self, name: bytes, value: bytes) -> None:
        name = LOWER_CASE.get(name) or name.lower()
        value = value.rstrip(b" \t")
        if name in _WATCHED:
            if name == b"content-length":
                self._length = int(value)
            else:
                self._transfer_encoding = value.lower()
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        headers = Headers.trusted(self._headers)
        self._headers = []
        status = self._parser.get_status_code()
        self._check_head(status, len(headers.raw))
        if status < 200 and status != 101:
            self._interim = True
            if self._asked.on_interim is not None and status != 100:
                self._asked.on_interim(status, headers)
            return
        self.keep_alive = self._parser.should_keep_alive()
        if self._transfer_encoding is not None:
            length = None
        elif self._length is not None:
            length = self._length
        else:
            length = None
            self.until_close = True
        bare = self._seen is not None and (self._asked.method == "HEAD" or status < 300)
        if bare or status in {101, 204, 304}:
            self._read_without_body(status, headers, length, bare=bare)
            return
        self.body = body = Body(length, self._connection)
        self.response = Response(status, headers, body)

    def on_body(self, data: bytes) -> None:
        self._head_bytes = 0
        body = self.body
        if body is not None and body.error is None and not self.complete:
            body.feed(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._after_interim()
            return
        if self.complete:
            return
        trailers = None
        if self._headers:
            trailers = Headers.trusted(self._headers)
            self._headers = []
        self._message_ends(trailers)

    # -- inside -------------------------------------------------------------------------------------------------

    def _read_without_body(self, status: int, headers: Headers, length: int | None, *, bare: bool) -> None:
        self.until_close = False
        if bare:
            self.keep_alive = b"close" not in headers.tokens(b"connection")
        body = Body(length if status != 204 else 0)
        body.complete = True
        self.response = Response(status, headers, body)
        self.body = body
        if bare:
            raise _HeadIsAll

    def _after_interim(self) -> None:
        self._interim = False
        self._length = None
        self._transfer_encoding = None
        self._headers = []
        self._connection.heard_interim()
        if self._asked.method == "CONNECT":
            raise self._broken("an interim response to CONNECT")

    def _message_ends(self, trailers: Headers | None) -> None:
        self.complete = True
        body = self.body
        if body is not None and not body.complete and body.error is None:
            body.end(trailers)

    def _check_head(self, status: int, count: int) -> None:
        if self._parser.get_http_version() not in {"1.1", "1.0"} or not 100 <= status <= 599:
            raise self._broken("not an HTTP/1.1 response")
        if self._transfer_encoding not in {None, b"chunked"}:
            raise self._broken("a transfer coding that we do not know")
        if count > self._connection.limits.header_count:
            raise self._broken("too many headers")
        if status == 101 and self._asked.upgrade in {None, "connect"}:
            raise self._broken("it switched protocols without being asked")

    def _check_head_size(self) -> None:
        # A head or trailers that did not come in one piece. What is counted may include interim responses.
        limits = self._connection.limits
        if self._head_bytes > limits.header_bytes or len(self._headers) > limits.header_count:
            raise self._broken("its head or what goes around its body is too large")

    def _broken(self, detail: str) -> UpstreamError:
        return UpstreamError(self._connection.label, f"not a valid response: {detail}")
