"""Where a browser may be sent: exact schemes, hosts and ports unless a pattern says otherwise, Ant rules for paths.

A whole-URI comparison would let `https://*.good.example/**` match `https://evil.example/x.good.example/`; so a URI is
taken apart first and each part must match on its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from entryway.config.redirect_patterns import SCRIPTS, RedirectPattern
from entryway.oauth.ant_patterns import matches_host, matches_path, matches_scheme
from entryway.oauth.errors import InvalidRequest, echo

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 2000
_DEFAULT_PORTS = {"http": "80", "https": "443"}
# What browsers, proxies and our own parser might read differently has no place in an address we send people to.
_DOUBTFUL = re.compile(r"[^\x21-\x7E]|[\\<>\"{}|^`]")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """A requested URI, taken apart and found unambiguous."""

    text: str
    scheme: str
    host: str
    port: str | None
    path: str
    query: str


def parse(uri: str) -> Target | None:
    """Return the parts of a URI, None when any reader could disagree about them."""
    if len(uri) > LONGEST or _DOUBTFUL.search(uri) or "#" in uri:
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return None
    host = parts.netloc.lower().rpartition(":")[0] if port is not None else parts.netloc.lower()
    if not parts.scheme or "@" in parts.netloc or not _HOST.fullmatch(host) or _climbs(parts.path):
        return None
    scheme = parts.scheme.lower()
    if scheme in SCRIPTS:
        return None
    given = str(port) if port is not None else None
    return Target(uri, scheme, host, given or _DEFAULT_PORTS.get(scheme), parts.path, parts.query)


class RedirectRefused(InvalidRequest):
    """The browser is not sent where the request says."""


def choose(requested: str | None, registered: Sequence[RedirectPattern]) -> str:
    """Return where to send the browser, or raise: never redirect to what is not registered."""
    if requested is None:
        exact = [pattern for pattern in registered if "*" not in pattern.text]
        if len(registered) == 1 and len(exact) == 1 and parse(exact[0].text) is not None:
            return exact[0].text
        raise InvalidRequest("Client registration is missing redirect_uri, or the request must name one of several")
    if not allowed(requested, registered):
        raise RedirectRefused(f"Invalid redirect {echo(requested)} did not match one of the registered values")
    return requested


def allowed(requested: str, registered: Sequence[RedirectPattern]) -> bool:
    """Say whether a browser may be sent to `requested`."""
    target = parse(requested)
    if target is None:
        return False
    # Developers' machines: every client may use localhost, on any port.
    if target.host == "localhost" and target.scheme in _DEFAULT_PORTS:
        return True
    return any(_matches(pattern, target) for pattern in registered)


def _matches(pattern: RedirectPattern, target: Target) -> bool:
    port = pattern.port or (_DEFAULT_PORTS.get(target.scheme))
    return (
        matches_scheme(pattern.scheme, target.scheme)
        and matches_host(pattern.host, target.host)
        and (port in {"*", target.port})
        and matches_path(pattern.path or "/", target.path or "/")
        and (pattern.query is None or pattern.query == target.query)
    )


def _climbs(path: str) -> bool:
    """Say whether a path has dot segments or separators, also when they are encoded (even twice)."""
    decoded = unquote(unquote(path))
    return "\\" in decoded or decoded.count("/") != path.count("/") or bool({".", ".."} & set(decoded.split("/")))
