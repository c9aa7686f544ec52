"""Users in the database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.errors import ChangedMeanwhile, NameTaken, UserUnknown
from entryway.idp.users.user import User, UserValues
from entryway.storage.pages import page_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage import Database
    from entryway.storage.moments import Clock
    from entryway.storage.pages import Window

# To count more users than this takes longer than to list some, and how many there are exactly tells nobody much.
_MANY = 10_000
_COUNTED_EVERY = timedelta(seconds=30)
# The name of one user must not be the address of another, and no constraint of the database can say so.
NAMES = "user-names"


@dataclass(frozen=True, slots=True)
class _Counted:
    users: int
    at: datetime


class Users:
    """Finds, creates, changes and deletes users."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._many: _Counted | None = None

    async def find(self, user_id: str) -> User | None:
        """Return the user with this id."""
        return await self._one(tables.User.id == user_id)

    async def resolve(self, user_id: str) -> User:
        """Return the user with this id, or raise."""
        user = await self.find(user_id)
        if user is None:
            raise UserUnknown(user_id[:100])
        return user

    async def find_by_login(self, name: str) -> User | None:
        """Return who logs in by this user name or mail address."""
        key = comparable(name)
        if not key:
            return None
        # No user's name is another one's address, so that at most one is found.
        return await self._one(or_(tables.User.login_name == key, tables.User.email_key == key))

    async def names_of(self, user_ids: Iterable[str]) -> Mapping[str, str]:
        """Return the names of those of these users that there are."""
        query = select(tables.User.id, tables.User.user_name).where(tables.User.id.in_(list(user_ids)))
        async with self._database.read() as session:
            return {user_id: name for user_id, name in (await session.execute(query)).all()}  # noqa: C416 - rows

    async def page(
        self, where: Sequence[ColumnElement[bool]], order: Sequence[ColumnElement[Any]], window: Window
    ) -> tuple[list[User], int]:
        """Return a part of the users that fit, and how many fit; of all, from memory where they are very many."""
        table = tables.User
        fitting, by = select(table).where(*where), [*order, table.id]
        async with self._database.read() as session:
            count = None if where else partial(self._count, session)
            rows, total = await page_of(session, fitting, by, window, key=table.id, count=count)
        return [as_user(row) for (row,) in rows], total

    async def _count(self, session: AsyncSession) -> int:
        if self._many is not None and self._many.at <= self._clock() < self._many.at + _COUNTED_EVERY:
            return self._many.users
        total = (await session.execute(select(func.count()).select_from(tables.User))).scalar_one()
        self._many = _Counted(total, self._clock()) if total >= _MANY else None
        return total

    async def create(self, values: UserValues, user_id: str | None = None, provider_id: str | None = None) -> User:
        """Create a user, without a password yet."""
        row = self._new(values, user_id, provider_id)
        try:
            async with self._database.transaction() as session:
                await self._database.lock(session, NAMES)
                await _check_free(session, values, None)
                session.add(row)
        except IntegrityError as error:
            raise NameTaken(values.user_name) from error
        return as_user(row)

    async def change(self, user_id: str, values: UserValues, version: int | None = None) -> User:
        """Write a user's values; with `version`, only if nobody has changed them since."""
        table = tables.User
        try:
            async with self._database.transaction() as session:
                await self._database.lock(session, NAMES)
                row = (await session.execute(select(table).where(table.id == user_id))).scalar_one_or_none()
                if row is None:
                    raise UserUnknown(user_id[:100])
                if version is not None and row.version != version:
                    raise ChangedMeanwhile(user_id)
                await _check_free(session, values, user_id)
                self._write(row, values)
        except IntegrityError as error:
            raise NameTaken(values.user_name) from error
        return as_user(row)

    async def write_all(self, changes: Sequence[tuple[User | None, UserValues, Sequence[str] | None]]) -> list[User]:
        """Create and change users, each with the ids of its groups if they change, all or none; raise NameTaken."""
        table, member, rows = tables.User, tables.Membership, list[tables.User]()
        try:
            async with self._database.transaction() as session:
                await self._database.lock(session, NAMES)
                for before, values, group_ids in changes:
                    await _check_free(session, values, before.id if before is not None else None)
                    if before is None:
                        session.add(row := self._new(values, None, None))
                    else:
                        found = await session.get(table, before.id)
                        if found is None:
                            raise UserUnknown(before.id)
                        self._write(row := found, values)
                    rows.append(row)
                    await session.flush()
                    if group_ids is not None:
                        await session.execute(delete(member).where(member.user_id == row.id))
                        session.add_all(member(user_id=row.id, group_id=group_id) for group_id in group_ids)
        except IntegrityError as error:
            raise NameTaken("one of the table") from error
        return [as_user(row) for row in rows]

    async def note(self, user_id: str, **columns: Any) -> None:
        """Write columns that are no values of the user: lock, password, last login."""
        table = tables.User
        async with self._database.transaction() as session:
            await session.execute(update(table).where(table.id == user_id).values(**columns))

    async def delete(self, user_id: str) -> None:
        """Delete a user with every session, token and factor."""
        async with self._database.transaction() as session:
            gone = await session.execute(delete(tables.User).where(tables.User.id == user_id).returning(tables.User.id))
            if gone.scalar_one_or_none() is None:
                raise UserUnknown(user_id[:100])

    def _new(self, values: UserValues, user_id: str | None, provider_id: str | None) -> tables.User:
        now = self._clock()
        return tables.User(
            id=user_id or str(uuid.uuid4()),
            locked=False,
            password_hash=None,
            password_changed_at=None,
            must_change_password=False,
            last_login_at=None,
            created_at=now,
            updated_at=now,
            version=1,
            provider_id=provider_id,
            **_columns(values),
        )

    def _write(self, row: tables.User, values: UserValues) -> None:
        for name, value in _columns(values).items():
            setattr(row, name, value)
        row.version += 1
        row.updated_at = self._clock()

    async def _one(self, condition: ColumnElement[bool]) -> User | None:
        async with self._database.read() as session:
            row = (await session.execute(select(tables.User).where(condition))).scalar_one_or_none()
        return as_user(row) if row else None


