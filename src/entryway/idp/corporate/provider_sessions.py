"""Which session at a company's provider a login here came from, so that one can end with the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from entryway.idp import tables
from entryway.idp.corporate.arrival import unseal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entryway.idp.corporate.arrival import Arrived
    from entryway.storage import Database, Sealer


@dataclass(frozen=True, slots=True)
class ProviderSessions:
    """Kept beside the login sessions, and deleted with them."""

    database: Database
    sealer: Sealer

    async def keep(self, session_id: str, sealed_arrival: bytes) -> None:
        """Remember where the login behind a session came from."""
        arrived = unseal(self.sealer, sealed_arrival)
        row = tables.ProviderSession(
            session_id=session_id,
            provider_id=arrived.provider_id,
            subject=arrived.subject,
            session_index=arrived.session_index,
            sealed=sealed_arrival,
        )
        async with self.database.transaction() as session:
            await session.merge(row)

    async def find(self, session_id: str) -> Arrived | None:
        """Return where the login behind a session came from; None when it was here."""
        query = select(tables.ProviderSession.sealed).where(tables.ProviderSession.session_id == session_id)
        async with self.database.read() as session:
            sealed = (await session.execute(query)).scalar_one_or_none()
        return unseal(self.sealer, sealed) if sealed is not None else None

    async def of_subject(self, provider_id: str, subject: str | None, indexes: Sequence[str]) -> Sequence[str]:
        """Return our sessions that came from these sessions of a user at a provider, or from any if none is named.

        Without a user, the sessions alone say which.
        """
        if subject is None and not indexes:
            return []
        row = tables.ProviderSession
        query = select(row.session_id).where(row.provider_id == provider_id)
        if subject is not None:
            query = query.where(row.subject == subject)
        if indexes:
            query = query.where(row.session_index.in_(indexes))
        async with self.database.read() as session:
            return (await session.execute(query)).scalars().all()
