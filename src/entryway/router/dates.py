"""Dates as HTTP writes them (RFC 9110 §5.6.7)."""

from __future__ import annotations

from email.utils import formatdate, parsedate_to_datetime


def http_date(seconds: float) -> bytes:
    """Write a time."""
    return formatdate(int(seconds), usegmt=True).encode()


def parse_http_date(value: bytes) -> int | None:
    """Read a time; None if it is none."""
    try:
        return int(parsedate_to_datetime(value.decode("latin-1")).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
