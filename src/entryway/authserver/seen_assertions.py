"""Remembers which assertions were seen, so that each works once, on every process of the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from entryway.authserver import tables

if TYPE_CHECKING:
    from entryway.authserver.digests import Digests
    from entryway.storage import Database

# Assertions are accepted a little after they have ended, because clocks differ.
_LEEWAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SeenAssertions:
    """The assertions that all tenants have seen."""

    database: Database
    digests: Digests

    async def is_first(self, zid: str, kind: str, issuer: str, assertion_id: str, expires_at: float) -> bool:
        """Remember an assertion; say whether it came for the first time."""
        row = tables.SeenAssertion(
            zid=zid,
            digest=self.digests.of("seen-assertion", zid, kind, issuer, assertion_id),
            expires_at=datetime.fromtimestamp(expires_at, UTC) + _LEEWAY,
        )
        try:
            async with self.database.transaction() as session:
                session.add(row)
        except IntegrityError:
            return False
        return True
