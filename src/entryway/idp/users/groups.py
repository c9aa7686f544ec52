"""Groups of users."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.errors import ChangedMeanwhile, GroupUnknown, InvalidValue, NameTaken
from entryway.storage.pages import ALL, Window, page_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage import Database
    from entryway.storage.moments import Clock

LONGEST = 255
# Databases take no more parameters in one statement.
MOST_MEMBERS = 30_000


@dataclass(frozen=True, slots=True)
class Group:
    """A group, without its members: there may be many."""

    id: str
    name: str
    description: str
    external_id: str | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user as a group shows one."""

    id: str
    display: str


class Groups:
    """Finds and changes groups and who is in them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def resolve(self, group_id: str) -> Group:
        """Return the group with this id, or raise."""
        async with self._database.read() as session:
            return _group(await _row(session, group_id))

    async def find_by_name(self, name: str) -> Group | None:
        """Return the group of this name."""
        query = select(tables.Group).where(tables.Group.name_key == comparable(name))
        async with self._database.read() as session:
            row = (await session.execute(query)).scalar_one_or_none()
        return _group(row) if row else None

    async def page(
        self, where: Sequence[ColumnElement[bool]], order: Sequence[ColumnElement[Any]], window: Window
    ) -> tuple[list[Group], int]:
        """Return a part of the groups that fit, and how many fit."""
        table = tables.Group
        async with self._database.read() as session:
            rows, total = await page_of(session, select(table).where(*where), [*order, table.id], window, key=table.id)
        return [_group(row) for (row,) in rows], total

    async def create(self, name: str, description: str = "", external_id: str | None = None) -> Group:
        """Create an empty group."""
        _check(name, description, external_id)
        now = self._clock()
        row = tables.Group(
            id=str(uuid.uuid4()),
            name=name.strip(),
            name_key=comparable(name),
            description=description,
            external_id=external_id,
            created_at=now,
            updated_at=now,
            version=1,
        )
        try:
            async with self._database.transaction() as session:
                session.add(row)
        except IntegrityError as error:
            raise NameTaken(name) from error
        return _group(row)

    async def change(
        self, group_id: str, *, name: str, description: str, external_id: str | None, version: int | None = None
    ) -> Group:
        """Write a group's values; with `version`, only if nobody has changed it since."""
        _check(name, description, external_id)
        try:
            async with self._database.transaction() as session:
                await self._database.lock(session, "group", group_id)
                row = await _row(session, group_id)
                if version is not None and row.version != version:
                    raise ChangedMeanwhile(group_id)
                row.name, row.name_key = name.strip(), comparable(name)
                row.description, row.external_id = description, external_id
                row.version, row.updated_at = row.version + 1, self._clock()
        except IntegrityError as error:
            raise NameTaken(name) from error
        return _group(row)

    async def delete(self, group_id: str) -> None:
        """Delete a group; its members stay."""
        async with self._database.transaction() as session:
            await session.delete(await _row(session, group_id))

    async def members(self, group_id: str, window: Window = ALL) -> tuple[Sequence[Member], int]:
        """Return who is in the group, and how many there are."""
        query = (
            select(tables.User.id, tables.User.user_name)
            .join(tables.Membership, tables.Membership.user_id == tables.User.id)
            .where(tables.Membership.group_id == group_id)
        )
        async with self._database.read() as session:
            found, total = await page_of(session, query, [tables.User.login_name], window)
        return [Member(user_id, name) for user_id, name in found], total

    async def check_users(self, user_ids: Iterable[str]) -> None:
        """Raise unless these are ids of users."""
        async with self._database.read() as session:
            await _check_users(session, set(user_ids))

    async def set_members(self, group_id: str, user_ids: Iterable[str]) -> None:
        """Make these users, and no others, the group's members."""
        wanted, table = set(user_ids), tables.Membership
        async with self._database.transaction() as session:
            await self._database.lock(session, "group", group_id)
            row = await _row(session, group_id)
            await _check_users(session, wanted)
            held = set((await session.execute(select(table.user_id).where(table.group_id == group_id))).scalars())
            await session.execute(
                delete(table).where(table.group_id == group_id, table.user_id.in_(sorted(held - wanted)))
            )
            session.add_all(table(user_id=user_id, group_id=group_id) for user_id in sorted(wanted - held))
            row.version, row.updated_at = row.version + 1, self._clock()

    async def set_groups(self, user_id: str, names: Iterable[str]) -> None:
        """Make a user a member of the groups of these names and of no others; missing groups are created."""
        wanted, table = {comparable(name): name for name in names}, tables.Membership
        for name in wanted.values():
            if await self.find_by_name(name) is None:
                await self.create(name)
        async with self._database.transaction() as session:
            await self._database.lock(session, "groups-of", user_id)
            await _check_users(session, {user_id})
            found = (await session.execute(select(tables.Group.id).where(tables.Group.name_key.in_(wanted)))).scalars()
            await session.execute(delete(table).where(table.user_id == user_id))
            session.add_all(table(user_id=user_id, group_id=group_id) for group_id in found)

    async def of_users(self, user_ids: Sequence[str]) -> Mapping[str, list[Group]]:
        """Return the groups of each user, by name."""
        query = (
            select(tables.Membership.user_id, tables.Group)
            .join(tables.Group, tables.Membership.group_id == tables.Group.id)
            .where(tables.Membership.user_id.in_(user_ids))
            .order_by(tables.Group.name_key)
        )
        found: dict[str, list[Group]] = {user_id: [] for user_id in user_ids}
        async with self._database.read() as session:
            for user_id, row in (await session.execute(query)).all():
                found[user_id].append(_group(row))
        return found

    async def names_of(self, user_id: str) -> list[str]:
        """Return the names of a user's groups."""
        return [group.name for group in (await self.of_users([user_id]))[user_id]]


async def _row(session: AsyncSession, group_id: str) -> tables.Group:
    row = (await session.execute(select(tables.Group).where(tables.Group.id == group_id))).scalar_one_or_none()
    if row is None:
        raise GroupUnknown(group_id[:100])
    return row


async def _check_users(session: AsyncSession, user_ids: set[str]) -> None:
    if len(user_ids) > MOST_MEMBERS:
        raise InvalidValue("members", f"must not be more than {MOST_MEMBERS} at once")
    query = select(func.count()).select_from(tables.User).where(tables.User.id.in_(sorted(user_ids)))
    if (await session.execute(query)).scalar_one() != len(user_ids):
        raise InvalidValue("members", "must be ids of users")


def _check(name: str, description: str, external_id: str | None) -> None:
    if not comparable(name):
        raise InvalidValue("name", "must not be empty")
    for field, text in (("name", name), ("description", description), ("external_id", external_id or "")):
        if len(text) > LONGEST or not all(map(str.isprintable, text)):
            raise InvalidValue(field, f"must be at most {LONGEST} printable characters")


def _group(row: tables.Group) -> Group:
    return Group(
        id=row.id,
        name=row.name,
        description=row.description,
        external_id=row.external_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
