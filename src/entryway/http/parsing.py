"""What makes a request head acceptable beyond what llhttp (strict) checks itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from entryway.http.errors import CodingUnknown, HttpError, MalformedRequest, MethodUnknown, VersionUnsupported
from entryway.http.target import parse_target

if TYPE_CHECKING:
    from entryway.http.headers import RawHeader

# The registry of methods, as far as llhttp knows it.
_HTTP_METHODS = (  # noqa: SIM905 one word per method reads better than one string per method
    "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND "
    "REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE MKCALENDAR LINK "
    "UNLINK QUERY"
).split()
METHODS: Final = {name.encode("ascii"): name for name in _HTTP_METHODS}

_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::[0-9]{0,5})?")

# The fields that decide how a message is read; the parser's callback looks at these alone.
WATCHED: Final = frozenset(
    {b"content-length", b"transfer-encoding", b"host", b"expect", b"upgrade"},
)

_hosts_seen_valid: Final[set[bytes]] = set()


class Framing:
    """What the watched fields of one request said."""

    __slots__ = ("coding", "continues", "host", "hosts", "length", "upgrade")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.length = 0
        self.coding: bytes | None = None
        self.host = b""
        self.hosts = 0
        self.continues = False
        self.upgrade: bytes | None = None

    def note(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self.host = value
            self.hosts += 1
        elif name == b"content-length":
            self.length = int(value)  # llhttp lets nothing but one number pass
        elif name == b"transfer-encoding":
            self.coding = value.lower() if self.coding is None else self.coding + b", " + value.lower()
        elif name == b"expect":
            self.continues = value.lower() == b"100-continue"
        else:
            self.upgrade = value.lower()


def method_name(method: bytes) -> str:
    """Return the name of an HTTP method; llhttp also knows those of RTSP and ICE."""
    name = METHODS.get(method)
    if name is None:
        raise MethodUnknown(method.decode("latin-1"))
    return name


def check_framing(framing: Framing, version: str) -> None:
    """Refuse what two parties could read in two ways."""
    if version != "1.1":
        if version != "1.0":
            raise VersionUnsupported(version)
        if framing.coding is not None:
            # RFC 9112 §6.1: a 1.0 message with Transfer-Encoding has faulty framing.
            raise MalformedRequest("Transfer-Encoding in HTTP/1.0")
        if framing.hosts > 1:
            raise MalformedRequest("more than one Host")
    elif framing.hosts != 1:
        raise MalformedRequest("no Host" if framing.hosts == 0 else "more than one Host")
    if framing.coding is not None and framing.coding != b"chunked":
        raise CodingUnknown(framing.coding.decode("latin-1"))
    check_host(framing.host)


def check_host(host: bytes) -> None:
    """Refuse a Host that is none: addresses are made of it."""
    if not is_host(host):
        raise MalformedRequest("Host is not a host and port")


def is_host(host: bytes) -> bool:
    """Tell whether it is a host, with or without a port, or nothing at all."""
    if host in _hosts_seen_valid:
        return True
    if not _HOST.fullmatch(host):
        return False
    if len(_hosts_seen_valid) < 1000:
        _hosts_seen_valid.add(host)
    return True


def check_target(method: str, target: str) -> None:
    """Refuse a target that is of no form the method allows."""
    if target.startswith("/") and method != "CONNECT":
        return
    try:
        parse_target(method, target)
    except ValueError as error:
        raise MalformedRequest(str(error)) from error


def refusal(error: Exception) -> HttpError:
    """Return what a parser's complaint means to a client."""
    cause = error.__context__
    if isinstance(cause, HttpError):
        return cause
    if type(error).__name__ == "HttpParserInvalidMethodError":
        return MethodUnknown(str(error))
    return MalformedRequest(str(error))


def head_size(target: bytes, headers: list[RawHeader]) -> int:
    """Return about how many bytes a head had on the wire."""
    return len(target) + 16 + sum([len(name) + len(value) + 4 for name, value in headers])