async def _check_free(session: AsyncSession, values: UserValues, user_id: str | None) -> None:
    table, names = tables.User, {comparable(values.user_name), comparable(values.email)} - {""}
    taken = select(table.id).where(or_(table.login_name.in_(names), table.email_key.in_(names)), table.id != user_id)
    if user_id is None:
        taken = select(table.id).where(or_(table.login_name.in_(names), table.email_key.in_(names)))
    if (await session.execute(taken.limit(1))).first() is not None:
        raise NameTaken(values.user_name)


def _columns(values: UserValues) -> dict[str, Any]:
    return {
        "user_name": values.user_name.strip(),
        "login_name": comparable(values.user_name),
        "email": values.email,
        "email_key": comparable(values.email) or None,
        "email_verified": values.email_verified,
        "given_name": values.given_name,
        "family_name": values.family_name,
        "display_name": values.display_name,
        "given_name_key": comparable(values.given_name),
        "family_name_key": comparable(values.family_name),
        "display_name_key": comparable(values.display_name),
        "external_id": values.external_id,
        "attributes": dict(values.attributes),
        "profile": dict(values.profile),
        "active": values.active,
    }


def as_user(row: tables.User) -> User:
    """Return a row as a user."""
    return User(
        id=row.id,
        values=UserValues(
            user_name=row.user_name,
            email=row.email,
            email_verified=row.email_verified,
            given_name=row.given_name,
            family_name=row.family_name,
            display_name=row.display_name,
            external_id=row.external_id,
            attributes=row.attributes,
            profile=row.profile,
            active=row.active,
        ),
        locked=row.locked,
        password_hash=row.password_hash,
        password_changed_at=row.password_changed_at,
        must_change_password=row.must_change_password,
        last_login_at=row.last_login_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        provider_id=row.provider_id,
    )
