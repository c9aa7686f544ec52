"""What applications declare, as administrators see it: applications, scopes, role templates and roles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select, tuple_

from entryway.authserver import tables
from entryway.authserver.roles import attribute_values
from entryway.authserver.roles.attribute_values import AttributeValue
from entryway.authserver.roles.errors import AppUnknown, RoleTemplateUnknown, RoleUnknown, ScopeUnknown
from entryway.storage.pages import ALL, Window, page_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from sqlalchemy import CompoundSelect
    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.storage import Database

# The landscape's own client is not an application of the tenant.
_PLATFORM = "entryway-platform"

# Who wants more templates than a statement can name reads all of the tenant's, and picks.
MOST_NAMED = 500
Key = tuple[str, str]
"""An application and a template of it."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role: one of a template's own, or one that an administrator made of it."""

    app_id: str
    template: str
    name: str
    description: str
    attributes: Mapping[str, AttributeValue]
    is_default: bool


@dataclass(frozen=True, slots=True)
class RoleTemplate:
    """A role template with what it refers to; `required` names the attributes that need a value."""

    app_id: str
    name: str
    description: str
    scopes: tuple[str, ...]
    attributes: Mapping[str, Sequence[str]]
    required: frozenset[str]
    default_role: Role | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The applications of all tenants."""

    database: Database

    async def apps(
        self, zid: str, client_id: str | None = None, *, window: Window = ALL
    ) -> tuple[Sequence[tables.Application], int]:
        """Return a tenant's applications by their ids, or the one with a client, and how many there are."""
        app, client = tables.Application, tables.ClientRow
        query = select(app).where(app.zid == zid, app.instance_id != _PLATFORM)
        if client_id is not None:
            query = query.join(client, and_(client.zid == app.zid, client.instance_id == app.instance_id)).where(
                client.client_id == client_id
            )
        async with self.database.read() as session:
            rows, total = await page_of(session, query, [app.xsappname], window)
        return [row for (row,) in rows], total

    async def app(self, zid: str, app_id: str) -> tables.Application:
        """Return an application by its id."""
        async with self.database.read() as session:
            return await find_app(session, zid, app_id)

    async def scopes(self, zid: str, app_id: str, *, window: Window = ALL) -> tuple[Sequence[tables.Scope], int]:
        """Return the scopes that an application declares, and how many there are."""
        async with self.database.read() as session:
            app = await find_app(session, zid, app_id)
            scope = tables.Scope
            query = select(scope).where(scope.zid == zid, scope.instance_id == app.instance_id)
            rows, total = await page_of(session, query, [scope.name], window)
        return [row for (row,) in rows], total

    async def scope(self, zid: str, app_id: str, name: str) -> tables.Scope:
        """Return one scope, by its whole name or by the part that is its own."""
        for scope in (await self.scopes(zid, app_id))[0]:
            if scope.name in {name, f"{app_id}.{name}"}:
                return scope
        raise ScopeUnknown(name)

    async def templates(
        self, zid: str, app_id: str | None = None, *, window: Window = ALL
    ) -> tuple[Sequence[RoleTemplate], int]:
        """Return the role templates of an application, or of all, and how many there are."""
        template, app = tables.RoleTemplate, tables.Application
        async with self.database.read() as session:
            if app_id is not None:
                await find_app(session, zid, app_id)
            if window == ALL:
                found = await read_templates(session, zid, app_id)
                return found, len(found)
            of = and_(app.zid == template.zid, app.instance_id == template.instance_id)
            query = select(app.xsappname, template.name).join(app, of).where(template.zid == zid)
            if app_id is not None:
                query = query.where(app.xsappname == app_id)
            keys, total = await page_of(session, query, [app.xsappname, template.name], window)
            wanted = [(of_app, name) for of_app, name in keys]
            return await read_templates(session, zid, app_id, among=wanted), total

    async def template(self, zid: str, app_id: str, name: str) -> RoleTemplate:
        """Return one role template."""
        async with self.database.read() as session:
            return await find_template(session, zid, app_id, name)

    async def required(self, zid: str, keys: AbstractSet[Key]) -> Mapping[Key, AbstractSet[str]]:
        """Return the attributes that need a value, by template."""
        async with self.database.read() as session:
            found = await read_templates(session, zid, among=sorted(keys))
        return {(each.app_id, each.name): each.required for each in found}

    async def roles(
        self, zid: str, app_id: str | None = None, template: str | None = None, *, window: Window = ALL
    ) -> tuple[Sequence[Role], int]:
        """Return roles by application, template and name, whoever makes them, and how many there are."""
        async with self.database.read() as session:
            if app_id is not None:
                await find_app(session, zid, app_id)
            if app_id is not None and template is not None:
                await find_template(session, zid, app_id, template)
            if window == ALL:
                found = await read_roles(session, zid, app_id, template)
                return found, len(found)
            names = _role_names(zid, app_id, template).subquery()
            keys, total = await page_of(session, select(names), [names.c.app, names.c.template, names.c.role], window)
            wanted = {tuple(key) for key in keys}
            among = sorted({(of_app, of_template) for of_app, of_template, _ in keys})
            found = await read_roles(session, zid, app_id, template, among=among)
        return [each for each in found if (each.app_id, each.template, each.name) in wanted], total

    async def roles_of(self, zid: str, templates: Sequence[RoleTemplate]) -> Mapping[Key, Sequence[Role]]:
        """Return the roles of some templates."""
        made = defaultdict[Key, list[Role]](list)
        async with self.database.read() as session:
            for role in await read_roles(session, zid, among=[(each.app_id, each.name) for each in templates]):
                made[role.app_id, role.template].append(role)
        return made

    async def role(self, zid: str, app_id: str, template: str, name: str) -> Role:
        """Return one role."""
        async with self.database.read() as session:
            return await find_role(session, zid, app_id, template, name)


