"""Responses that are read without llhttp: if their head is known, or else line by line.

Only those that came whole in one read, on a connection that is kept.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from entryway.http.known_heads import LONGEST, RESPONSES, KnownHead
from entryway.http.known_lines import read_lines

if TYPE_CHECKING:
    from entryway.http.headers import RawHeader
    from entryway.http.messages import Response

# What is not framed by its length alone is not remembered, nor is what somebody's browser is to keep.
_NOT_REMEMBERED: Final = frozenset({b"transfer-encoding", b"trailer", b"upgrade", b"set-cookie"})
_WITHOUT_BODY: Final = frozenset({101, 204, 304})


_STATUS_LINES: Final = {
    b"HTTP/1.1 %d %b" % (status.value, status.phrase.encode("ascii")): status.value
    for status in HTTPStatus
    if status >= 200 and status not in _WITHOUT_BODY
}
_LONGEST_LENGTH: Final = 15
"""So many digits; llhttp judges longer ones."""


def read_new(data: bytes, end: int) -> KnownHead | None:
    """Return what a head means that ends at `end`, if it can be read line by line and its length frames the body."""
    if not 0 < end - 4 <= LONGEST:
        return None
    first = data.find(b"\r\n")
    status = _STATUS_LINES.get(data[:first])
    if status is None or first == end - 4:
        return None
    raw = read_lines(data[first + 2 : end - 4])
    if raw is None:
        return None
    length = _length(raw)
    if length < 0:
        return None
    head = KnownHead(raw, status, length)
    if length == len(data) - end and RESPONSES.comes_again(data[:end]):
        RESPONSES.remember(data[:end], head)
    return head


def learn(data: bytes, end: int, response: Response | None) -> bool:
    """Remember a head that came again; it ends at `end`, and llhttp made `response` of the whole.

    Tell whether it was of the kind that is remembered.
    """
    if response is None or response.status in _WITHOUT_BODY:
        return False
    # An interim response before it would begin otherwise, as would a response of HTTP/1.0.
    if not data.startswith(b"HTTP/1.1 %d" % response.status):
        return False
    raw = response.headers.raw
    length = _length(raw)
    if length != len(data) - end:
        return False
    if RESPONSES.comes_again(data[:end]):
        RESPONSES.remember(data[:end], KnownHead(raw.copy(), response.status, length))
    return True


def _length(raw: list[RawHeader]) -> int:
    """Return the length that frames the body, or less than nothing if something else has a say."""
    length = -1
    for name, value in raw:
        if name in _NOT_REMEMBERED or (name == b"connection" and value.lower() != b"keep-alive"):
            return -1
        if name == b"content-length":
            plain = length == -1 and value.isdigit() and len(value) <= _LONGEST_LENGTH
            length = int(value) if plain else -2
    return length
