"""Compressing answers: text of some size, for clients that can read it; never a stream of events."""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from entryway.config.xs_app_document import CompressionDocument
from entryway.http import Body, Request, Response

LEVEL = 5
_WINDOW = {b"gzip": 31, b"deflate": 15}
_TEXT = re.compile(
    rb"text/(?!event-stream)|application/(?:[a-z0-9.+-]*\+)?(?:json|xml|javascript|ecmascript|wasm|x-javascript)\b"
    rb"|application/(?:graphql|manifest|rtf|x-sh|x-ndjson)|image/(?:svg\+xml|bmp|x-icon)|font/(?:otf|ttf)"
)
_MIXED = b"multipart/mixed"
_UNCHANGED = frozenset({204, 206, 304})
_KEPT_TYPES = 500


@dataclass(frozen=True, slots=True)
class Compressor:
    """Compresses as the configuration wants."""

    rules: CompressionDocument
    _types: dict[bytes, bool] = field(default_factory=dict)

    def apply(self, request: Request, response: Response) -> None:
        """Compress the response's body if both sides gain by it."""
        if not self.rules.enabled:
            return
        raw = response.headers.raw
        kind = None
        for name, value in raw:
            if name == b"content-type":
                kind = value
            elif name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value.lower()):
                return
        if kind is None or not self._compressible(kind):
            return
        raw.append((b"vary", b"Accept-Encoding"))
        if request.method == "HEAD" or response.status in _UNCHANGED:
            return
        length = len(response.body) if isinstance(response.body, bytes) else response.body.length
        accepted = request.headers.get(b"accept-encoding")
        if accepted is None or (length is not None and length < self.rules.min_size):
            return
        coding = choose(accepted)
        if coding is None:
            return
        raw[:] = [_weak(header) for header in raw if header[0] != b"accept-ranges"]
        raw.append((b"content-encoding", coding))
        response.body = _compressed(response.body, coding)

    def _compressible(self, kind: bytes) -> bool:
        known = self._types.get(kind)
        if known is None:
            plain = kind.lower()
            mixed = self.rules.compress_response_mixed_type_content and plain.startswith(_MIXED)
            known = mixed or _TEXT.match(plain) is not None
            if len(self._types) < _KEPT_TYPES:
                self._types[kind] = known
        return known


def choose(accepted: bytes) -> bytes | None:
    """Return the coding to use for an Accept-Encoding header, or None for none (RFC 9110 §12.5.3)."""
    weights: dict[bytes, float] = {}
    for part in accepted.lower().split(b","):
        name, _, parameters = part.partition(b";")
        weights[name.strip()] = _weight(parameters)
    rest = weights.get(b"*", 0.0)
    usable = [(weights.get(coding, rest), coding) for coding in (b"gzip", b"deflate")]
    best = max(usable, key=lambda entry: entry[0])
    return best[1] if best[0] > 0 else None


def _weight(parameters: bytes) -> float:
    found = re.search(rb"q\s*=\s*([^;\s]*)", parameters)
    try:
        return 1.0 if found is None else float(found[1])
    except ValueError:
        return 0.0


def _weak(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    # The bytes are others now: a strong tag would promise too much.
    if header[0] == b"etag" and not header[1].startswith(b"W/"):
        return b"etag", b"W/" + header[1]
    return header


def _compressed(body: bytes | Body, coding: bytes) -> bytes | Body:
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, _WINDOW[coding])
    if isinstance(body, bytes):
        return compressor.compress(body) + compressor.flush()
    return Body.from_chunks(_stream(body, compressor))


async def _stream(body: Body, compressor: zlib._Compress) -> AsyncIterator[bytes]:
    try:
        async for chunk in body.chunks():
            # Whoever sends piece by piece wants the pieces to arrive.
            yield compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
        yield compressor.flush()
    finally:
        body.abandon()
