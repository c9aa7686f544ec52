"""Sealed values under the newest data key: batch by batch, while others read and write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select, tuple_, update

from entryway.storage.sealing import Sealer, SealError, sealed_with
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table

    from entryway.storage.database import Database
    from entryway.storage.keyring import Keyring
    from entryway.storage.schema import Schema, Sealed

BATCH = 200
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values were sealed anew, and how many did not open."""

    values: int
    unopened: int


async def reseal(database: Database, schema: Schema, keyring: Keyring, batch: int = BATCH) -> Resealed:
    """Seal anew what an older data key has sealed; what was done stays done when it is interrupted."""
    values = unopened = 0
    for column in schema.sealed:
        done = await _column(database, schema.metadata.tables[column.table], column, keyring, batch)
        values, unopened = values + done.values, unopened + done.unopened
    return Resealed(values, unopened)


async def _column(database: Database, table: Table, sealed: Sealed, keyring: Keyring, batch: int) -> Resealed:
    column, key, sealer = table.c[sealed.column], list(table.primary_key.columns), Sealer(keyring)
    begins = sealed_with(keyring.newest)
    outdated = select(table).where(column.is_not(None), func.substr(column, 1, len(begins)) != begins)
    values = unopened = 0
    last: Sequence[Any] | None = None
    while True:
        # Whatever does not open is passed over, so that the end is reached.
        after = outdated if last is None else outdated.where(tuple_(*key) > tuple(last))
        async with database.transaction() as session:
            rows = (await session.execute(after.order_by(*key).limit(batch))).mappings().all()
            for row in rows:
                last, purpose = [row[each.name] for each in key], sealed.purpose(dict(row))
                try:
                    plaintext = sealer.unseal(row[column.name], purpose)
                except SealError as error:
                    unopened += 1
                    log.warning("sealed_value_not_opened", table=table.name, key=last, reason=error.detail)
                    continue
                # Whoever wrote another value meanwhile has sealed that.
                mine = and_(*(each == row[each.name] for each in key), column == row[column.name])
                new = sealer.seal(plaintext, purpose)
                await session.execute(update(table).where(mine).values({column.name: new}))
                values += 1
        if len(rows) < batch:
            return Resealed(values, unopened)
