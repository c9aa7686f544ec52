"""Puts what a descriptor declares in the place of what it declared before, and keeps what stays as it was.

A row that is in both is changed and never made anew: roles, assignments and tokens hang on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, inspect, select

from entryway.authserver import tables
from entryway.authserver.admin import descriptors
from entryway.config import xs_security
from entryway.config.mistakes import ConfigurationMistakes, Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.config.xs_security_wire import XsSecurityWire
    from entryway.storage import Table

# What a declared application consists of, the parts that refer to others last.
_PARTS = (
    tables.ClientRow,
    tables.Scope,
    tables.ScopeGrant,
    tables.RoleTemplate,
    tables.RoleTemplateScope,
)


async def replace_parts(session: AsyncSession, zid: str, instance_id: str, declared: Sequence[Table]) -> None:
    """Make an application's rows the declared ones."""
    for part in reversed(_PARTS):
        wanted = {_key(row) for row in declared if isinstance(row, part)}
        query = select(part).where(part.zid == zid, part.instance_id == instance_id)
        for row in (await session.execute(query)).scalars():
            if _key(row) not in wanted:
                await session.delete(row)
    await session.flush()
    for new in declared:
        await session.merge(new)


async def put_collections(  # noqa: PLR0917 - where, and what
    session: AsyncSession,
    zid: str,
    number: int,
    instance_id: str,
    xsappname: str,
    content: XsSecurityWire,
    now: datetime,
) -> None:
    """Make an application's role collections in a tenant the declared ones; `number` is that of its provider."""
    collection, reference = tables.RoleCollection, tables.RoleCollectionReference
    wanted = {row.name: row for row in descriptors.collections(zid, instance_id, content, now)}
    query = select(collection).where(collection.zid == zid)
    existing = {row.name: row for row in (await session.execute(query)).scalars()}
    taken = [name for name in wanted if name in existing and existing[name].instance_id != instance_id]
    if taken:
        raise ConfigurationMistakes(
            [
                Mistake(xs_security.FILE, "/role-collections", f"the role collection {name!r} exists already")
                for name in taken
            ]
        )
    for name, row in existing.items():
        if row.instance_id == instance_id and name not in wanted:
            await session.delete(row)
        elif name in wanted and row.description != wanted[name].description:
            row.description, row.updated_at = wanted[name].description, now
    session.add_all(row for name, row in wanted.items() if name not in existing)
    await session.flush()
    await session.execute(delete(reference).where(reference.zid == zid, reference.collection.in_(wanted)))
    session.add_all(descriptors.collection_references(zid, number, xsappname, content))
    await forget_templates(session, zid, xsappname, {template.name for template in content.role_templates})


async def forget_templates(session: AsyncSession, zid: str, xsappname: str, kept: AbstractSet[str]) -> None:
    """Take roles of templates that are gone out of the collections of administrators.

    A descriptor's own references stay: what they name may come later.
    """
    reference, collection = tables.RoleCollectionReference, tables.RoleCollection
    made = select(collection.name).where(collection.zid == zid, collection.instance_id.is_(None))
    await session.execute(
        delete(reference).where(
            reference.zid == zid,
            reference.xsappname == xsappname,
            reference.template.not_in(kept),
            reference.collection.in_(made),
        )
    )


def _key(row: Table) -> tuple[Any, ...]:
    return tuple(inspect(type(row)).primary_key_from_instance(row))
