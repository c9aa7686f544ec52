"""How heads are written. Framing fields are the engine's own, and no byte of a head can begin another line."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from entryway.http.body import Body
from entryway.http.headers import checked_name, checked_value
from entryway.http.parsing import METHODS

if TYPE_CHECKING:
    from entryway.http.headers import Headers

# Only a neighbour may say these, and to a neighbour we are the one who says them.
_OURS = frozenset(
    {
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    },
)
_OURS_TO_CLIENTS = _OURS | {b"date"}
_OURS_TO_UPSTREAMS = _OURS | {b"expect", b"host"}

# RFC 9110 §6.5.1: a trailer must not decide about framing, routing, authentication or how the content is read.
_NOT_IN_TRAILERS = _OURS | {
    b"age", b"authorization", b"cache-control", b"content-encoding", b"content-range", b"content-type", b"cookie",
    b"date", b"expect", b"expires", b"host", b"location", b"max-forwards", b"pragma", b"proxy-authenticate",
    b"proxy-authorization", b"range", b"retry-after", b"set-cookie", b"te", b"trailer", b"vary", b"warning",
    b"www-authenticate",
}  # fmt: skip

_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode("ascii")) for status in HTTPStatus
}
METHOD_BYTES = {name: method for method, name in METHODS.items()}
_NO_CONTENT_LENGTH = frozenset({204, 304})
_BODY_EXPECTED = frozenset({"POST", "PUT", "PATCH"})

CHUNKED = b"transfer-encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class UnsafeHead(ValueError):
    """A name, value or target holds a byte that would end its line; nothing was sent."""


def response_head(status: int, headers: Headers, framing: bytes, date: bytes) -> bytes:
    """Return the head of a response; `framing` is whole lines, `date` a whole line for when the headers have none."""
    parts = [_STATUS_LINES.get(status) or _status_line(status)]
    lines = 2 + framing.count(b"\n")
    dated = False
    for name, value in headers.raw:
        if name in _OURS_TO_CLIENTS:
            if name != b"date" or dated:
                continue
            dated = True
        parts += (name, b": ", value, b"\r\n")
        lines += 1
    if not dated:
        parts.append(date)
        lines += 1
    parts += (framing, b"\r\n")
    return _checked(b"".join(parts), lines)


def request_head(method: str, target: bytes, headers: Headers, authority: bytes, framing: bytes) -> bytes:
    """Return the head of a request; the Host header is the first of the headers' own, or `authority`."""
    parts = [
        METHOD_BYTES.get(method) or _checked_method(method),
        b" ",
        target,
        b" HTTP/1.1\r\nhost: ",
        authority,
        b"\r\n",
    ]
    lines = 3 + framing.count(b"\n")
    hosted = False
    for name, value in headers.raw:
        if name in _OURS_TO_UPSTREAMS:
            if name == b"host" and not hosted:
                hosted = True
                parts[4] = value
            continue
        parts += (name, b": ", value, b"\r\n")
        lines += 1
    parts += (framing, b"\r\n")
    return _checked(b"".join(parts), lines)


def upgrade_framing(protocol: str) -> bytes:
    """Return the lines that ask for, or agree to, another protocol."""
    return b"connection: upgrade\r\nupgrade: %b\r\n" % checked_value(protocol.encode("latin-1"))


def interim_head(status: int, headers: Headers) -> bytes:
    """Return a 1xx response."""
    kept = [header for header in headers.raw if header[0] not in _OURS_TO_CLIENTS]
    fields = b"".join([b"%b: %b\r\n" % header for header in kept])
    return _checked((_STATUS_LINES.get(status) or _status_line(status)) + fields + b"\r\n", 2 + len(kept))


def response_framing(method: str, status: int, body: bytes | Body, *, http10: bool) -> tuple[bytes, bool, bool]:
    """Return the framing lines, whether the body is sent at all, and whether it is chunked."""
    length = body.length if isinstance(body, Body) else len(body)
    if method == "HEAD" or status in _NO_CONTENT_LENGTH:
        return _length_without_body(status, length), False, False
    if length is not None:
        return b"content-length: %d\r\n" % length, True, False
    if http10:
        return b"", True, False  # the end of the connection is the end of the body
    return CHUNKED, True, True


def _length_without_body(status: int, length: int | None) -> bytes:
    # RFC 9110 §8.6: it is the length that a GET would have been answered with, so zero is a guess after a 304.
    if length is None or status == 204 or (status == 304 and length == 0):
        return b""
    return b"content-length: %d\r\n" % length


def request_framing(method: str, body: bytes | Body) -> tuple[bytes, bool]:
    """Return the framing lines of a request, and whether its body is chunked."""
    length = body.length if isinstance(body, Body) else len(body)
    if length is None:
        return CHUNKED, True
    if length > 0 or method in _BODY_EXPECTED:
        return b"content-length: %d\r\n" % length, False
    return b"", False


def last_chunk(trailers: Headers | None) -> bytes:
    """Return the end of a chunked body, with the trailers that may stand there."""
    if trailers is None or not len(trailers):
        return LAST_CHUNK
    kept = [header for header in trailers.raw if header[0] not in _NOT_IN_TRAILERS]
    fields = b"".join([b"%b: %b\r\n" % header for header in kept])
    return _checked(b"0\r\n" + fields + b"\r\n", 2 + len(kept))


def _checked(head: bytes, lines: int) -> bytes:
    # Every line was given its own CRLF: one more CR or LF than that came from inside a name, value or target.
    # Taking them out and looking at the length is how to count them fast in a head that carries a long token.
    without_lf = head.replace(b"\n", b"")
    if len(head) - len(without_lf) != lines or len(without_lf) - len(without_lf.replace(b"\r", b"")) != lines:
        raise UnsafeHead("a line break inside a message head")
    if b"\0" in head:
        raise UnsafeHead("NUL inside a message head")
    return head


def _checked_method(method: str) -> bytes:
    return checked_name(method.lower().encode("ascii")).upper()


def _status_line(status: int) -> bytes:
    if not 100 <= status <= 999:
        raise ValueError(f"not a status: {status}")
    return b"HTTP/1.1 %d \r\n" % status
