"""How heads are written. Framing fields are the engine's own, and no byte of a head can begin another line."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from entryway.http.body import Body
from entryway.http.headers import checked_name, checked_value
from entryway.http.parsing import METHODS
from entryway.http.target import checked_target

if TYPE_CHECKING:
    from entryway.http.headers import Headers, RawHeader
    from entryway.http.known_heads import KnownHead

# Only a neighbour may say these, and to a neighbour we are the one who says them.
_OURS: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    },
)
_OURS_TO_CLIENTS: Final = _OURS | {b"date"}
_OURS_TO_UPSTREAMS: Final = _OURS | {b"expect", b"host"}

# RFC 9110 §6.5.1: a trailer must not decide about framing, routing, authentication or how the content is read.
_NOT_IN_TRAILERS = _OURS | {
    b"age", b"authorization", b"cache-control", b"content-encoding", b"content-range", b"content-type", b"cookie",
    b"date", b"expect", b"expires", b"host", b"location", b"max-forwards", b"pragma", b"proxy-authenticate",
    b"proxy-authorization", b"range", b"retry-after", b"set-cookie", b"te", b"trailer", b"vary", b"warning",
    b"www-authenticate",
}  # fmt: skip

_STATUS_LINES: Final = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode("ascii")) for status in HTTPStatus
}
METHOD_BYTES: Final = {name: method for method, name in METHODS.items()}
_NO_CONTENT_LENGTH: Final = frozenset({204, 304})
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})

# Lines that are the same in many messages are written once. None of these names stands for a secret.
_USUAL: Final = frozenset(
    b"accept-ranges access-control-allow-origin allow cache-control content-encoding content-language "
    b"content-security-policy content-type cross-origin-opener-policy cross-origin-resource-policy date expires "
    b"permissions-policy pragma referrer-policy server strict-transport-security vary via x-content-type-options "
    b"x-frame-options x-powered-by x-xss-protection".split()
)
_LONGEST_LINE: Final = 200
_MOST_LINES: Final = 500
_lines: Final[dict[tuple[bytes, bytes], bytes]] = {}

CHUNKED = b"transfer-encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class UnsafeHead(ValueError):
    """A name, value or target holds a byte that would end its line; nothing was sent."""


class WrittenFields:
    """The lines of a response's headers, for responses that have the same ones again."""

    __slots__ = ("dated", "lines", "raw")

    def __init__(self, raw: list[RawHeader]) -> None:
        self.raw = raw
        self.dated = False
        parts = []
        for header in raw:
            name = header[0]
            if name == b"date":
                if self.dated:
                    continue
                self.dated = True
            line = _lines.get(header)
            if line is None:
                if name in _OURS:
                    continue
                line = header_line(name, header[1])
            parts.append(line)
        self.lines = b"".join(parts)


def response_head(status: int, headers: Headers, framing: bytes, date: bytes, known: KnownHead | None = None) -> bytes:
    """Return the head of a response; `framing` is whole lines, `date` a whole line for when the headers have none.

    With the `known` head that it had upstream, only the last header is written: it is the one that names the request.
    """
    begin, raw, last = _STATUS_LINES.get(status) or _status_line(status), headers.raw, b""
    if known is None or not raw or raw[-1][0] in _OURS_TO_CLIENTS:
        written = WrittenFields(raw)
    else:
        last = header_line(raw[-1][0], raw[-1][1])
        written = _written(known, raw[:-1])
    return b"".join((begin, written.lines, last, b"" if written.dated else date, framing, b"\r\n"))


def _written(known: KnownHead, raw: list[RawHeader]) -> WrittenFields:
    written: WrittenFields | None = known.derived.get("written")
    if written is None or written.raw != raw:
        written = WrittenFields(raw)
        # What was added on the way may be a secret: it is kept only if its line is.
        if all(header in known.headers or header in _lines for header in raw):
            known.derived["written"] = written
    return written


def request_head(method: str, target: bytes, fields: bytes, framing: bytes) -> bytes:
    """Return the head of a request; `fields` are header lines that `request_fields` wrote."""
    name = METHOD_BYTES.get(method) or _checked_method(method)
    return b"".join((name, b" ", checked_target(target), b" HTTP/1.1\r\n", fields, framing, b"\r\n"))


def request_fields(headers: Headers, authority: bytes) -> bytes:
    """Return a request's header lines; the first is Host, the first of the headers' own, or `authority`."""
    parts = [b""]
    hosted = False
    for name, value in headers.raw:
        if name in _OURS_TO_UPSTREAMS:
            if name == b"host" and not hosted:
                hosted = True
                authority = value
            continue
        parts.append(_lines.get((name, value)) or header_line(name, value))
    parts[0] = header_line(b"host", authority)
    return b"".join(parts)


def header_line(name: bytes, value: bytes) -> bytes:
    """Return one header as a line; raise UnsafeHead if a byte in it would end the line before its end."""
    line = name + b": " + value
    # Looking for a byte by its number is cheaper than looking for a sequence of one.
    if 10 in line or 13 in line:
        raise UnsafeHead("a line break inside a header")
    if 0 in line:
        raise UnsafeHead("NUL inside a header")
    line += b"\r\n"
    if name in _USUAL and len(line) <= _LONGEST_LINE:
        if len(_lines) >= _MOST_LINES:
            _lines.clear()
        _lines[name, value] = line
    return line


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
    if 0 in head:
        raise UnsafeHead("NUL inside a message head")
    return head


def _checked_method(method: str) -> bytes:
    return checked_name(method.lower().encode("ascii")).upper()


def _status_line(status: int) -> bytes:
    if not 100 <= status <= 999:
        raise ValueError(f"not a status: {status}")
    return b"HTTP/1.1 %d \r\n" % status
