"""Lists in pieces for who asks for them; who does not gets all of a list that is not too long for one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from entryway.errors import BadRequest
from entryway.storage.pages import Window

MOST = 500
# A list that ended here without a word would be taken for the whole, so that a longer one is refused.
MOST_WHOLE = 5_000
QUERY = {
    "startIndex": "the first element to list, counted from 1",
    "count": f"how many elements to list, {MOST} at most",
}
_WHOLE = Window(0, MOST_WHOLE)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list, and how many elements the whole has."""

    elements: Sequence[Any]
    total: int

    def shown(self, shape: Callable[[Any], Any]) -> Part:
        """Return the same part with every element as it is told."""
        return Part([shape(each) for each in self.elements], self.total)

    def headers(self, query: Mapping[str, str]) -> dict[str, str]:
        """Return what says how many elements there are and where the next are."""
        headers, window = {"x-total-count": str(self.total)}, window_of(query)
        if window == _WHOLE and len(self.elements) < self.total:
            raise BadRequest(f"the list has {self.total} elements: ask for it in pieces, by startIndex and count")
        if self.elements and window.offset + len(self.elements) < self.total:
            further = urlencode({**query, "startIndex": window.offset + len(self.elements) + 1})
            headers["link"] = f'<?{further}>; rel="next"'
        return headers


def window_of(query: Mapping[str, str]) -> Window:
    """Return the part that a query asks for."""
    if not QUERY.keys() & query.keys():
        return _WHOLE
    start = _number(query, "startIndex", 1, 1, 10**9)
    return Window(start - 1, min(_number(query, "count", MOST, 0, 10**9), MOST))


def part_of(told: Sequence[Any], window: Window) -> Part:
    """Return a part of a list that is at hand."""
    end = None if window.limit is None else window.offset + window.limit
    return Part(told[window.offset : end], len(told))


def _number(query: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    text = query.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not least <= int(text) <= most:
        raise BadRequest(f"{name} is a number from {least}")
    return int(text)
