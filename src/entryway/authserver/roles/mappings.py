"""Mappings: which role collections an identity provider's word gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from entryway.authserver import tables
from entryway.authserver.roles.errors import MappingUnknown, RoleCollectionUnknown, RoleInvalid, TooMany
from entryway.authserver.roles.mapping_rules import GROUP_ATTRIBUTES, Operator, RoleMapping
from entryway.authserver.users import ORIGIN
from entryway.storage.audit import changed
from entryway.storage.pages import ALL, Window, page_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select

    from entryway.storage import Database
    from entryway.storage.audit import Audit

MOST_MAPPINGS = 5000
OBJECT = "xsrolecollection2samlattribute"


@dataclass(frozen=True, slots=True)
class RoleMappings:
    """The mappings of all tenants; every change is on the audit trail."""

    database: Database
    audit: Audit

    async def of_origin(self, zid: str, origin: str, window: Window) -> tuple[Sequence[RoleMapping], int]:
        """Return what an identity provider's word gives, and in how many ways."""
        table = tables.RoleMapping
        query = select(table).where(table.zid == zid, table.origin == origin)
        return await self._page(query, [table.attribute, table.operator, table.value, table.collection], window)

    async def of_groups(
        self, zid: str, narrowed: Mapping[str, str | None], *, window: Window = ALL
    ) -> tuple[Sequence[RoleMapping], int]:
        """Return the mappings of groups, those with the given origin, value or collection, and how many there are."""
        table = tables.RoleMapping
        query = select(table).where(
            table.zid == zid, table.attribute.in_(GROUP_ATTRIBUTES), table.operator == str(Operator.EQUALS)
        )
        query = query.filter_by(**{name: value for name, value in narrowed.items() if value is not None})
        return await self._page(query, [table.origin, table.value, table.collection, table.id], window)

    async def of_collections(self, zid: str, names: Iterable[str]) -> Sequence[RoleMapping]:
        """Return the mappings that give any of the collections."""
        table = tables.RoleMapping
        query = select(table).where(table.zid == zid, table.collection.in_(list(names))).order_by(table.id)
        async with self.database.read() as session:
            return [_mapping(row) for row in (await session.execute(query)).scalars()]

    async def _page(
        self, query: Select[tables.RoleMapping], order: Sequence[Any], window: Window
    ) -> tuple[Sequence[RoleMapping], int]:
        async with self.database.read() as session:
            rows, total = await page_of(session, query, order, window)
        return [_mapping(row) for (row,) in rows], total

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
