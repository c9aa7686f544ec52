"""Revoking: a connector that must not come back before its certificate ends, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from entryway.connectivity.tables import ConnectorRow
from entryway.errors import NotFound
from entryway.storage import Database
from entryway.storage.audit import Audit, changed
from entryway.telemetry import get_logger
from entryway.tunnel.pairing import RevokedConnectors

log = get_logger("connectivity")

TOLD_FOR_SECONDS = 0.25
# A gateway whose clock is slow believes a certificate for longer than we do.
CLOCKS_DIFFER = timedelta(days=1)


class ConnectorUnknown(NotFound):
    """No connector of the tenant has this id."""

    code = "connector_unknown"
    title = "There is no such connector"


@dataclass(slots=True)
class Revocations:
    """Which connectors were revoked; the list is public, so that it is read four times a second at most."""

    database: Database
    audit: Audit
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    _told: RevokedConnectors | None = None
    _until: float = field(default=0.0)

    async def revoke(self, zid: str, connector_id: str, actor: str) -> None:
        """Revoke a connector of a tenant for good; doing it again changes nothing."""
        async with self.database.transaction() as session:
            row = await session.get(ConnectorRow, connector_id)
            if row is None or row.zid != zid:
                raise ConnectorUnknown
            if row.revoked_at is not None:
                return
            row.revoked_at = self.now()
            location = {"location_id": row.location_id}
            await self.audit.record(
                session, changed("DELETE", zid, "connector", connector_id, actor=actor, old=location)
            )
        self._told = None
        log.info("connector_revoked", connector_id=connector_id, zid=zid, actor=actor)

    async def revoked(self) -> RevokedConnectors:
        """Return those whose certificates have not ended; the others cannot come back anyhow."""
        if self._told is None or self.seconds() >= self._until:
            until = self.seconds() + TOLD_FOR_SECONDS
            unfinished = select(ConnectorRow.connector_id).where(
                ConnectorRow.revoked_at.is_not(None), ConnectorRow.expires_at > self.now() - CLOCKS_DIFFER
            )
            async with self.database.read() as session:
                found = frozenset((await session.scalars(unfinished)).all())
            self._told, self._until = RevokedConnectors(connectors=found), until
        return self._told
