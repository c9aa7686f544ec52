"""The query options of lists: which destinations, which part of them, which page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from entryway.destinations.errors import InvalidRequest

PAGE_SIZE = 10
PAGE_SIZE_LIMIT = 1000
NAMES_LIMIT = 1000

Matches = Callable[[str, datetime], bool]

_NAME_IN = re.compile(r"\s*Name\s+in\s*\((?P<names>.*)\)\s*", re.DOTALL | re.IGNORECASE)
_QUOTED = re.compile(r"\s*'((?:[^']|'')*)'\s*(?:,|$)")
_PART = re.compile(
    r"\s*(?P<verb>startswith|endswith)\s*\(\s*Name\s*,\s*'(?P<text>(?:[^']|'')*)'\s*\)\s*", re.IGNORECASE
)
_RECENT = re.compile(r"\s*modifiedwithin\s*\(\s*'(?P<count>\d{1,4})'\s*,\s*'minutes'\s*\)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, counted from 1."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list request asks for."""

    matches: Matches
    names_only: bool
    page: Page | None
    page_count: bool
    entity_count: bool
    metadata: frozenset[str]


def parse_list_query(params: Mapping[str, str], now: datetime) -> ListQuery:
    """Return what the parameters ask for, or raise naming the one that cannot be understood."""
    page = _page(params)
    select, text = params.get("$select"), params.get("$filter")
    if select not in {None, "Name"}:
        raise InvalidRequest("$select can only be Name")
    if page is not None and (select is not None or text is not None):
        raise InvalidRequest("$page and $pageSize cannot be combined with $select or $filter")
    metadata = frozenset(part.strip() for part in params.get("$includeMetadata", "").split(";") if part.strip())
    if metadata - {"modification_time", "etag"}:
        raise InvalidRequest("$includeMetadata can be modification_time and etag")
    if metadata and (select is not None or page is not None):
        raise InvalidRequest("$includeMetadata cannot be combined with $select or $page")
    return ListQuery(
        matches=_everything if text is None else parse_filter(text, now),
        names_only=select is not None,
        page=page,
        page_count=_flag(params, "$pageCount"),
        entity_count=_flag(params, "$entityCount"),
        metadata=metadata,
    )


def parse_filter(text: str, now: datetime) -> Matches:
    """Return the condition that a $filter describes."""
    if _NAME_IN.fullmatch(text):
        names = frozenset(parse_names(text))
        return lambda name, _: name in names
    if match := _PART.fullmatch(text):
        part = match["text"].replace("''", "'")
        if match["verb"].lower() == "startswith":
            return lambda name, _: name.startswith(part)
        return lambda name, _: name.endswith(part)
    if match := _RECENT.fullmatch(text):
        minutes = int(match["count"])
        if not 1 <= minutes <= 1440:
            raise InvalidRequest("modifiedwithin takes 1 to 1440 minutes")
        since = now - timedelta(minutes=minutes)
        return lambda _, modified_at: modified_at >= since
    raise InvalidRequest(
        "$filter must be Name in ('a','b'), startswith(Name,'a'), endswith(Name,'a') or modifiedwithin('5','minutes')"
    )


def parse_names(text: str) -> list[str]:
    """Return the names in `Name in ('a','b')`; each is percent-encoded within its quotes."""
    match = _NAME_IN.fullmatch(text)
    if match is None:
        raise InvalidRequest("$filter must be Name in ('a','b')")
    inside, at = match["names"], 0
    names: list[str] = []
    while at < len(inside):
        quoted = _QUOTED.match(inside, at)
        if quoted is None or len(names) >= NAMES_LIMIT:
            raise InvalidRequest("$filter must be Name in ('a','b')")
        names.append(unquote(quoted[1].replace("''", "'")))
        at = quoted.end()
    if not names:
        raise InvalidRequest("$filter must name at least one destination")
    return names


def _everything(_name: str, _modified_at: datetime) -> bool:
    return True


def _page(params: Mapping[str, str]) -> Page | None:
    if "$page" not in params and "$pageSize" not in params:
        return None
    number = _number(params, "$page", 1, 1_000_000)
    return Page(number, _number(params, "$pageSize", PAGE_SIZE, PAGE_SIZE_LIMIT))


def _number(params: Mapping[str, str], name: str, default: int, limit: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,7}", text) or not 1 <= int(text) <= limit:
        raise InvalidRequest(f"{name} must be a number from 1 to {limit}")
    return int(text)


def _flag(params: Mapping[str, str], name: str) -> bool:
    text = params.get(name, "false")
    if text not in {"true", "false"}:
        raise InvalidRequest(f"{name} must be true or false")
    return text == "true"
