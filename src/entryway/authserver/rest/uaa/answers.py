"""How lists and moments look in UAA's interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from entryway.scim.queries import Query

CORE = "urn:scim:schemas:core:1.0"
PAGE = {"startIndex": "the first to be listed, from 1", "count": "how many to list, at most 500"}


def listed(shown: Sequence[Any], total: int, query: Query, schema: str = CORE) -> dict[str, Any]:
    """Return one page of a list."""
    return {
        "resources": list(shown),
        "startIndex": query.start,
        "itemsPerPage": len(shown),
        "totalResults": total,
        "schemas": [schema],
    }


def milliseconds(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
