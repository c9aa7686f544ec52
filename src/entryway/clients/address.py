"""A URL as it is called: where it leads, and what stands in the request for it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlencode, urlsplit

# What may stand in a path or query as it is; anything else is percent-encoded, so that it cannot end the request line.
_PATH = "/%:@!$&'()*+,;=~-._"
_QUERY = _PATH + "?"
_STANDARD_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Scheme, host and port to connect to, and the target to ask for."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password, for a URL that holds them."""


def parse_address(url: str, params: Mapping[str, str] | None = None) -> Address:
    """Return where an http or https URL leads, with `params` added to its query; raise ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in _STANDARD_PORTS or not parts.hostname:
        raise ValueError("not an http or https URL")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    query = "&".join(part for part in (quote(parts.query, safe=_QUERY), urlencode(params or {})) if part)
    target = quote(parts.path or "/", safe=_PATH) + (f"?{query}" if query else "")
    user = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return Address(parts.scheme, host, parts.port or _STANDARD_PORTS[parts.scheme], target, user)


def basic_authorization(name: str, password: str) -> bytes:
    """Return the value of an Authorization header for a name and a password."""
    return b"Basic " + base64.b64encode(f"{name}:{password}".encode())


def origin_of(url: str) -> str:
    """Return scheme, host and port of `url`: what may be named in a log, where a path or query may hold a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not a URL)"
    return f"{parts.scheme}://{host}{port}"
