"""Questions to identity providers that wait for an answer: each is answered once, in time, and to the same browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from entryway.authserver import tables

if TYPE_CHECKING:
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.storage import Database, Sealer

LIFETIME = timedelta(minutes=15)
LOGIN, LOGOUT = "login", "logout"


@dataclass(frozen=True, slots=True)
class Pending:
    """A question: its id on the wire, whom it went to, and what must be remembered to judge the answer."""

    id: str
    zid: str
    origin: str
    kind: str
    attempt_id: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PendingRequests:
    """The open questions of all tenants; what is remembered is sealed, for it holds nonces and verifiers."""

    database: Database
    sealer: Sealer
    digests: Digests
    clock: Clock

    async def add(self, pending: Pending, browser: str) -> None:
        """Remember a question that this browser carries away."""
        async with self.database.transaction() as session:
            session.add(
                tables.ProviderRequest(
                    id=pending.id,
                    zid=pending.zid,
                    origin=pending.origin,
                    kind=pending.kind,
                    browser_digest=self._browser(pending.zid, browser),
                    attempt_id=pending.attempt_id,
                    sealed=self.sealer.seal(json.dumps(dict(pending.facts)).encode(), _purpose(pending.zid)),
                    expires_at=self.clock() + LIFETIME,
                )
            )

    async def take(self, zid: str, kind: str, request_id: str, browser: str) -> Pending | None:
        """Return the question that this browser brings an answer to, once."""
        row = tables.ProviderRequest
        statement = (
            delete(row)
            .where(
                row.zid == zid,
                row.id == request_id,
                row.kind == kind,
                row.browser_digest == self._browser(zid, browser),
                row.expires_at > self.clock(),
            )
            .returning(row.origin, row.attempt_id, row.sealed)
        )
        async with self.database.transaction() as session:
            found = (await session.execute(statement)).one_or_none()
        if found is None:
            return None
        facts = json.loads(self.sealer.unseal(found.sealed, _purpose(zid)))
        return Pending(request_id, zid, found.origin, kind, found.attempt_id, facts)

    def _browser(self, zid: str, browser: str) -> bytes:
        return self.digests.of("provider-request", zid, browser)


def _purpose(zid: str) -> str:
    return f"provider-request/{zid}"
