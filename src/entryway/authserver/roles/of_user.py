"""What a user may do: role collections hold role templates, role templates hold scopes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, select

from entryway.authserver import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from entryway.storage import Database


@dataclass(frozen=True, slots=True)
class Entitlements:
    """Everything that a user's role collections give, in every application."""

    collections: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()
    attributes: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

    def attributes_in(self, application: str) -> dict[str, list[str]]:
        """Return the user's attribute values in one application."""
        return {name: list(values) for name, values in self.attributes.get(application, {}).items()}


@dataclass(frozen=True, slots=True)
class Roles:
    """The role assignments of all tenants."""

    database: Database

    async def of_user(self, zid: str, user_id: str) -> Entitlements:
        """Return what the user's role collections give now."""
        async with self.database.read() as session:
            rows = (await session.execute(_OF_USER, {"zid": zid, "user_id": user_id})).all()
        roles = {(xsappname, name): values for _, xsappname, name, values, _ in rows if xsappname and name is not None}
        return Entitlements(
            collections=tuple(sorted({collection for collection, *_ in rows})),
            scopes=frozenset(granted for *_, granted in rows if granted),
            attributes=_merged(roles),
        )


# Written once: to build a statement takes longer than to run it.
_OF_USER = (
    select(
        tables.RoleAssignment.collection,
        tables.Application.xsappname,
        tables.RoleTemplate.name,
        tables.RoleTemplate.attribute_values,
        tables.RoleTemplateScope.scope,
    )
    .outerjoin(
        tables.RoleCollectionReference,
        and_(
            tables.RoleCollectionReference.zid == tables.RoleAssignment.zid,
            tables.RoleCollectionReference.collection == tables.RoleAssignment.collection,
        ),
    )
    .outerjoin(
        tables.Application,
        and_(
            tables.Application.zid == tables.RoleCollectionReference.zid,
            tables.Application.xsappname == tables.RoleCollectionReference.xsappname,
        ),
    )
    .outerjoin(
        tables.RoleTemplate,
        and_(
            tables.RoleTemplate.zid == tables.Application.zid,
            tables.RoleTemplate.instance_id == tables.Application.instance_id,
            tables.RoleTemplate.name == tables.RoleCollectionReference.template,
        ),
    )
    .outerjoin(
        tables.RoleTemplateScope,
        and_(
            tables.RoleTemplateScope.zid == tables.RoleTemplate.zid,
            tables.RoleTemplateScope.instance_id == tables.RoleTemplate.instance_id,
            tables.RoleTemplateScope.template == tables.RoleTemplate.name,
        ),
    )
    .where(tables.RoleAssignment.zid == bindparam("zid"), tables.RoleAssignment.user_id == bindparam("user_id"))
)


def _merged(roles: Mapping[tuple[str, str], Mapping[str, Any]]) -> Mapping[str, Mapping[str, list[str]]]:
    by_application: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for (xsappname, _), values in roles.items():
        by_application[xsappname].append(values)
    return {xsappname: merge_attributes(values) for xsappname, values in by_application.items()}


def merge_attributes(roles: Iterable[Mapping[str, Any]]) -> Mapping[str, list[str]]:
    """Return the union of the values over all roles; one role without restriction lifts it for all."""
    union: dict[str, set[str]] = defaultdict(set)
    unrestricted: set[str] = set()
    for role in roles:
        for name, values in role.items():
            if values:
                union[name].update(values)
            else:
                unrestricted.add(name)
    return {name: sorted(values) for name, values in sorted(union.items()) if name not in unrestricted}