async def find_app(session: AsyncSession, zid: str, app_id: str) -> tables.Application:
    """Return an application by its id, or raise AppUnknown."""
    app = tables.Application
    query = select(app).where(app.zid == zid, app.xsappname == app_id, app.instance_id != _PLATFORM)
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise AppUnknown(app_id)
    return found


async def find_template(session: AsyncSession, zid: str, app_id: str, name: str) -> RoleTemplate:
    """Return a role template, or raise AppUnknown or RoleTemplateUnknown."""
    await find_app(session, zid, app_id)
    for template in await read_templates(session, zid, app_id, name):
        return template
    raise RoleTemplateUnknown(name)


async def find_role(session: AsyncSession, zid: str, app_id: str, template: str, name: str) -> Role:
    """Return a role, or raise what of it is not there."""
    await find_template(session, zid, app_id, template)
    for role in await read_roles(session, zid, app_id, template):
        if role.name == name:
            return role
    raise RoleUnknown(name)


async def read_templates(
    session: AsyncSession,
    zid: str,
    app_id: str | None = None,
    name: str | None = None,
    among: Sequence[Key] | None = None,
) -> Sequence[RoleTemplate]:
    """Return role templates with their scopes, by application and name."""
    template, app, scope = tables.RoleTemplate, tables.Application, tables.RoleTemplateScope
    of = and_(app.zid == template.zid, app.instance_id == template.instance_id)
    query = select(template, app.xsappname, app.descriptor).join(app, of).where(template.zid == zid)
    scopes = (
        select(app.xsappname, scope.template, scope.scope)
        .join(app, and_(app.zid == scope.zid, app.instance_id == scope.instance_id))
        .where(scope.zid == zid)
    )
    if app_id is not None:
        query, scopes = query.where(app.xsappname == app_id), scopes.where(app.xsappname == app_id)
    if name is not None:
        query, scopes = query.where(template.name == name), scopes.where(scope.template == name)
    if among is not None and len(among) <= MOST_NAMED:
        query = query.where(tuple_(app.xsappname, template.name).in_(among))
        scopes = scopes.where(tuple_(app.xsappname, scope.template).in_(among))
    granted: dict[tuple[str, str], list[str]] = {}
    for of_app, of_template, text in (await session.execute(scopes)).all():
        granted.setdefault((of_app, of_template), []).append(text)
    rows = (await session.execute(query.order_by(app.xsappname, template.name))).all()
    return [_template(row, of_app, descriptor, granted.get((of_app, row.name), [])) for row, of_app, descriptor in rows]


def _role_names(zid: str, app_id: str | None, template: str | None) -> CompoundSelect[str, str, str]:
    """Return the query for the names of roles: those that templates make, and those of administrators."""
    of, role, app = tables.RoleTemplate, tables.Role, tables.Application
    made = select(app.xsappname.label("app"), role.template.label("template"), role.name.label("role")).join(
        app, and_(app.zid == role.zid, app.instance_id == role.instance_id)
    )
    defaults = select(app.xsappname, of.name, of.default_role_name).join(
        app, and_(app.zid == of.zid, app.instance_id == of.instance_id)
    )
    made, defaults = made.where(role.zid == zid), defaults.where(of.zid == zid, of.has_default_role.is_(True))
    if app_id is not None:
        made, defaults = made.where(app.xsappname == app_id), defaults.where(app.xsappname == app_id)
    if template is not None:
        made, defaults = made.where(role.template == template), defaults.where(of.name == template)
    return made.union_all(defaults)


async def read_roles(
    session: AsyncSession,
    zid: str,
    app_id: str | None = None,
    template: str | None = None,
    among: Sequence[Key] | None = None,
) -> Sequence[Role]:
    """Return roles by application, template and name."""
    role, app = tables.Role, tables.Application
    query = (
        select(role, app.xsappname)
        .join(app, and_(app.zid == role.zid, app.instance_id == role.instance_id))
        .where(role.zid == zid)
    )
    if app_id is not None:
        query = query.where(app.xsappname == app_id)
    if template is not None:
        query = query.where(role.template == template)
    if among is not None and len(among) <= MOST_NAMED:
        query = query.where(tuple_(app.xsappname, role.template).in_(among))
    made = [
        Role(
            app_id=of_app,
            template=row.template,
            name=row.name,
            description=row.description,
            attributes={name: attribute_values.stored(value) for name, value in row.attributes.items()},
            is_default=False,
        )
        for row, of_app in (await session.execute(query)).all()
    ]
    defaults = [each.default_role for each in await read_templates(session, zid, app_id, template, among)]
    found = [*made, *(each for each in defaults if each is not None)]
    return sorted(found, key=lambda each: (each.app_id, each.template, each.name))


def _template(row: tables.RoleTemplate, app_id: str, descriptor: Mapping[str, Any], scopes: list[str]) -> RoleTemplate:
    needed = {
        attribute["name"]
        for attribute in descriptor.get("attributes", ())
        if attribute.get("valueRequired", True) in (True, "true")
    }
    default = Role(
        app_id=app_id,
        template=row.name,
        name=row.default_role_name,
        description=row.description,
        attributes=attribute_values.of_default_role(row.attribute_values),
        is_default=True,
    )
    return RoleTemplate(
        app_id=app_id,
        name=row.name,
        description=row.description,
        scopes=tuple(sorted(scopes)),
        attributes=row.attribute_values,
        required=frozenset(needed & row.attribute_values.keys()),
        default_role=default if row.has_default_role else None,
    )
