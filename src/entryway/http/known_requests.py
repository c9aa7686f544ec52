"""Requests that are read without llhttp: if their header block is known, or else line by line.

Only requests without a body, on a connection that is kept, that came whole in one read and asked for no other protocol.
The request line is read by rules of our own that are narrower than llhttp's: what they do not take, llhttp judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entryway.http.body import EMPTY
from entryway.http.headers import Headers
from entryway.http.known_heads import LONGEST, REQUESTS, KnownHead
from entryway.http.known_lines import read_lines
from entryway.http.messages import Request
from entryway.http.parsing import is_host

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection
    from entryway.http.headers import RawHeader

_END: Final = b" HTTP/1.1\r\n"
_LONGEST_LINE: Final = 200
_MOST_LINES: Final = 1000

# A block with one of these frames a body, asks for something else than an answer, or ends the connection.
_NOT_REMEMBERED: Final = frozenset(
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
    method = "GET" if line.startswith(b"GET /") else "HEAD"
    if not line.endswith(_END) or (method == "HEAD" and not line.startswith(b"HEAD /")):
        return None
    target = line[len(method) + 1 : -len(_END)].decode("latin-1")
    if " " in target or "#" in target or not (target.isascii() and target.isprintable()):
        return None
    known = RequestLine(method, target)
    if len(line) <= _LONGEST_LINE and "?" not in target:
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
    return _request(line, known.headers.copy(), known, len(data), connection)


def read_new(data: bytes, start: int, connection: ServerConnection) -> Request | None:
    """Return the request that `data` is if the lines of its block, which begins at `start`, can be read one by one."""
    if len(data) > LONGEST or not data.endswith(b"\r\n\r\n"):
        return None
    line = read_line(data[:start])
    if line is None:
        return None
    raw = read_lines(data[start:-4])
    if raw is None or not _may_be_remembered(raw) or not _names_one_host(raw):
        return None
    block = data[start:]
    known = None
    if REQUESTS.comes_again(block):
        known = KnownHead(raw.copy())
        REQUESTS.remember(block, known)
    return _request(line, raw, known, len(data), connection)


def _request(
    line: RequestLine, raw: list[RawHeader], known: KnownHead | None, size: int, connection: ServerConnection
) -> Request | None:
    limits = connection.server.limits
    if (
        size > limits.header_bytes
        or len(raw) > limits.header_count
        or len(line.target) > limits.target_bytes
        or limits.requests_per_connection is not None
    ):
        return None  # it may be too much, and whoever parses it knows how to refuse it
    headers = Headers.trusted(raw)
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


def _names_one_host(raw: list[RawHeader]) -> bool:
    hosts = [value for name, value in raw if name == b"host"]
    return len(hosts) == 1 and is_host(hosts[0])


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
