"""Role collections: made, copied, filled with roles, given to users, and deleted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from entryway.authserver import tables
from entryway.authserver.roles.catalog import find_role, read_templates
from entryway.authserver.roles.errors import (
    ReadOnly,
    RoleCollectionExists,
    RoleCollectionUnknown,
    RoleUnknown,
    TooMany,
    UserUnknownHere,
)
from entryway.storage.audit import changed
from entryway.storage.pages import ALL, Window, page_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.storage import Database
    from entryway.storage.audit import Audit

MOST_COLLECTIONS = 5000
OBJECT, ROLES, USERS = "xsrolecollections", "xsrolecollection2role", "xs_rolecollection2user"


@dataclass(frozen=True, slots=True)
class RoleKey:
    """How a role is named: the application, the template and its own name."""

    app_id: str
    template: str
    role: str


@dataclass(frozen=True, slots=True)
class RoleCollection:
    """A role collection; nobody but its application changes what an application declares."""

    name: str
    description: str
    read_only: bool
    predefined: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RoleCollections:
    """The role collections of all tenants; every change is on the audit trail."""

    database: Database
    audit: Audit
    clock: Clock

    async def page(
        self,
        zid: str,
        where: Sequence[ColumnElement[bool]] = (),
        *,
        order: ColumnElement[Any] | None = None,
        window: Window = ALL,
    ) -> tuple[Sequence[RoleCollection], int]:
        """Return collections, by name unless ordered otherwise, and how many fit."""
        table = tables.RoleCollection
        fitting = select(table).where(table.zid == zid, *where)
        async with self.database.read() as session:
            # Whatever else decides, pages must not overlap.
            rows, total = await page_of(session, fitting, [*(() if order is None else (order,)), table.name], window)
        return [_collection(row) for (row,) in rows], total

    async def get(self, zid: str, name: str) -> RoleCollection:
        """Return a collection, or raise RoleCollectionUnknown."""
        async with self.database.read() as session:
            return _collection(await _find(session, zid, name))

    async def roles(self, zid: str, names: Iterable[str]) -> Mapping[str, Sequence[RoleKey]]:
        """Return the roles in each of the collections."""
        reference, found = tables.RoleCollectionReference, defaultdict[str, list[RoleKey]](list)
        query = select(reference).where(reference.zid == zid, reference.collection.in_(list(names)))
        async with self.database.read() as session:
            rows = (await session.execute(query)).scalars().all()
            templates = await read_templates(
                session, zid, among=sorted({(row.xsappname, row.template) for row in rows})
            )
        defaults = {(each.app_id, each.name): each.default_role.name for each in templates if each.default_role}
        for row in rows:
            role = row.role or defaults.get((row.xsappname, row.template), row.template)
            found[row.collection].append(RoleKey(row.xsappname, row.template, role))
        return {
            name: sorted(keys, key=lambda key: (key.app_id, key.template, key.role)) for name, keys in found.items()
        }

    async def users(self, zid: str, names: Iterable[str]) -> Mapping[str, Sequence[tables.User]]:
        """Return the users who were given each of the collections, by name."""
        assignment, user = tables.RoleAssignment, tables.User
        query = (
            select(assignment.collection, user)
            .join(user, user.id == assignment.user_id)
            .where(assignment.zid == zid, user.zid == zid, assignment.collection.in_(list(names)))
            .order_by(user.login_name)
        )
        found = defaultdict[str, list[tables.User]](list)
        async with self.database.read() as session:
            for collection, row in (await session.execute(query)).all():
                found[collection].append(row)
        return found

    async def of_users(self, zid: str, user_ids: Iterable[str]) -> Mapping[str, Sequence[str]]:
        """Return the names of the collections that each of the users was given."""
        assignment = tables.RoleAssignment
        query = select(assignment).where(assignment.zid == zid, assignment.user_id.in_(list(user_ids)))
        found = defaultdict[str, list[str]](list)
        async with self.database.read() as session:
            for row in (await session.execute(query.order_by(assignment.collection))).scalars():
                found[row.user_id].append(row.collection)
        return found

    async def holding(self, zid: str, key: RoleKey) -> Sequence[RoleCollection]:
        """Return the collections that hold a role."""
        reference, collection = tables.RoleCollectionReference, tables.RoleCollection
        async with self.database.read() as session:
            stored = await _stored_role(session, zid, key)
            query = (
                select(collection)
                .join(reference, (reference.zid == collection.zid) & (reference.collection == collection.name))
                .where(
                    collection.zid == zid,
                    reference.xsappname == key.app_id,
                    reference.template == key.template,
                    reference.role == stored,
                )
                .order_by(collection.name)
            )
            return [_collection(row) for row in (await session.execute(query)).scalars()]

    async def create(
        self, zid: str, name: str, description: str, actor: str, *, like: str | None = None
    ) -> RoleCollection:
        """Make a collection; `like` names one whose roles it gets, and nobody who has it."""
        now = self.clock()
        async with self.database.transaction() as session:
            await self.database.lock(session, "role-collections", zid)
            table, reference = tables.RoleCollection, tables.RoleCollectionReference
            if await session.get(table, (zid, name)) is not None:
                raise RoleCollectionExists(name)
            if like is not None:
                await _find(session, zid, like)
            made = (table.zid == zid, table.instance_id.is_(None), table.predefined.is_(False))
            if (await session.execute(select(func.count()).select_from(table).where(*made))).scalar_one() >= (
                MOST_COLLECTIONS
            ):
                raise TooMany(f"a tenant has at most {MOST_COLLECTIONS} role collections of administrators")
            row = table(
                zid=zid,
                name=name,
                instance_id=None,
                predefined=False,
                description=description,
                created_at=now,
                updated_at=now,
            )
            session.add(row)
            await session.flush()
            if like is not None:
                query = select(reference).where(reference.zid == zid, reference.collection == like)
                for held in (await session.execute(query)).scalars().all():
                    session.add(_reference(zid, name, RoleKey(held.xsappname, held.template, held.role)))
                await session.flush()
            new = {"description": description} | ({"copied_from": like} if like else {})
            await self.audit.record(session, changed("CREATE", zid, OBJECT, name, actor=actor, new=new))
            return _collection(row)

    async def describe(self, zid: str, name: str, description: str, actor: str) -> RoleCollection:
        """Give a collection another description."""
        async with self.database.transaction() as session:
            row = await self._changeable(session, zid, name)
            old, row.description, row.updated_at = row.description, description, self.clock()
            await session.flush()
            await self.audit.record(
                session,
                changed(
                    "UPDATE", zid, OBJECT, name, actor=actor, old={"description": old}, new={"description": description}
                ),
            )
            return _collection(row)

    async def delete(self, zid: str, name: str, actor: str) -> None:
        """Delete a collection; whoever had it has it no more."""
        async with self.database.transaction() as session:
            row = await self._changeable(session, zid, name)
            await session.delete(row)
            await session.flush()
            old = {"description": row.description}
            await self.audit.record(session, changed("DELETE", zid, OBJECT, name, actor=actor, old=old))

    async def add_roles(self, zid: str, name: str, keys: Sequence[RoleKey], actor: str) -> None:
        """Put roles into a collection; those that are in it stay."""
        async with self.database.transaction() as session:
            row = await self._changeable(session, zid, name)
            for key in keys:
                stored = RoleKey(key.app_id, key.template, await _stored_role(session, zid, key))
                await session.merge(_reference(zid, name, stored))
            row.updated_at = self.clock()
            await session.flush()
            await self.audit.record(
                session, *(changed("CREATE", zid, ROLES, name, actor=actor, new=_told(key)) for key in keys)
            )

    async def remove_role(self, zid: str, name: str, key: RoleKey, actor: str) -> None:
        """Take a role out of a collection."""
        async with self.database.transaction() as session:
            row = await self._changeable(session, zid, name)
            stored = await _stored_role(session, zid, key)
            place = (zid, name, key.app_id, key.template, stored)
            held = await session.get(tables.RoleCollectionReference, place)
            if held is None:
                raise RoleUnknown(key.role)
            await session.delete(held)
            row.updated_at = self.clock()
            await session.flush()
            await self.audit.record(session, changed("DELETE", zid, ROLES, name, actor=actor, old=_told(key)))

    async def change_users(
        self, zid: str, name: str, given: AbstractSet[str], taken: AbstractSet[str], actor: str
    ) -> None:
        """Give a collection to users and take it from others; raise UserUnknownHere for an id that no user has."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "role-collections", zid)
            row = await _find(session, zid, name)
            assignment, user = tables.RoleAssignment, tables.User
            known = select(user.id).where(user.zid == zid, user.id.in_(given))
            unknown = given - set((await session.execute(known)).scalars())
            if unknown:
                raise UserUnknownHere(min(unknown))
            mine = (assignment.zid == zid, assignment.collection == name)
            had = set((await session.execute(select(assignment.user_id).where(*mine))).scalars())
            new, gone = sorted(given - had), sorted(taken & had)
            if not new and not gone:
                return
            await session.execute(delete(assignment).where(*mine, assignment.user_id.in_(gone)))
            session.add_all(assignment(zid=zid, user_id=each, collection=name) for each in new)
            row.updated_at = self.clock()
            await session.flush()
            await self.audit.record(
                session,
                *(changed("CREATE", zid, USERS, name, actor=actor, new={"user_id": each}) for each in new),
                *(changed("DELETE", zid, USERS, name, actor=actor, old={"user_id": each}) for each in gone),
            )

    async def _changeable(self, session: AsyncSession, zid: str, name: str) -> tables.RoleCollection:
        await self.database.lock(session, "role-collections", zid)
        row = await _find(session, zid, name)
        if row.predefined or row.instance_id is not None:
            raise ReadOnly(name)
        return row


async def _find(session: AsyncSession, zid: str, name: str) -> tables.RoleCollection:
    row = await session.get(tables.RoleCollection, (zid, name))
    if row is None:
        raise RoleCollectionUnknown(name)
    return row


async def _stored_role(session: AsyncSession, zid: str, key: RoleKey) -> str:
    """Return a role's name as references have it: empty for the one that the template makes by itself."""
    role = await find_role(session, zid, key.app_id, key.template, key.role)
    return "" if role.is_default else role.name


def _reference(zid: str, collection: str, key: RoleKey) -> tables.RoleCollectionReference:
    return tables.RoleCollectionReference(
        zid=zid, collection=collection, xsappname=key.app_id, template=key.template, role=key.role
    )


def _told(key: RoleKey) -> dict[str, Any]:
    return {"app_id": key.app_id, "template": key.template, "role": key.role}


def _collection(row: tables.RoleCollection) -> RoleCollection:
    return RoleCollection(
        name=row.name,
        description=row.description,
        read_only=row.predefined or row.instance_id is not None,
        predefined=row.predefined,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
