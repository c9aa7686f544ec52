"""Questions to companies' providers: each is answered once, in time, and to the same browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from entryway.idp import tables

if TYPE_CHECKING:
    from entryway.storage import Database, Sealer
    from entryway.storage.digests import Digests
    from entryway.storage.moments import Clock

LIFETIME = timedelta(minutes=15)
_PURPOSE = "provider-request"


@dataclass(frozen=True, slots=True)
class Pending:
    """A question: its id on the wire, whom it went to, and what must be remembered to judge the answer."""

    id: str
    provider_id: str
    attempt_id: str
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PendingRequests:
    """What is remembered is sealed, for it holds nonces and verifiers."""

    database: Database
    sealer: Sealer
    digests: Digests
    clock: Clock

    async def add(self, pending: Pending, browser: str) -> None:
        """Remember a question that this browser carries away."""
        row = tables.ProviderRequest(
            id=pending.id,
            provider_id=pending.provider_id,
            attempt_id=pending.attempt_id,
            browser_digest=self._browser(browser),
            sealed=self.sealer.seal(json.dumps(dict(pending.facts)).encode(), _PURPOSE),
            expires_at=self.clock() + LIFETIME,
        )
        async with self.database.transaction() as session:
            session.add(row)

    async def take(self, request_id: str, provider_id: str | None, browser: str) -> Pending | None:
        """Return the question that this browser brings an answer to, once."""
        row = tables.ProviderRequest
        mine = [row.id == request_id, row.browser_digest == self._browser(browser), row.expires_at > self.clock()]
        if provider_id is not None:
            mine.append(row.provider_id == provider_id)
        taken = delete(row).where(*mine).returning(row.provider_id, row.attempt_id, row.sealed)
        async with self.database.transaction() as session:
            found = (await session.execute(taken)).one_or_none()
        if found is None:
            return None
        facts = json.loads(self.sealer.unseal(found.sealed, _PURPOSE))
        return Pending(request_id, found.provider_id, found.attempt_id, facts)

    def _browser(self, browser: str) -> bytes:
        return self.digests.of(_PURPOSE, browser)
