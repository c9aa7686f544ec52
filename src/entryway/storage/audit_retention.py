"""How long the audit trail is kept: its oldest entries are removed, and the chain still holds.

A removal is an entry of the trail itself. It says up to which entry was removed and which digest that one had, where
the check begins; whoever removes entries otherwise cannot write such an entry.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from entryway.errors import DatabaseUnavailable
from entryway.storage import append_only
from entryway.storage.audit import REMOVED, happened
from entryway.storage.tables import AUDIT_ENTRIES
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage.audit import Audit
    from entryway.storage.database import Database
    from entryway.storage.moments import Clock

log = get_logger(__name__)

EVERY = timedelta(days=1)
# So many at once that writers of the trail wait a moment, and no longer.
BATCH = 20_000


async def run(database: Database, audit: Audit, clock: Clock, kept_for: timedelta | None) -> None:
    """Remove every day what is older than `kept_for`, until cancelled; None keeps everything."""
    while kept_for is not None:
        try:
            await remove_older(database, audit, clock() - kept_for, "entryway")
        except (DatabaseUnavailable, SQLAlchemyError):
            log.exception("audit_retention_failed")
        await asyncio.sleep(EVERY.total_seconds())


async def remove_older(database: Database, audit: Audit, before: datetime, actor: str) -> int:
    """Remove the entries from before a moment, as far as nothing newer stands among them; return how many."""
    removed = 0
    while True:
        async with database.transaction() as session:
            count = await _remove_batch(database, session, audit, before, actor)
        removed += count
        if count < BATCH:
            break
    if removed:
        log.info("audit_entries_removed", count=removed, before=before.isoformat())
    return removed


async def _remove_batch(database: Database, session: AsyncSession, audit: Audit, before: datetime, actor: str) -> int:
    await database.lock(session, AUDIT_ENTRIES.name)
    number, at = AUDIT_ENTRIES.c.number, AUDIT_ENTRIES.c.at
    # In the order of the chain: the first entry to stay ends what may go.
    oldest = select(number, at).order_by(number).limit(BATCH).subquery()
    stays = select(func.min(oldest.c.number)).where(oldest.c.at >= before)
    first_to_stay = (await session.execute(stays)).scalar_one()
    last = select(func.max(oldest.c.number))
    if first_to_stay is not None:
        last = last.where(oldest.c.number < first_to_stay)
    up_to = (await session.execute(last)).scalar_one()
    if up_to is None:
        return 0
    count = (await session.execute(select(func.count()).select_from(AUDIT_ENTRIES).where(number <= up_to))).scalar_one()
    digest = (await session.execute(select(AUDIT_ENTRIES.c.digest).where(number == up_to))).scalar_one()
    told = {"up_to": up_to, "digest": digest.hex(), "before": before.isoformat(), "count": count}
    await audit.record(session, happened(REMOVED, "", AUDIT_ENTRIES.name, str(up_to), actor=actor, new=told))
    connection = await session.connection()
    await connection.run_sync(append_only.unprotect)
    await session.execute(delete(AUDIT_ENTRIES).where(number <= up_to))
    await connection.run_sync(append_only.protect)
    return count
