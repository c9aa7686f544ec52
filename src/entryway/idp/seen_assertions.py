"""Remembers which assertions were seen, so that each works once, on every process of the identity provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from entryway.idp import tables

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.storage import Database
    from entryway.storage.digests import Digests

# Assertions are accepted a little after they have ended, because clocks differ.
_LEEWAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SeenAssertions:
    """Assertions of companies' providers, and those by which applications say who they are."""

    database: Database
    digests: Digests

    async def is_first(self, kind: str, issuer: str, assertion_id: str, expires_at: datetime) -> bool:
        """Remember an assertion; say whether it came for the first time."""
        digest = self.digests.of("seen-assertion", kind, issuer, assertion_id)
        row = tables.SeenAssertion(digest=digest, expires_at=expires_at + _LEEWAY)
        try:
            async with self.database.transaction() as session:
                session.add(row)
        except IntegrityError:
            return False
        return True
