"""A message's body on its way out, when it does not leave together with the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from entryway.http import heads

if TYPE_CHECKING:
    import asyncio

    from entryway.http.headers import Headers


class Sender(Protocol):
    """The connection that a body leaves on."""

    closed: bool
    transport: asyncio.Transport

    def body_sent(self) -> None: ...

    def body_failed(self, error: Exception) -> None:
        """The message cannot be completed, and its receiver must not take it for complete."""


class BodyWriter:
    """Writes a body as its framing wants it, and holds it to the length that was declared. A `Sink`."""

    __slots__ = ("_broken", "_chunked", "_left", "_sender", "pieces")

    def __init__(self, sender: Sender, length: int | None, broken: type[Exception], *, chunked: bool) -> None:
        self._sender = sender
        self._chunked = chunked
        self._left = -1 if length is None else length
        self._broken = broken
        self.pieces = 0
        """How many pieces have been written."""

    def write(self, data: bytes) -> None:
        sender = self._sender
        if sender.closed or not data:
            return
        self.pieces += 1
        if self._chunked:
            sender.transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
            return
        if self._left >= 0:
            self._left -= len(data)
            if self._left < 0:
                sender.body_failed(self._broken("the body is longer than declared"))
                return
        sender.transport.write(data)

    def end(self, trailers: Headers | None) -> None:
        sender = self._sender
        if sender.closed:
            return
        if self._chunked:
            sender.transport.write(heads.last_chunk(trailers))
        elif self._left > 0:
            sender.body_failed(self._broken("the body is shorter than declared"))
            return
        sender.body_sent()

    def fail(self, error: Exception) -> None:
        self._sender.body_failed(error)
