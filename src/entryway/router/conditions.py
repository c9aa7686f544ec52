"""Conditional and range requests (RFC 9110 §13 and §14), for content with a weak entity tag."""

from __future__ import annotations

import re
from dataclasses import dataclass

from entryway.http import Request
from entryway.router.dates import parse_http_date

_ONE_RANGE = re.compile(rb"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*")


_CONDITIONS = frozenset({b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since", b"range"})


class RangeUnsatisfiable(Exception):
    """The range lies beyond the end."""


@dataclass(frozen=True, slots=True)
class Range:
    """First and last byte, both included."""

    first: int
    last: int


def is_unconditional(request: Request) -> bool:
    """Tell whether the request wants the whole, whatever the client has already."""
    return _CONDITIONS.isdisjoint([name for name, _ in request.headers.raw])


def verdict(request: Request, etag: bytes, modified: int) -> int:
    """Return what the request's conditions come to, in the order of RFC 9110 §13.2.2."""
    headers = request.headers
    fresh = 200 if b"no-cache" in headers.tokens(b"cache-control") else 304  # who says so wants it once more
    if (match := headers.get(b"if-match")) is not None:
        if not _names(match, etag):
            return 412
    elif (since := headers.get(b"if-unmodified-since")) is not None:
        date = parse_http_date(since)
        if date is not None and modified > date:
            return 412
    if (none_match := headers.get(b"if-none-match")) is not None:
        return fresh if _names(none_match, etag) else 200
    if (since := headers.get(b"if-modified-since")) is not None:
        date = parse_http_date(since)
        if date is not None and modified <= date:
            return fresh
    return 200


def parse_range(request: Request, size: int, etag: bytes, modified: int) -> Range | None:
    """Return the one range of bytes that is asked for; several, or those of another unit, get the whole."""
    value = request.headers.get(b"range")
    if value is None or not _range_applies(request, etag, modified):
        return None
    if not value.startswith(b"bytes=") or b"," in value:
        return None
    found = _ONE_RANGE.fullmatch(value)
    if found is None:
        raise RangeUnsatisfiable
    first, last = _number(found[1]), _number(found[2])
    if first is None:
        if not last or size == 0:
            raise RangeUnsatisfiable
        return Range(max(0, size - last), size - 1)
    if first >= size or (last is not None and last < first):
        raise RangeUnsatisfiable
    return Range(first, size - 1 if last is None else min(last, size - 1))


def _number(digits: bytes) -> int | None:
    # More digits than these lie beyond the end of every file, and very many are more than `int` reads.
    return int(digits.lstrip(b"0")[:18] or b"0") if digits else None


def _range_applies(request: Request, etag: bytes, modified: int) -> bool:
    condition = request.headers.get(b"if-range")
    if condition is None:
        return True
    if condition.startswith((b'"', b"W/")):
        # The reference compares weakly here; clients with a cached part rely on it.
        return _names(condition, etag)
    return parse_http_date(condition) == modified


def _names(header: bytes, etag: bytes) -> bool:
    if header.strip() == b"*":
        return True
    opaque = etag.removeprefix(b"W/")
    return any(entry.strip().removeprefix(b"W/") == opaque for entry in header.split(b","))
