"""Reading the query of a request target; a query that nobody could mean reads as empty."""

from __future__ import annotations

from urllib.parse import parse_qs

MOST_FIELDS = 500


def read_query(target: str) -> dict[str, list[str]]:
    """Return every value of every name, blank ones included."""
    try:
        return parse_qs(target.partition("?")[2], keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
