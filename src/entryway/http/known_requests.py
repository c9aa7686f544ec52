"""Requests whose header block is known: what is left to read of them is the request line.

Only requests without a body, on a connection that is kept, that came whole in one read and asked for no other protocol.
The request line is read by rules of our own that are narrower than llhttp's: what they do not take, llhttp judges.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from entryway.http.body import EMPTY
from entryway.http.headers import Headers
from entryway.http.known_heads import REQUESTS, KnownHead
from entryway.http.messages import Request

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection
    from entryway.http.headers import RawHeader

_LINE = re.compile(rb"(GET|HEAD) (/[A-Za-z0-9/_.~!$&'()*+,;=:@%?-]*) HTTP/1\.1\r\n")
_LONGEST_LINE = 200
_MOST_LINES = 1000

# A block with one of these frames a body, asks for something else than an answer, or ends the connection.
_NOT_REMEMBERED = frozenset(
    {
        b"content-length",
        b"transfer-encoding",
        b"trailer",
        b"te",
        b"expect",
        b"upgrade",
        b"keep-alive",
        b"proxy-connection",
    }
)


class RequestLine:
    """The line of a request that may be read without llhttp."""

    __slots__ = ("method", "target")

    def __init__(self, method: str, target: str) -> None:
        self.method = method
        self.target = target


_lines: Final[dict[bytes, RequestLine]] = {}
"""Lines that were read lately, none with a query."""


def read_line(line: bytes) -> RequestLine | None:
    """Return what a request line with its end says, if it is one of those that need no further look."""
    known = _lines.get(line)
    if known is not None:
        return known
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    method, target = found.groups()
    known = RequestLine(method.decode("ascii"), target.decode("ascii"))
    if len(line) <= _LONGEST_LINE and b"?" not in target:
        if len(_lines) >= _MOST_LINES:
            _lines.clear()
        _lines[line] = known
    return known


def read_known(data: bytes, start: int, connection: ServerConnection) -> Request | None:
    """Return the request that `data` is if it needs no parsing, because what begins at `start` is a known block."""
    known = REQUESTS.find(data[start:])
    if known is None:
        return None
    line = read_line(data[:start])
    if line is None:
        return None
    limits = connection.server.limits
    if (
        len(data) > limits.header_bytes
        or len(known.headers) > limits.header_count
        or len(line.target) > limits.target_bytes
        or limits.requests_per_connection is not None
    ):
        return None  # it may be too much, and whoever parses it knows how to refuse it
    headers = Headers.trusted(known.headers.copy())
    headers.known = known
    return Request(
        line.method,
        line.target,
        headers,
        EMPTY,
        connection.peer,
        connection.scheme,
        None,
        False,
        True,
        connection,
    )


def learn(data: bytes, start: int, request: Request) -> None:
    """Remember a header block that came again; it begins at `start`, and llhttp made `request` of the whole."""
    if data.find(b"\r\n\r\n") != len(data) - 4 or read_line(data[:start]) is None:
        return
    if request.body is not EMPTY or request.upgrade is not None or not request.keep_alive:
        return
    block = data[start:]
    raw = request.headers.raw
    if REQUESTS.comes_again(block) and REQUESTS.find(block) is None and _may_be_remembered(raw):
        REQUESTS.remember(block, KnownHead(raw.copy()))


def _may_be_remembered(raw: list[RawHeader]) -> bool:
    for name, value in raw:
        if name in _NOT_REMEMBERED or (name == b"connection" and value.lower() != b"keep-alive"):
            return False
    return True
