"""The tenant's part of the audit trail, for its auditors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.roles.predefined import AUDIT_SCOPE
from entryway.errors import BadRequest
from entryway.storage import Database, audit

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

PAGE, MOST = 100, 1000
_QUERY = {
    "after": "the number of the entry after which to begin; 0 by default",
    "limit": f"how many entries; {PAGE} by default, {MOST} at most",
}


@dataclass(frozen=True, slots=True)
class AuditLogOperations:
    """Read page by page; entries of other tenants, and of none, are not in it."""

    database: Database

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        return [Operation("GET", "/auditlog", AUDIT_SCOPE, "Who changed or tried what", self.list, query=_QUERY)]

    async def list(self, asked: Asked) -> Any:
        after, limit = _number(asked, "after", 0, 2**62), _number(asked, "limit", PAGE, MOST)
        rows = await audit.entries(self.database, zid=asked.zid, after=after, limit=limit + 1)
        shown = [_told(row) for row in rows[:limit]]
        return {"entries": shown, "next": shown[-1]["number"] if len(rows) > limit else None}


def _number(asked: Asked, name: str, usual: int, most: int) -> int:
    given = asked.query.get(name, "")
    if not given:
        return usual
    if not (given.isascii() and given.isdigit() and len(given) < 20) or int(given) > most:
        raise BadRequest(f"{name} is a number of at most {most}")
    return int(given)


def _told(row: RowMapping) -> dict[str, Any]:
    return {
        "number": row["number"],
        "at": row["at"].isoformat(),
        "category": row["category"],
        "event": row["event"],
        "actor": row["actor"],
        "objectType": row["object_type"],
        "objectId": row["object_id"],
        "details": row["details"],
    }
