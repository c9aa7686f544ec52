"""Compressing answers: text of some size, for clients that can read it; never a stream of events."""

from __future__ import annotations

import re
from typing import Final

from entryway.config.xs_app_document import CompressionDocument
from entryway.http import Body, Request, Response
from entryway.router.codings import choose, encoded, encoder

_TEXT = re.compile(
    rb"text/(?!event-stream)|application/(?:[a-z0-9.+-]*\+)?(?:json|xml|javascript|ecmascript|wasm|x-javascript)\b"
    rb"|application/(?:graphql|manifest|rtf|x-sh|x-ndjson)|image/(?:svg\+xml|bmp|x-icon)|font/(?:otf|ttf)"
)
_MIXED: Final = b"multipart/mixed"
_UNCHANGED: Final = frozenset({204, 206, 304})
_KEPT_TYPES: Final = 500


class Compressor:
    """Compresses as the configuration wants."""

    def __init__(self, rules: CompressionDocument) -> None:
        self._enabled = rules.enabled
        self._min_size = rules.min_size
        self._mixed = rules.compress_response_mixed_type_content
        self._types: dict[bytes, bool] = {}

    def apply(self, request: Request, response: Response) -> None:
        """Compress the response's body if both sides gain by it."""
        if not self._enabled:
            return
        raw = response.headers.raw
        kind, varies = _looked_through(raw)
        if kind is None or not self._compressible(kind):
            return
        if not varies:
            raw.append((b"vary", b"Accept-Encoding"))
        if request.method == "HEAD" or response.status in _UNCHANGED:
            return
        length = len(response.body) if isinstance(response.body, bytes) else response.body.length
        accepted = request.headers.get(b"accept-encoding")
        if accepted is None or (length is not None and length < self._min_size):
            return
        coding = choose(accepted)
        if coding is None:
            return
        # The entity tag stays as it is: pages send it back in If-Match, where a weak one never matches.
        raw[:] = [header for header in raw if header[0] != b"accept-ranges"]
        raw.append((b"content-encoding", coding))
        response.body = _compressed(response.body, coding)

    def _compressible(self, kind: bytes) -> bool:
        known = self._types.get(kind)
        if known is None:
            plain = kind.lower()
            mixed = self._mixed and plain.startswith(_MIXED)
            known = mixed or _TEXT.match(plain) is not None
            if len(self._types) < _KEPT_TYPES:
                self._types[kind] = known
        return known


def _looked_through(raw: list[tuple[bytes, bytes]]) -> tuple[bytes | None, bool]:
    """Return the type of what may be compressed, and whether caches know already that codings differ."""
    kind = None
    varies = False
    for name, value in raw:
        if name == b"content-type":
            kind = value
        elif name == b"vary":
            varies = varies or _names_encoding(value)
        elif name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value.lower()):
            return None, varies
    return kind, varies


def _names_encoding(vary: bytes) -> bool:
    return any(name.strip() in (b"accept-encoding", b"*") for name in vary.lower().split(b","))


def _compressed(body: bytes | Body, coding: bytes) -> bytes | Body:
    stream = encoder(coding)
    return stream.end(body) if isinstance(body, bytes) else Body.from_chunks(encoded(body, stream))
