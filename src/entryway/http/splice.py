"""Raw bytes after an upgrade: two connections tied together, or one that a coroutine reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

EARLY_BYTES = 64 * 1024


class RawStream(asyncio.Protocol):
    """One connection whose bytes mean nothing to us any more.

    Two of them are tied by `splice`, with backpressure, half-close and abort in both directions. Alone, a coroutine
    uses `read`, `write`, `drain` and `close`.
    """

    def __init__(self, transport: asyncio.Transport | None = None, early: bytes = b"") -> None:
        self.transport = cast("asyncio.Transport", transport)  # connection_made brings it otherwise
        self.closed = False
        self.on_closed: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._active = 0.0
        self._early = [early] if early else []
        self._early_size = len(early)
        self._eof = False
        self._eof_sent = False
        self._peer: RawStream | None = None
        self._writable = True
        self._reader: asyncio.Future[None] | None = None
        self._drainer: asyncio.Future[None] | None = None
        self._error: Exception | None = None

    # -- to use it ----------------------------------------------------------------------------------------------

    def splice(self, other: RawStream) -> None:
        """Tie two streams together; from here on neither needs anybody."""
        self._attach(other)
        other._attach(self)

    def start_idle_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note from now on when the last byte passed in either direction."""
        self._loop = loop
        self._active = loop.time()

    def idle_for(self, now: float) -> float:
        return now - self._active

    def write(self, data: bytes) -> None:
        if self._loop is not None:
            self._active = self._loop.time()
        if not self.closed and not self._eof_sent:
            self.transport.write(data)

    def write_eof(self) -> None:
        """Say that no more will be written; where a transport cannot say it (TLS), close."""
        if self.closed or self._eof_sent:
            return
        self._eof_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def close(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    async def read(self) -> bytes:
        """Return the next bytes, or b"" at the end of the stream."""
        while not self._early:
            if self._error is not None:
                raise self._error
            if self._eof or self.closed:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._take_early()

    async def drain(self) -> None:
        """Wait until more may be written."""
        if self._writable or self.closed:
            return
        self._drainer = asyncio.get_running_loop().create_future()
        try:
            await self._drainer
        finally:
            self._drainer = None

    # -- what the event loop calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        peer = self._peer
        if self._loop is not None:
            self._active = self._loop.time()
        if peer is not None:
            peer.write(data)
            return
        self._early.append(data)
        self._early_size += len(data)
        if self._early_size >= EARLY_BYTES:
            self.transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._eof = True
        if self._peer is not None:
            self._peer.write_eof()
        _wake(self._reader)
        return not self._eof_sent and self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        # uvloop reports a write that was cut off as CancelledError, which nobody who reads here has deserved.
        self._error = exc if exc is None or isinstance(exc, Exception) else ConnectionAbortedError()
        self._writable = True
        _wake(self._reader)
        _wake(self._drainer)
        peer, self._peer = self._peer, None
        if peer is not None and not peer.closed:
            peer.end_after(exc)
        if self.on_closed is not None:
            self.on_closed()

    def end_after(self, exc: Exception | None) -> None:
        """The other side is gone: flush what it sent and close, or cut off what it cut off."""
        if exc is None:
            self.transport.close()
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        self._writable = False
        if self._peer is not None and not self._peer.closed:
            self._peer.transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable = True
        _wake(self._drainer)
        if self._peer is not None and not self._peer.closed:
            self._peer.transport.resume_reading()

    # -- inside -------------------------------------------------------------------------------------------------

    def _attach(self, peer: RawStream) -> None:
        self._peer = peer
        if self._early:
            peer.write(self._take_early())
        if self._eof:
            peer.write_eof()
        if self.closed:
            peer.end_after(self._error)
        elif peer._writable:
            self.transport.resume_reading()

    def _take_early(self) -> bytes:
        data = b"".join(self._early)
        self._early = []
        if self._early_size >= EARLY_BYTES and not self.closed:
            self.transport.resume_reading()
        self._early_size = 0
        return data


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
