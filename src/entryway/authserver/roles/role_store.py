"""Roles of administrators: made of templates that have attributes, changed and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from entryway.authserver import tables
from entryway.authserver.roles.attribute_values import AttributeValue, Source
from entryway.authserver.roles.catalog import Role, find_app, find_role, find_template
from entryway.authserver.roles.errors import ReadOnly, RoleExists, RoleInvalid, RoleUnknown, TooMany
from entryway.storage.audit import changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.roles.catalog import RoleTemplate
    from entryway.storage import Database
    from entryway.storage.audit import Audit

MOST_ROLES = 2500
OBJECT = "xsrole"
ATTRIBUTES = "xsattribute2role"


@dataclass(frozen=True, slots=True)
class RoleStore:
    """The roles that administrators of all tenants made; every change is on the audit trail."""

    database: Database
    audit: Audit

    async def create(self, zid: str, draft: Role, actor: str) -> Role:
        """Make a role of a template."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "roles", zid)
            template = await find_template(session, zid, draft.app_id, draft.template)
            if not template.attributes:
                raise RoleInvalid("the template has no attributes, so its own role is all that can be made of it")
            attributes = checked(template, draft.attributes)
            instance_id = (await find_app(session, zid, draft.app_id)).instance_id
            of_default = template.default_role
            taken = of_default is not None and of_default.name == draft.name
            if taken or await _row(session, zid, instance_id, draft.template, draft.name) is not None:
                raise RoleExists(draft.name)
            counted = select(func.count()).select_from(tables.Role).where(tables.Role.zid == zid)
            if (await session.execute(counted)).scalar_one() >= MOST_ROLES:
                raise TooMany(f"a tenant has at most {MOST_ROLES} roles of administrators")
            session.add(
                tables.Role(
                    zid=zid,
                    instance_id=instance_id,
                    template=draft.template,
                    name=draft.name,
                    description=draft.description,
                    attributes=_to_json(attributes),
                )
            )
            await session.flush()
            await self.audit.record(
                session,
                changed("CREATE", zid, OBJECT, _id(draft), actor=actor, new={"description": draft.description}),
                changed("CREATE", zid, ATTRIBUTES, _id(draft), actor=actor, new=_to_json(attributes)),
            )
            return await find_role(session, zid, draft.app_id, draft.template, draft.name)

    async def change(self, zid: str, draft: Role, actor: str) -> Role:
        """Give a role another description and other attributes."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "roles", zid)
            template = await find_template(session, zid, draft.app_id, draft.template)
            row = await _own(session, zid, draft.app_id, draft.template, draft.name)
            attributes = checked(template, draft.attributes)
            told, given = row.description, row.attributes
            row.description, row.attributes = draft.description, _to_json(attributes)
            await session.flush()
            described = {"old": {"description": told}, "new": {"description": row.description}}
            events = [changed("UPDATE", zid, OBJECT, _id(draft), actor=actor, **described)]
            if given != row.attributes:
                events.append(
                    changed("UPDATE", zid, ATTRIBUTES, _id(draft), actor=actor, old=given, new=row.attributes)
                )
            await self.audit.record(session, *events)
            return await find_role(session, zid, draft.app_id, draft.template, draft.name)

    async def delete(self, zid: str, app_id: str, template: str, name: str, actor: str) -> None:
        """Delete a role, and take it out of every collection."""
        async with self.database.transaction() as session:
            await self.database.lock(session, "roles", zid)
            await find_template(session, zid, app_id, template)
            row = await _own(session, zid, app_id, template, name)
            reference = tables.RoleCollectionReference
            await session.execute(
                delete(reference).where(
                    reference.zid == zid,
                    reference.xsappname == app_id,
                    reference.template == template,
                    reference.role == name,
                )
            )
            await session.delete(row)
            await session.flush()
            object_id, old = f"{app_id}/{template}/{name}", {"description": row.description}
            await self.audit.record(
                session,
                changed("DELETE", zid, ATTRIBUTES, object_id, actor=actor, old=row.attributes),
                changed("DELETE", zid, OBJECT, object_id, actor=actor, old=old),
            )


def checked(template: RoleTemplate, attributes: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
    """Return a role's attributes, all that its template has, or raise RoleInvalid.

    An attribute that is not given is without restriction, where the template allows that.
    """
    unknown = sorted(attributes.keys() - template.attributes.keys())
    if unknown:
        raise RoleInvalid(f"the template {template.name} has no attribute {', '.join(map(repr, unknown))}")
    complete = {name: attributes.get(name, AttributeValue(Source.UNRESTRICTED)) for name in template.attributes}
    for name, value in complete.items():
        if value.source is Source.UNRESTRICTED and name in template.required:
            raise RoleInvalid(f"the attribute {name!r} needs a value")
        if value.source is not Source.UNRESTRICTED and not value.values:
            raise RoleInvalid(f"the attribute {name!r} has a source and no value")
        if value.source is Source.IDENTITY_PROVIDER and len(value.values) != 1:
            raise RoleInvalid(f"the attribute {name!r} takes its values from one attribute of the identity provider")
    return complete


async def _own(session: AsyncSession, zid: str, app_id: str, template: str, name: str) -> tables.Role:
    role = await find_role(session, zid, app_id, template, name)
    if role.is_default:
        raise ReadOnly(name)
    instance_id = (await find_app(session, zid, app_id)).instance_id
    row = await _row(session, zid, instance_id, template, name)
    if row is None:
        raise RoleUnknown(name)
    return row


async def _row(session: AsyncSession, zid: str, instance_id: str, template: str, name: str) -> tables.Role | None:
    key = {"zid": zid, "instance_id": instance_id, "template": template, "name": name}
    return await session.get(tables.Role, key)


def _to_json(attributes: Mapping[str, AttributeValue]) -> dict[str, Any]:
    return {name: value.to_json() for name, value in attributes.items()}


def _id(role: Role) -> str:
    return f"{role.app_id}/{role.template}/{role.name}"
