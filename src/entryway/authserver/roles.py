"""What a user may do: role collections hold role templates, role templates hold scopes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

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
        assignment, reference = tables.RoleAssignment, tables.RoleCollectionReference
        application, template, scope = tables.Application, tables.RoleTemplate, tables.RoleTemplateScope
        query = (
            select(
                assignment.collection,
                application.xsappname,
                template.name,
                template.attribute_values,
                scope.scope,
            )
            .outerjoin(reference, and_(reference.zid == assignment.zid, reference.collection == assignment.collection))
            .outerjoin(
                application,
                and_(application.zid == reference.zid, application.xsappname == reference.xsappname),
            )
            .outerjoin(
                template,
                and_(
                    template.zid == application.zid,
                    template.instance_id == application.instance_id,
                    template.name == reference.template,
                ),
            )
            .outerjoin(
                scope,
                and_(
                    scope.zid == template.zid,
                    scope.instance_id == template.instance_id,
                    scope.template == template.name,
                ),
            )
            .where(assignment.zid == zid, assignment.user_id == user_id)
        )
        async with self.database.read() as session:
            rows = (await session.execute(query)).all()
        roles = {(xsappname, name): values for _, xsappname, name, values, _ in rows if xsappname and name is not None}
        return Entitlements(
            collections=tuple(sorted({collection for collection, *_ in rows})),
            scopes=frozenset(granted for *_, granted in rows if granted),
            attributes=_merged(roles),
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
