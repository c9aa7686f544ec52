"""A message's body: bytes that one side produces and the other consumes, at the consumer's pace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from entryway.http.errors import BodyIncomplete, ContentTooLarge
from entryway.http.generators import Generated, pieces

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from entryway.http.headers import Headers

HIGH_WATER: Final = 64 * 1024


class Source(Protocol):
    """Who produces a body: usually the connection that it arrives on."""

    def wanted(self) -> None:
        """The consumer has begun to consume: the moment for `100 Continue`."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abandon(self) -> None:
        """Nobody will consume the rest."""


class Sink(Protocol):
    """Who consumes a body that is piped: usually the connection that it leaves on."""

    def write(self, data: bytes) -> None: ...

    def end(self, trailers: Headers | None) -> None: ...

    def fail(self, error: Exception) -> None: ...


class Body:
    """A stream of bytes with one producer and one consumer.

    `length` is what the message declared, or None when only the end will tell. A consumer either reads
    (`read`, `chunks`), pipes it into a sink, or abandons it.
    """

    __slots__ = (
        "_buffered",
        "_chunks",
        "_paused",
        "_sink",
        "_source",
        "_waiter",
        "complete",
        "error",
        "length",
        "trailers",
    )

    def __init__(self, length: int | None, source: Source | None = None) -> None:
        self.length = length
        self.trailers: Headers | None = None
        self.complete = False
        self.error: Exception | None = None
        self._source = source
        self._sink: Sink | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    @staticmethod
    def of(data: bytes) -> Body:
        """Return a body whose bytes are all here."""
        body = Body(len(data))
        if data:
            body._chunks.append(data)
        body.complete = True
        return body

    @staticmethod
    def from_chunks(chunks: AsyncIterable[bytes], length: int | None = None) -> Body:
        """Return a body that is drawn from `chunks` as fast as the consumer takes it."""
        source = Generated(chunks)
        source.body = Body(length, source)
        return source.body

    # -- the producer's side ------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        sink = self._sink
        if sink is not None:
            sink.write(data)
            return
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered >= HIGH_WATER:
            self.pause()
        self._wake()

    def end(self, trailers: Headers | None = None) -> None:
        self.complete = True
        self.trailers = trailers
        if self._sink is not None:
            self._sink.end(trailers)
        self._wake()

    def fail(self, error: Exception) -> None:
        """The producer cannot go on; what was fed so far is not the whole body."""
        if self.complete or self.error is not None:
            return
        self.error = error
        if self._sink is not None:
            self._sink.fail(error)
        self._wake()

    # -- the consumer's side ------------------------------------------------------------------------------------

    @property
    def consumed(self) -> bool:
        """Whether somebody pipes or reads it, so that it will come to its end."""
        return self._sink is not None or self._waiter is not None

    def pause(self) -> None:
        if not self._paused and not self.complete and self._source is not None:
            self._paused = True
            self._source.pause_reading()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            if not self.complete and self._source is not None:
                self._source.resume_reading()

    def take(self) -> bytes:
        """Return what is buffered now, without waiting."""
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._chunks = []
        self._buffered = 0
        return data

    def pipe(self, sink: Sink) -> None:
        """Let every byte, the end or the failure go to `sink`; the sink paces by `pause` and `resume`."""
        if self._chunks:
            sink.write(self.take())
        if self.complete:
            sink.end(self.trailers)
        elif self.error is not None:
            sink.fail(self.error)
        else:
            self._sink = sink
            if self._source is not None:
                self._source.wanted()
            self.resume()

    def abandon(self) -> None:
        """Tell the producer that nobody consumes the rest."""
        self._sink = None
        self._chunks = []
        self._buffered = 0
        if not self.complete and self.error is None:
            self.error = BodyIncomplete("abandoned by its consumer")
            if self._source is not None:
                self._source.abandon()
            self._wake()

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the body as it arrives."""
        return pieces(self)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks()

    async def read(self, limit: int | None = None) -> bytes:
        """Return the whole body; more than `limit` bytes raise ContentTooLarge."""
        if limit is not None and self.length is not None and self.length > limit:
            raise ContentTooLarge(f"{self.length} bytes declared, {limit} allowed")
        if self.complete and len(self._chunks) < 2 and (limit is None or self._buffered <= limit):
            return self.take()
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if limit is not None and size > limit:
                self.abandon()
                raise ContentTooLarge(f"more than {limit} bytes")
            parts.append(chunk)
        return b"".join(parts)

    async def more(self) -> None:
        """Wait until there is more, or the end."""
        if self._waiter is not None:
            raise RuntimeError("a body has one consumer")
        self._waiter = asyncio.get_running_loop().create_future()
        if self._source is not None:
            self._source.wanted()
        self.resume()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


EMPTY: Final = Body(0)
"""The body of every message that has none."""
EMPTY.complete = True
