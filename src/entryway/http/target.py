"""What a request target means (RFC 9112 §3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#@]*)([^#]*)")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]+)(?::([0-9]{1,5}))?")

MOST_SEEN: Final = 1000
_seen_valid: Final[set[bytes]] = set()


class Form(Enum):
    ORIGIN = "origin"
    ABSOLUTE = "absolute"
    AUTHORITY = "authority"
    ASTERISK = "asterisk"


@dataclass(slots=True)  # not frozen: one is made for every request, and freezing doubles what that costs
class Target:
    """A target taken apart; `scheme`, `host` and `port` are set only where the form has them."""

    form: Form
    path: str = ""
    query: str | None = None
    scheme: str | None = None
    host: str | None = None
    port: int | None = None

    @property
    def origin_form(self) -> str:
        """The path and query, as an origin server wants to see them."""
        path = self.path or "/"
        return path if self.query is None else f"{path}?{self.query}"


def parse_target(method: str, target: str) -> Target:
    """Take a target apart; raise ValueError when it is of no form that the method allows."""
    if method == "CONNECT":
        host, port = parse_authority(target)
        if port is None:
            raise ValueError("CONNECT needs a port")
        return Target(Form.AUTHORITY, host=host, port=port)
    if target.startswith("/"):
        path, mark, query = target.partition("?")
        return Target(Form.ORIGIN, path, query if mark else None)
    if target == "*":
        if method != "OPTIONS":
            raise ValueError("the target * is for OPTIONS alone")
        return Target(Form.ASTERISK)
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise ValueError("not a request target")
    scheme = match[1].lower()
    host, port = parse_authority(match[2])
    path, mark, query = match[3].partition("?")
    if path and not path.startswith("/"):
        raise ValueError("not a request target")
    return Target(Form.ABSOLUTE, path or "/", query if mark else None, scheme, host, port)


def parse_authority(authority: str) -> tuple[str, int | None]:
    """Return host (an IPv6 address without its brackets) and port; raise ValueError for anything else."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError("not a host and port")
    host = match[1].lower()
    if host.startswith("["):
        host = host[1:-1]
    port = None if match[2] is None else int(match[2])
    if port is not None and not 0 < port < 65536:
        raise ValueError("not a port")
    return host, port


def checked_target(target: bytes) -> bytes:
    """Return the target if it can stand in a request line."""
    if target in _seen_valid:
        return target
    text = target.decode("latin-1")
    if not text or " " in text or not (text.isascii() and text.isprintable()):
        raise ValueError("a request target is visible ASCII without spaces")
    if len(target) < 200 and "?" not in text:
        if len(_seen_valid) >= MOST_SEEN:
            _seen_valid.clear()
        _seen_valid.add(target)
    return target
