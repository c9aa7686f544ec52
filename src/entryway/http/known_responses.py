"""Responses whose head is known: only those that came whole in one read, on a connection that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entryway.http.known_heads import RESPONSES, KnownHead

if TYPE_CHECKING:
    from entryway.http.headers import RawHeader
    from entryway.http.messages import Response

# What is not framed by its length alone is not remembered, nor is what somebody's browser is to keep.
_NOT_REMEMBERED: Final = frozenset({b"transfer-encoding", b"trailer", b"upgrade", b"set-cookie"})
_WITHOUT_BODY: Final = frozenset({101, 204, 304})


def learn(data: bytes, end: int, response: Response | None) -> None:
    """Remember a head that came again; it ends at `end`, and llhttp made `response` of the whole."""
    if response is None or response.status in _WITHOUT_BODY:
        return
    # An interim response before it would begin otherwise, as would a response of HTTP/1.0.
    if not data.startswith(b"HTTP/1.1 %d" % response.status):
        return
    raw = response.headers.raw
    length = _length(raw)
    if length == len(data) - end and RESPONSES.comes_again(data[:end]):
        RESPONSES.remember(data[:end], KnownHead(raw.copy(), response.status, length))


def _length(raw: list[RawHeader]) -> int:
    """Return the length that frames the body, or -1 if something else has a say."""
    length = -1
    for name, value in raw:
        if name in _NOT_REMEMBERED or (name == b"connection" and value.lower() != b"keep-alive"):
            return -1
        if name == b"content-length":
            length = int(value) if length < 0 else -2
    return length
