"""What a client asks of a list or a resource (RFC 7644 §3.4.2, §3.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.scim import filters
from entryway.scim.errors import InvalidScimValue, InvalidSyntax
from entryway.scim.filters import AttributePath
from entryway.storage.pages import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.scim.filters import Filter

MOST_RESULTS = 500
USUAL_RESULTS = 100
MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """Which attributes to show, as lower-case paths."""

    wanted: frozenset[str] = frozenset()
    unwanted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Query:
    """`start` counts from 1, as on the wire."""

    term: Filter | None
    sort_by: AttributePath | None
    descending: bool
    start: int
    count: int
    selection: Selection

    @property
    def window(self) -> Window:
        """The part of the list that is asked for."""
        return Window(self.start - 1, self.count)


def parse_selection(parameters: Mapping[str, str]) -> Selection:
    """Return which attributes to show, or raise for who asks for both."""
    wanted, unwanted = _names(parameters, "attributes"), _names(parameters, "excludedAttributes")
    if wanted and unwanted:
        raise InvalidSyntax("attributes and excludedAttributes cannot be combined")
    return Selection(wanted, unwanted)


def parse_query(parameters: Mapping[str, str]) -> Query:
    """Return what a list request asks for, or raise."""
    term, sort_by = parameters.get("filter"), parameters.get("sortBy")
    order = parameters.get("sortOrder", "ascending").lower()
    if order not in {"ascending", "descending"}:
        raise InvalidScimValue("sortOrder must be ascending or descending")
    return Query(
        term=filters.parse(term) if term else None,
        sort_by=filters.parse_path(sort_by).attribute if sort_by else None,
        descending=order == "descending",
        # RFC 7644 §3.4.2.4: less than 1 means 1, and a negative count means none.
        start=max(1, _number(parameters, "startIndex", 1)),
        count=min(MOST_RESULTS, max(0, _number(parameters, "count", USUAL_RESULTS))),
        selection=parse_selection(parameters),
    )


def _names(parameters: Mapping[str, str], name: str) -> frozenset[str]:
    names = frozenset(part.strip().lower() for part in parameters.get(name, "").split(",") if part.strip())
    if len(names) > MOST_NAMES:
        raise InvalidSyntax(f"{name} must not have more than {MOST_NAMES} names")
    return names


def _number(parameters: Mapping[str, str], name: str, otherwise: int) -> int:
    text = parameters.get(name)
    if text is None or not text:
        return otherwise
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise InvalidScimValue(f"{name} must be a number")
    return int(text)
