"""What a user may do now: the collections that they were given, and those that their identity provider's word gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, or_, select

from entryway.authserver import tables
from entryway.authserver.roles import attribute_values
from entryway.authserver.roles.entitlements import Entitlements, merge_attributes
from entryway.authserver.roles.mapping_rules import IdentityFacts, Operator, RoleMapping
from entryway.authserver.users import ORIGIN
from entryway.storage import Remembered

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.roles.attribute_values import Given
    from entryway.authserver.users import User
    from entryway.storage import Changes, Database


MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Roles:
    """The roles of the users of all tenants."""

    database: Database
    changes: Changes
    _known: Remembered[tuple[str, str], Entitlements] = field(init=False)

    def __post_init__(self) -> None:
        subjects = (tables.TENANT, tables.PEOPLE)
        object.__setattr__(self, "_known", Remembered(self.changes, subjects, MOST_REMEMBERED))

    async def of_user(self, user: User) -> Entitlements:
        """Return what the user's role collections give now."""
        return await self._known.get(user.zid, (user.origin, user.id), self._load) or Entitlements()

    async def _load(self, zid: str, key: tuple[str, str]) -> Entitlements:
        origin, user_id = key
        async with self.database.read() as session:
            rows = list((await session.execute(_ASSIGNED, {"zid": zid, "user_id": user_id})).all())
            # Nobody else speaks for users of our own, so only they themselves are given collections.
            facts = await _facts(session, zid, user_id) if origin != ORIGIN else IdentityFacts()
            mapped = await _mapped(session, zid, origin, facts) if origin != ORIGIN else ()
            if mapped:
                rows += (await session.execute(_MAPPED, {"zid": zid, "names": list(mapped)})).all()
        return _entitlements(rows, facts)


async def _facts(session: AsyncSession, zid: str, user_id: str) -> IdentityFacts:
    row = await session.get(tables.UserAttributes, (zid, user_id))
    return IdentityFacts(tuple(row.groups), row.values) if row else IdentityFacts()


async def _mapped(session: AsyncSession, zid: str, origin: str, facts: IdentityFacts) -> Sequence[str]:
    """Return the collections that the tenant's mappings give to a user."""
    table = tables.RoleMapping
    query = select(table).where(table.zid == zid, table.origin == origin)
    rows = (await session.execute(query)).scalars().all()
    mappings = [
        RoleMapping(row.origin, row.attribute, Operator(row.operator), row.value, row.collection) for row in rows
    ]
    return sorted({mapping.collection for mapping in mappings if mapping.fits(facts)})


def _entitlements(rows: Iterable[Any], facts: IdentityFacts) -> Entitlements:
    collections, scopes = set(), set()
    roles: dict[tuple[str, str, str], Mapping[str, Given]] = {}
    for collection, xsappname, template, role, defaults, chosen, scope in rows:
        collections.add(collection)
        if template is None:
            continue
        if scope is not None:
            scopes.add(scope)
        if role:
            values = {name: attribute_values.stored(value) for name, value in chosen.items()}
        else:
            values = attribute_values.of_default_role(defaults)
        roles[xsappname, template, role] = {name: value.given(facts.attributes) for name, value in values.items()}
    by_application: dict[str, list[Mapping[str, Given]]] = defaultdict(list)
    for (xsappname, _, _), given in roles.items():
        by_application[xsappname].append(given)
    return Entitlements(
        collections=tuple(sorted(collections)),
        scopes=frozenset(scopes),
        attributes={xsappname: merge_attributes(given) for xsappname, given in by_application.items()},
        groups=tuple(facts.groups),
        told=facts.attributes,
    )


def _of_collections(source: Any) -> Select[Any]:
    """Return the query for what collections hold; `source` has the collections' names and their tenant."""
    reference, application, template = tables.RoleCollectionReference, tables.Application, tables.RoleTemplate
    role, scope = tables.Role, tables.RoleTemplateScope
    name = source.name if source is tables.RoleCollection else source.collection
    return (
        select(
            name,
            application.xsappname,
            template.name,
            reference.role,
            template.attribute_values,
            role.attributes,
            scope.scope,
        )
        .select_from(source)
        .outerjoin(reference, and_(reference.zid == source.zid, reference.collection == name))
        .outerjoin(application, and_(application.zid == reference.zid, application.xsappname == reference.xsappname))
        .outerjoin(
            role,
            and_(
                role.zid == application.zid,
                role.instance_id == application.instance_id,
                role.template == reference.template,
                role.name == reference.role,
            ),
        )
        .outerjoin(
            template,
            and_(
                template.zid == application.zid,
                template.instance_id == application.instance_id,
                template.name == reference.template,
                # The role that is meant must be there: the one of an administrator, or the template's own.
                or_(role.name.is_not(None), and_(reference.role == "", template.has_default_role)),
            ),
        )
        .outerjoin(
            scope,
            and_(scope.zid == template.zid, scope.instance_id == template.instance_id, scope.template == template.name),
        )
    )


# Written once: to build a statement takes longer than to run it.
_ASSIGNED = _of_collections(tables.RoleAssignment).where(
    tables.RoleAssignment.zid == bindparam("zid"), tables.RoleAssignment.user_id == bindparam("user_id")
)
_MAPPED = _of_collections(tables.RoleCollection).where(
    tables.RoleCollection.zid == bindparam("zid"), tables.RoleCollection.name.in_(bindparam("names", expanding=True))
)
