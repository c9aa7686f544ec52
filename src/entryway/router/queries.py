"""Reading the query of a request target; a query that nobody could mean reads as empty."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote_plus

MOST_FIELDS = 500


def read_query(target: str) -> dict[str, list[str]]:
    """Return every value of every name, blank ones included."""
    try:
        return parse_qs(target.partition("?")[2], keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}


def without_field(target: str, name: str) -> str:
    """Return the target without a field of its query; what is left keeps its spelling."""
    path, _, query = target.partition("?")
    kept = [field for field in query.split("&") if unquote_plus(field.partition("=")[0]) != name]
    return f"{path}?{'&'.join(kept)}" if any(kept) else path
