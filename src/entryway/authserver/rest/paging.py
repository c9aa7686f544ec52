"""Lists in pieces for who asks for them; who does not gets all of a list, as the interface has always been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from entryway.errors import BadRequest

MOST = 500
QUERY = {
    "startIndex": "the first element to list, counted from 1",
    "count": f"how many elements to list, {MOST} at most",
}


def part_of(told: Sequence[Any], query: Mapping[str, str]) -> tuple[Sequence[Any], dict[str, str]]:
    """Return the elements that a query asks for, and headers that say how many there are and where the next are."""
    headers = {"x-total-count": str(len(told))}
    if not QUERY.keys() & query.keys():
        return told, headers
    start = _number(query, "startIndex", 1, 1, 10**9) - 1
    count = _number(query, "count", MOST, 0, 10**9)
    part = told[start : start + min(count, MOST)]
    if part and start + len(part) < len(told):
        further = urlencode({**query, "startIndex": start + len(part) + 1})
        headers["link"] = f'<?{further}>; rel="next"'
    return part, headers


def _number(query: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not least <= int(text) <= most:
        raise BadRequest(f"{name} is a number from {least}")
    return int(text)
