"""Bytes that came too early: behind many pipelined requests, or behind a request to speak another protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.http.body import HIGH_WATER

if TYPE_CHECKING:
    import asyncio


class HeldBack:
    """Keeps what came until its turn; a client that sends on and on has to wait."""

    __slots__ = ("_chunks", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        if data:
            self._chunks.append(data)
            self._size += len(data)
            if self._size > HIGH_WATER:
                self._transport.pause_reading()

    def release(self) -> bytes:
        """Return all of it, and read on."""
        if self._size > HIGH_WATER:
            self._transport.resume_reading()
        data, self._chunks, self._size = b"".join(self._chunks), [], 0
        return data
