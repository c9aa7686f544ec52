"""Applications with what they declare, and the roles that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from entryway.authserver import tables
from entryway.authserver.admin.binding_parameters import INSTANCE_SECRET
from entryway.authserver.clients import Clients
from entryway.authserver.rest import paging, shapes
from entryway.authserver.rest.bodies import RoleAttribute, RoleChange, RoleDraft
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.roles.catalog import Catalog, Role
from entryway.authserver.roles.errors import RoleInvalid
from entryway.authserver.roles.role_store import RoleStore
from entryway.storage import Database

READ, WRITE = "xs_authorization.read", "xs_authorization.write"


@dataclass(frozen=True, slots=True)
class AppOperations:
    """The operations on applications and roles."""

    database: Database
    catalog: Catalog
    store: RoleStore
    clients: Clients

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        template, role = "/apps/{app}/roletemplates/{template}", "/apps/{app}/roletemplates/{template}/roles/{role}"
        by_client = {"onlyWithClientId": "the client of the application", "onlyForOrgId": "ignored: there are no orgs"}
        of_grants = {"grantedByAppId": "the application that granted"}
        with_roles = {"showRoles": "whether to list the roles, too"} | paging.QUERY
        pages = paging.QUERY
        return [
            Operation("GET", "/apps", READ, "List applications", self.apps, query=by_client | pages),
            Operation("GET", "/apps/{app}", READ, "An application", self.app),
            Operation("GET", "/apps/{app}/scopes", READ, "Its scopes", self.scopes, query=pages),
            Operation("GET", "/apps/{app}/scopes/{scope}", READ, "One of its scopes", self.scope),
            Operation(
                "GET", "/apps/{app}/authorities", READ, "What it may do itself", self.authorities, query=of_grants
            ),
            Operation("GET", "/apps/{app}/roles", READ, "The roles of its templates", self.roles_of_app, query=pages),
            Operation("GET", "/apps/{app}/roletemplates", READ, "Its role templates", self.templates, query=with_roles),
            Operation(
                "GET", "/apps/roletemplates", READ, "The role templates of all", self.templates, query=with_roles
            ),
            Operation("GET", template, READ, "A role template", self.template),
            Operation("GET", f"{template}/roles", READ, "The roles of a template", self.roles_of_template, query=pages),
            Operation("GET", role, READ, "A role", self.role),
            Operation("PUT", role, WRITE, "Change a role", self.change_role, body=RoleChange),
            Operation("DELETE", role, WRITE, "Delete a role", self.delete_role, status=204),
            Operation("POST", "/apps/roles", WRITE, "Make a role", self.create_role, body=RoleDraft, status=201),
            Operation("GET", "/roles", READ, "The roles of all", self.all_roles, query=pages),
            Operation("GET", "/ownapp", READ, "The caller's own application", self.own_app),
            Operation("GET", "/ownapp/usage", READ, "What the caller's application is used for", self.usage),
        ]

    async def apps(self, asked: Asked) -> Any:
        rows, total = await self.catalog.apps(asked.zid, asked.query.get("onlyWithClientId"), window=asked.window)
        return paging.Part(rows, total).shown(shapes.app)

    async def app(self, asked: Asked) -> Any:
        row = await self.catalog.app(asked.zid, asked.path["app"])
        return shapes.app(row) | {"instanceSecretLastUsedAt": await self._instance_secret_last_used(row)}

    async def _instance_secret_last_used(self, row: tables.Application) -> str | None:
        # Whoever replaces the one secret of all bindings by one for each sees when nobody uses it any more.
        secret = tables.BindingSecret
        of_app = (secret.zid == row.zid, secret.instance_id == row.instance_id, secret.kind == INSTANCE_SECRET)
        async with self.database.read() as session:
            last = (await session.execute(select(func.max(secret.last_used_at)).where(*of_app))).scalar_one()
        return None if last is None else last.isoformat()

    async def scopes(self, asked: Asked) -> Any:
        rows, total = await self.catalog.scopes(asked.zid, asked.path["app"], window=asked.window)
        return paging.Part(rows, total).shown(shapes.scope)

    async def scope(self, asked: Asked) -> Any:
        return shapes.scope(await self.catalog.scope(asked.zid, asked.path["app"], asked.path["scope"]))

    async def authorities(self, asked: Asked) -> Any:
        app = await self.catalog.app(asked.zid, asked.path["app"])
        client = await self.clients.find_by_instance(asked.zid, app.instance_id)
        granted = sorted(client.authorities) if client is not None else []
        giver = asked.query.get("grantedByAppId")
        if giver is not None:
            declared = {scope.name for scope in (await self.catalog.scopes(asked.zid, giver))[0]}
            granted = [name for name in granted if name in declared]
        return granted

    async def roles_of_app(self, asked: Asked) -> Any:
        return await self._listed(asked, asked.path["app"])

    async def templates(self, asked: Asked) -> Any:
        app_id, shown = asked.path.get("app"), asked.flag("showRoles")
        templates, total = await self.catalog.templates(asked.zid, app_id, window=asked.window)
        part = paging.Part(templates, total)
        if not shown:
            return part.shown(shapes.template)
        made = await self.catalog.roles_of(asked.zid, templates)
        return part.shown(lambda each: shapes.template(each, with_roles=made[each.app_id, each.name]))

    async def template(self, asked: Asked) -> Any:
        return shapes.template(await self.catalog.template(asked.zid, asked.path["app"], asked.path["template"]))

    async def roles_of_template(self, asked: Asked) -> Any:
        return await self._listed(asked, asked.path["app"], asked.path["template"])

    async def role(self, asked: Asked) -> Any:
        path = asked.path
        [shown] = await self._shown(
            asked, [await self.catalog.role(asked.zid, path["app"], path["template"], path["role"])]
        )
        return shown

    async def create_role(self, asked: Asked) -> Any:
        body: RoleDraft = asked.body
        draft = _draft(body.roleTemplateAppId, body.roleTemplateName, body.name, body)
        [shown] = await self._shown(asked, [await self.store.create(asked.zid, draft, asked.caller.actor)])
        return shown

    async def change_role(self, asked: Asked) -> Any:
        draft = _draft(asked.path["app"], asked.path["template"], asked.path["role"], asked.body)
        [shown] = await self._shown(asked, [await self.store.change(asked.zid, draft, asked.caller.actor)])
        return shown

    async def delete_role(self, asked: Asked) -> None:
        path = asked.path
        await self.store.delete(asked.zid, path["app"], path["template"], path["role"], asked.caller.actor)

    async def all_roles(self, asked: Asked) -> Any:
        return await self._listed(asked)

    async def _listed(self, asked: Asked, app_id: str | None = None, template: str | None = None) -> paging.Part:
        roles, total = await self.catalog.roles(asked.zid, app_id, template, window=asked.window)
        return paging.Part(await self._shown(asked, roles), total)

    async def _shown(self, asked: Asked, roles: Sequence[Role]) -> list[dict[str, Any]]:
        """Return roles with what their templates say of each attribute."""
        required = await self.catalog.required(asked.zid, {(role.app_id, role.template) for role in roles})
        return [shapes.role(role, required.get((role.app_id, role.template), frozenset())) for role in roles]

    async def own_app(self, asked: Asked) -> Any:
        return shapes.app(await self.catalog.app(asked.zid, asked.caller.client.xsappname))

    async def usage(self, asked: Asked) -> Any:
        app = await self.catalog.app(asked.zid, asked.caller.client.xsappname)
        secret = tables.BindingSecret
        of_app = (secret.zid == asked.zid, secret.instance_id == app.instance_id)
        reference = tables.RoleCollectionReference
        holding = select(func.count(reference.collection.distinct())).where(
            reference.zid == asked.zid, reference.xsappname == app.xsappname
        )
        async with self.database.read() as session:
            bindings = (await session.execute(select(func.count()).select_from(secret).where(*of_app))).scalar_one()
            collections = (await session.execute(holding)).scalar_one()
        return {"appid": app.xsappname, "bindings": bindings, "roleCollections": collections}


def _draft(app_id: str, template: str, name: str, body: RoleDraft | RoleChange) -> Role:
    return Role(
        app_id=app_id,
        template=template,
        name=name,
        description=body.description or "",
        attributes={each.attributeName: each.value() for each in _once(body.attributeList)},
        is_default=False,
    )


def _once(attributes: Sequence[RoleAttribute]) -> Sequence[RoleAttribute]:
    names = [each.attributeName for each in attributes]
    if len(set(names)) != len(names):
        raise RoleInvalid("an attribute is there twice")
    return attributes
