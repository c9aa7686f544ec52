"""Mappings: which role collections an identity provider's word gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from entryway.authserver import tables
from entryway.authserver.roles.errors import MappingUnknown, RoleCollectionUnknown, RoleInvalid, TooMany
from entryway.authserver.roles.mapping_rules import GROUP_ATTRIBUTES, Operator, RoleMapping
from entryway.authserver.users import ORIGIN
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement

    from entryway.storage import Database
    from entryway.storage.audit import Audit

MOST_MAPPINGS = 5000
OBJECT = "xsrolecollection2samlattribute"


@dataclass(frozen=True, slots=True)
class RoleMappings:
    """The mappings of all tenants; every change is on the audit trail."""

    database: Database
    audit: Audit

    async def of_origin(self, zid: str, origin: str) -> Sequence[RoleMapping]:
        """Return what an identity provider's word gives."""
        table = tables.RoleMapping
        query = select(table).where(table.zid == zid, table.origin == origin)
        query = query.order_by(table.attribute, table.operator, table.value, table.collection)
        async with self.database.read() as session:
            return [_mapping(row) for row in (await session.execute(query)).scalars()]

    async def of_groups(self, zid: str) -> Sequence[RoleMapping]:
        """Return the mappings of groups, of every identity provider."""
        table = tables.RoleMapping
        query = select(table).where(
            table.zid == zid, table.attribute.in_(GROUP_ATTRIBUTES), table.operator == str(Operator.EQUALS)
        )
        query = query.order_by(table.origin, table.value, table.collection)
        async with self.database.read() as session:
            return [_mapping(row) for row in (await session.execute(query)).scalars()]

    async def of_collections(self, zid: str, names: Iterable[str]) -> Sequence[RoleMapping]:
        """Return the mappings that give any of the collections."""
        table = tables.RoleMapping
        query = select(table).where(table.zid == zid, table.collection.in_(list(names))).order_by(table.id)
        async with self.database.read() as session:
            return [_mapping(row) for row in (await session.execute(query)).scalars()]

    async def create(self, zid: str, mapping: RoleMapping, actor: str) -> bool:
        """Add a mapping; say whether it is new."""
        if mapping.origin == ORIGIN:
            raise RoleInvalid("users of the built-in identity provider are given role collections themselves")
        table = tables.RoleMapping
        async with self.database.transaction() as session:
            await self.database.lock(session, "role-mappings", zid)
            if await session.get(tables.RoleCollection, (zid, mapping.collection)) is None:
                raise RoleCollectionUnknown(mapping.collection)
            if (await session.execute(select(table.id).where(*_same(zid, mapping)))).first() is not None:
                return False
            counted = select(func.count()).select_from(table).where(table.zid == zid)
            if (await session.execute(counted)).scalar_one() >= MOST_MAPPINGS:
                raise TooMany(f"a tenant has at most {MOST_MAPPINGS} mappings")
            session.add(
                table(
                    zid=zid,
                    origin=mapping.origin,
                    attribute=mapping.attribute,
                    operator=str(mapping.operator),
                    value=mapping.value,
                    collection=mapping.collection,
                )
            )
            await session.flush()
            await self.audit.record(
                session, changed("CREATE", zid, OBJECT, mapping.collection, actor=actor, new=_told(mapping))
            )
        return True

    async def delete(self, zid: str, mapping: RoleMapping, actor: str) -> None:
        """Remove a mapping."""
        table = tables.RoleMapping
        async with self.database.transaction() as session:
            row = (await session.execute(select(table).where(*_same(zid, mapping)))).scalars().first()
            if row is None:
                raise MappingUnknown(mapping.value)
            await session.delete(row)
            await session.flush()
            await self.audit.record(
                session, changed("DELETE", zid, OBJECT, mapping.collection, actor=actor, old=_told(mapping))
            )


def _same(zid: str, mapping: RoleMapping) -> tuple[ColumnElement[bool], ...]:
    table = tables.RoleMapping
    return (
        table.zid == zid,
        table.origin == mapping.origin,
        table.attribute == mapping.attribute,
        table.operator == str(mapping.operator),
        table.value == mapping.value,
        table.collection == mapping.collection,
    )


def _mapping(row: tables.RoleMapping) -> RoleMapping:
    return RoleMapping(row.origin, row.attribute, Operator(row.operator), row.value, row.collection)


def _told(mapping: RoleMapping) -> dict[str, str]:
    return {
        "origin": mapping.origin,
        "attribute": mapping.attribute,
        "operator": str(mapping.operator),
        "value": mapping.value,
    }
