"""Session cookies of backends, kept in the user's session per destination and sent back by their domain and path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parsedate

MOST_COOKIES = 50
MOST_BYTES = 4096
_MAX_AGE = re.compile(rb"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class BackendCookie:
    """A cookie without expiry, as RFC 6265 stores it."""

    name: bytes
    value: bytes
    path: bytes
    domain: bytes | None
    """None: for the host that set it only."""
    host: bytes


@dataclass(frozen=True, slots=True)
class SetCookie:
    """A Set-Cookie line, taken apart."""

    name: bytes
    value: bytes
    path: bytes | None
    domain: bytes | None
    persistent: bool
    expired: bool
    secure: bool = False


@dataclass(slots=True)
class CookieJar:
    """The cookies of one destination."""

    cookies: dict[tuple[bytes, bytes, bytes | None], BackendCookie] = field(default_factory=dict)

    def keep(self, cookie: SetCookie, host: bytes, request_path: bytes) -> None:
        """Store a session cookie, unless it is for a foreign domain or the jar is full."""
        host = host.lower()
        domain = cookie.domain
        if domain is not None and not domain_matches(host, domain):
            return
        path = cookie.path if cookie.path is not None else default_path(request_path)
        key = (cookie.name, path, domain)
        if len(cookie.name) + len(cookie.value) > MOST_BYTES or (
            len(self.cookies) >= MOST_COOKIES and key not in self.cookies
        ):
            return
        self.cookies[key] = BackendCookie(cookie.name, cookie.value, path, domain, host)

    def forget(self, name: bytes) -> None:
        """Drop every cookie of this name: the backend ended it or made it the browser's."""
        for key in [key for key in self.cookies if key[0] == name]:
            del self.cookies[key]

    def header(self, host: bytes, path: bytes) -> bytes:
        """Return what to send in Cookie; longer paths first."""
        host = host.lower()
        fitting = [cookie for cookie in self.cookies.values() if _fits(cookie, host, path)]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return b"; ".join(cookie.name + b"=" + cookie.value for cookie in fitting)


def parse_set_cookie(line: bytes) -> SetCookie | None:
    """Take a Set-Cookie line apart after RFC 6265 §5.2, or return None if it sets nothing."""
    first, *attributes = line.split(b";")
    name, equals, value = first.partition(b"=")
    name = name.strip(b" \t")
    if not equals or not name:
        return None
    path: bytes | None = None
    domain: bytes | None = None
    persistent = expired = secure = False
    for attribute in attributes:
        key, _, text = attribute.partition(b"=")
        key, text = key.strip(b" \t").lower(), text.strip(b" \t")
        if key == b"path":
            path = text if text.startswith(b"/") else None
        elif key == b"domain" and text:
            domain = text.lower().removeprefix(b".") or None
        elif key == b"max-age" and _MAX_AGE.fullmatch(text):
            persistent = True
            expired = text.startswith(b"-") or text.strip(b"0") == b""
        elif key == b"expires" and parsedate(text.decode("latin-1")) is not None:
            persistent = True
        elif key == b"secure":
            secure = True
    return SetCookie(name, value.strip(b" \t"), path, domain, persistent, expired, secure)


def default_path(request_path: bytes) -> bytes:
    """Return the folder of the path that was asked for (RFC 6265 §5.1.4)."""
    path = request_path.partition(b"?")[0]
    slash = path.rfind(b"/")
    return path[:slash] if slash > 0 else b"/"


def domain_matches(host: bytes, domain: bytes) -> bool:
    """Tell whether a cookie for `domain` belongs to `host` (RFC 6265 §5.1.3)."""
    return host == domain or (host.endswith(b"." + domain) and not host.replace(b".", b"").isdigit())


def path_matches(path: bytes, cookie_path: bytes) -> bool:
    """Tell whether a cookie for `cookie_path` is sent with a request for `path` (RFC 6265 §5.1.4)."""
    path = path.partition(b"?")[0]
    return path == cookie_path or (
        path.startswith(cookie_path) and (cookie_path.endswith(b"/") or path[len(cookie_path) :].startswith(b"/"))
    )


def _fits(cookie: BackendCookie, host: bytes, path: bytes) -> bool:
    matches = cookie.host == host if cookie.domain is None else domain_matches(host, cookie.domain)
    return matches and path_matches(path, cookie.path)
