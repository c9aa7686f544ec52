"""Which second factors a user has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, or_, select

from entryway.idp import tables

if TYPE_CHECKING:
    from entryway.storage import Database


@dataclass(frozen=True, slots=True)
class Factors:
    """Looks across the kinds of factors."""

    database: Database

    async def enrolled(self, user_id: str) -> bool:
        """Say whether a user has any second factor."""
        query = select(
            or_(
                exists().where(tables.Totp.user_id == user_id),
                exists().where(tables.Passkey.user_id == user_id),
            )
        )
        async with self.database.read() as session:
            return bool((await session.execute(query)).scalar_one())

    async def remove_all(self, user_id: str) -> None:
        """Take every second factor from a user who has lost them."""
        async with self.database.transaction() as session:
            for table in (tables.Totp, tables.Passkey, tables.RecoveryCode):
                await session.execute(delete(table).where(table.user_id == user_id))
