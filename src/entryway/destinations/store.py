"""Where destinations are kept; whoever reads the database learns names and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from entryway.destinations.documents import Destination
from entryway.destinations.errors import DestinationExists, DestinationMissing, InvalidRequest
from entryway.destinations.tables import DestinationRow
from entryway.storage import Database, Sealer


@dataclass(frozen=True, slots=True)
class Level:
    """Where destinations live: a service instance of a tenant, or the tenant's subaccount if that is empty."""

    zid: str
    instance_id: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A destination with what is known of its storing."""

    destination: Destination
    level: Level
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class DestinationStore:
    """Loads and saves destinations."""

    database: Database
    sealer: Sealer
    now: Callable[[], datetime]
    limit: int

    async def find(self, level: Level, name: str) -> Stored | None:
        """Return the destination on exactly this level."""
        async with self.database.read() as session:
            row = await session.get(DestinationRow, _key(level, name))
        return None if row is None else self._stored(row)

    async def names(self, level: Level) -> list[tuple[str, datetime]]:
        """Return names and moments of change, in the order of the names."""
        query = (
            select(DestinationRow.name, DestinationRow.modified_at)
            .where(DestinationRow.zid == level.zid, DestinationRow.instance_id == level.instance_id)
            .order_by(DestinationRow.name)
        )
        async with self.database.read() as session:
            return [(name, modified_at) for name, modified_at in (await session.execute(query)).all()]

    async def load(self, level: Level, names: Sequence[str]) -> list[Stored]:
        """Return those of the named destinations that exist, in the order of the names."""
        query = (
            select(DestinationRow)
            .where(
                DestinationRow.zid == level.zid,
                DestinationRow.instance_id == level.instance_id,
                DestinationRow.name.in_(names),
            )
            .order_by(DestinationRow.name)
        )
        async with self.database.read() as session:
            return [self._stored(row) for row in (await session.scalars(query)).all()]

    async def create(self, level: Level, destination: Destination) -> None:
        """Store a new destination."""
        try:
            async with self.database.transaction() as session:
                if await session.get(DestinationRow, _key(level, destination.name)) is not None:
                    raise DestinationExists(destination.name)
                if await _count(session, level) >= self.limit:
                    raise InvalidRequest(f"there are {self.limit} destinations already, and there may be no more")
                session.add(self._row(level, destination))
        except IntegrityError as error:
            raise DestinationExists(destination.name) from error

    async def replace(self, level: Level, destination: Destination) -> None:
        """Store a destination in place of the one that has its name."""
        async with self.database.transaction() as session:
            row = await session.get(DestinationRow, _key(level, destination.name))
            if row is None:
                raise DestinationMissing(destination.name)
            fresh = self._row(level, destination)
            row.sealed, row.etag, row.modified_at = fresh.sealed, fresh.etag, fresh.modified_at

    async def drop(self, level: Level, name: str) -> bool:
        """Delete a destination; return whether there was one."""
        async with self.database.transaction() as session:
            row = await session.get(DestinationRow, _key(level, name))
            if row is None:
                return False
            await session.delete(row)
            return True

    async def drop_instance(self, level: Level) -> None:
        """Delete all that a service instance has, for it is gone."""
        if not level.instance_id:
            raise InvalidRequest("a subaccount's destinations are not deleted with an instance")
        async with self.database.transaction() as session:
            await session.execute(
                delete(DestinationRow).where(
                    DestinationRow.zid == level.zid, DestinationRow.instance_id == level.instance_id
                )
            )

    def _row(self, level: Level, destination: Destination) -> DestinationRow:
        return DestinationRow(
            zid=level.zid,
            instance_id=level.instance_id,
            name=destination.name,
            sealed=self.sealer.seal(destination.text().encode(), _purpose(level, destination.name)),
            etag=destination.etag,
            modified_at=self.now(),
        )

    def _stored(self, row: DestinationRow) -> Stored:
        level = Level(row.zid, row.instance_id)
        properties = json.loads(self.sealer.unseal(row.sealed, _purpose(level, row.name)))
        return Stored(Destination(row.name, properties), level, row.modified_at)


def _key(level: Level, name: str) -> dict[str, str]:
    return {"zid": level.zid, "instance_id": level.instance_id, "name": name}


def _purpose(level: Level, name: str) -> str:
    # A row that is copied to another tenant or name does not open there.
    return json.dumps(["destination", level.zid, level.instance_id, name])


async def _count(session: AsyncSession, level: Level) -> int:
    query = (
        select(func.count())
        .select_from(DestinationRow)
        .where(DestinationRow.zid == level.zid, DestinationRow.instance_id == level.instance_id)
    )
    return int((await session.execute(query)).scalar_one())
