"""What a client sends, read as requests: parsed as it comes, within the limits, and at once where it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import httptools

from entryway.http import heads, parsing
from entryway.http.errors import HeadersTooLarge, HttpError, TargetTooLong
from entryway.http.held_back import HeldBack
from entryway.http.known_requests import learn, read_known, read_new
from entryway.http.request_parser import NEVER, RequestParser

if TYPE_CHECKING:
    from collections import deque

    from entryway.http.body import Body
    from entryway.http.connection import ServerConnection
    from entryway.http.messages import Request

_SLICE: Final = 16 * 1024
_PIPELINED: Final = 16


class RequestReader(RequestParser):
    """Reads one connection's requests: how much at a time, what is held back, and what is refused."""

    __slots__ = ("_block_size", "held")

    def __init__(self, connection: ServerConnection, queue: deque[Request]) -> None:
        super().__init__(connection, queue)
        self._block_size = 0
        """How long the last known header block was: the next one is nearly always the same."""
        self.held: HeldBack | None = None
        """Set while what comes is not parsed."""

    @property
    def between_requests(self) -> bool:
        """Whether the last request is here completely and no other has begun."""
        return self.incoming is None and not self.head_arriving

    def read(self, data: bytes) -> None:
        """Parse what came; requests go to the queue, refusals to the connection."""
        size = len(data)
        if size <= _SLICE or self.left >= size:
            if self.incoming is None and not self.head_arriving:
                self._read_from_its_beginning(data)
            else:
                self._parse(data)
            return
        # Many small requests may hide in one large read; they are not all parsed before the first is answered.
        view = memoryview(data)
        for start in range(0, size, _SLICE):
            if self.held is not None:
                self.held.add(bytes(view[start:]))
                return
            self._parse(bytes(view[start : start + _SLICE]))

    def read_held(self) -> None:
        """Parse what was held back."""
        held, self.held = self.held, None
        data = held.release() if held is not None else b""
        if data:
            self.read(data)

    def stop(self) -> Body | None:
        """Read no further request; return the body that was arriving, of which no more will come."""
        self.last = True
        self.head_arriving = False
        self.deadline = NEVER
        body, self.incoming = self.incoming, None
        return body

    def _read_from_its_beginning(self, data: bytes) -> None:
        """Read a request: at once if its header block is known, by parsing it otherwise."""
        queue = self._queue
        start = len(data) - self._block_size
        request = read_known(data, start, self._connection) if self._block_size and start > 0 else None
        if request is None:
            self._block_size = 0
            start = data.find(b"\r\n") + 2
            request = read_known(data, start, self._connection) or read_new(data, start, self._connection)
        if request is not None:
            self._block_size = len(data) - start
            self._requests += 1
            queue.append(request)
            self._hold_back_what_is_too_much()
            return
        waiting = len(queue)
        self._parse(data)
        if len(queue) == waiting + 1 and not self.head_arriving:
            learn(data, start, queue[-1])

    def _parse(self, data: bytes) -> None:
        self._read_size = len(data)
        body_before = self.incoming_size
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as switch:
            self._after_upgrade_request(data[switch.args[0] :])
            return
        except httptools.HttpParserError as error:
            if not self.last:  # after the last request, whatever comes is none of our business
                self._connection.refusals.refuse(parsing.refusal(error))
            return
        if self.head_arriving:
            # A head that did not end within this read: its size so far is at most all that came.
            connection = self._connection
            if self._head_bytes == 0:
                self.deadline = connection.loop.time() + connection.limits.header_timeout
            self._head_bytes += len(data)
            if (excess := self._excess_of_head()) is not None:
                connection.refusals.refuse(excess)
        elif self.incoming is not None:
            self._body_arrives(0 if self.incoming_size != body_before else len(data))
        self._hold_back_what_is_too_much()

    def _hold_back_what_is_too_much(self) -> None:
        if len(self._queue) >= _PIPELINED and self.held is None:
            self.held = HeldBack(self._connection.transport)

    def _body_arrives(self, around: int) -> None:
        self.expect_more()
        # Trailers and extensions of chunks bring the body no further, and trailers are kept to its end.
        self._around_body = self._around_body + around if around else 0
        if self._around_body > self._connection.limits.header_bytes + _SLICE:
            self._connection.refusals.refuse(HeadersTooLarge())

    def _after_upgrade_request(self, rest: bytes) -> None:
        self._parser = httptools.HttpRequestParser(self)
        if self._body_ahead:
            # Bring a fresh parser to where the body begins.
            body = cast("Body", self.incoming)
            framing = heads.CHUNKED if body.length is None else b"content-length: %d\r\n" % body.length
            self._parser.feed_data(b"POST / HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n")
            self._body_ahead = False
            self.head_arriving = False
            self._parse(rest)
        elif self._queue and self._queue[-1].upgrade is not None:
            # What follows belongs to one protocol or the other; the answer will tell.
            self.held = HeldBack(self._connection.transport)
            self.held.add(rest)
        elif rest:
            self._parse(rest)

    def _excess_of_head(self) -> HttpError | None:
        limits = self._connection.limits
        if len(self._target) > limits.target_bytes:
            return TargetTooLong()
        if len(self._headers) > limits.header_count:
            return HeadersTooLarge()
        if self._head_bytes > limits.header_bytes:
            # One header that is still arriving is not in the list yet; then what came in all is the better measure.
            listed = parsing.head_size(self._target, self._headers)
            if max(listed, self._head_bytes - _SLICE) > limits.header_bytes:
                return HeadersTooLarge()
        return None
