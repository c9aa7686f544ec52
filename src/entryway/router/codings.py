"""Content codings: which one a client wants most, and the streams that make them."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache
from typing import Protocol

import brotli
import zstandard

from entryway.http import Body

BROTLI, ZSTD, GZIP, DEFLATE = b"br", b"zstd", b"gzip", b"deflate"
PREFERRED = (BROTLI, ZSTD, GZIP, DEFLATE)
"""Of codings that the client likes equally, the first is used."""

_BROTLI_QUALITY = 4
_BROTLI_WINDOW = 18  # 256 KiB: what one answer may hold in memory
_ZSTD_LEVEL = 3
_ZLIB_LEVEL = 5
_ZLIB_WINDOW = {GZIP: 31, DEFLATE: 15}
_WEIGHT = re.compile(rb"q\s*=\s*([^;\s]*)")


class Encoder(Protocol):
    """Turns the pieces of a body into pieces that can be read as they arrive."""

    def piece(self, data: bytes) -> bytes:
        """Return all of the input so far that has not been returned: whoever sends in pieces wants them to arrive."""

    def end(self, data: bytes = b"") -> bytes:
        """Return the rest."""


@lru_cache(maxsize=500)
def choose(accepted: bytes, offered: Sequence[bytes] = PREFERRED) -> bytes | None:
    """Return the coding to use for an Accept-Encoding header, or None for none (RFC 9110 §12.5.3)."""
    weights: dict[bytes, float] = {}
    for part in accepted.lower().split(b","):
        name, _, parameters = part.partition(b";")
        weights[name.strip()] = _weight(parameters)
    rest = weights.get(b"*", 0.0)
    usable = [(weights.get(coding, rest), coding) for coding in offered]
    best = max(usable, key=lambda entry: entry[0])
    return best[1] if best[0] > 0 else None


def encoder(coding: bytes) -> Encoder:
    """Return a new stream of a coding."""
    return ENCODERS[coding]()


async def encoded(body: Body, stream: Encoder) -> AsyncIterator[bytes]:
    """Yield a body through a stream as it arrives."""
    try:
        async for chunk in body.chunks():
            yield stream.piece(chunk)
        yield stream.end()
    finally:
        body.abandon()


def _weight(parameters: bytes) -> float:
    found = _WEIGHT.search(parameters)
    try:
        weight = 1.0 if found is None else float(found[1])
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


class _Zlib:
    def __init__(self, coding: bytes) -> None:
        self._stream = zlib.compressobj(_ZLIB_LEVEL, zlib.DEFLATED, _ZLIB_WINDOW[coding])

    def piece(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self, data: bytes = b"") -> bytes:
        return self._stream.compress(data) + self._stream.flush()


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=_BROTLI_QUALITY, lgwin=_BROTLI_WINDOW)

    def piece(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data) + self._stream.flush())

    def end(self, data: bytes = b"") -> bytes:
        return bytes(self._stream.process(data) + self._stream.finish())


class _Zstd:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def piece(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self, data: bytes = b"") -> bytes:
        return self._stream.compress(data) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


ENCODERS: dict[bytes, Callable[[], Encoder]] = {
    BROTLI: _Brotli,
    ZSTD: _Zstd,
    GZIP: lambda: _Zlib(GZIP),
    DEFLATE: lambda: _Zlib(DEFLATE),
}
