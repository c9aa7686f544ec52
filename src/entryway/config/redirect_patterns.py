"""Where a descriptor says that browsers may be sent: `https://*.example.com/callback/**`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(
    r"(?P<scheme>[a-z*][a-z0-9+.*-]*)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9*._-]+)"
    r"(?::(?P<port>[0-9]{1,5}|\*))?"
    r"(?P<path>/[^?#\\\s]*)?"
    r"(?:\?(?P<query>[^#\\\s]*))?",
    re.IGNORECASE,
)
# Browsers run what is behind these instead of going there.
SCRIPTS = frozenset({"javascript", "data", "vbscript", "blob", "about"})


@dataclass(frozen=True, slots=True)
class RedirectPattern:
    """One registered pattern in its parts; `None` for the port means the scheme's own."""

    text: str
    scheme: str
    host: str
    port: str | None
    path: str
    query: str | None


def parse(text: str) -> RedirectPattern | None:
    """Return the pattern, None when it is not one."""
    match = _PATTERN.fullmatch(text)
    if match is None or match["scheme"].lower() in SCRIPTS:
        return None
    return RedirectPattern(
        text=text,
        scheme=match["scheme"].lower(),
        host=match["host"].lower(),
        port=match["port"],
        path=match["path"] or "",
        query=match["query"],
    )


def matches_any_host(pattern: RedirectPattern) -> bool:
    """Say whether the end of the host is open, so that the pattern would trust a host of anybody."""
    last = pattern.host.rstrip(".").rpartition(".")[2]
    return "*" in last or not re.search(r"[a-z0-9]", last)
