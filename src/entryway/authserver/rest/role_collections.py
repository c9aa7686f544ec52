"""Role collections, the roles in them, and the mappings that give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from entryway.authserver.rest import paging, shapes
from entryway.authserver.rest.apps import READ, WRITE
from entryway.authserver.rest.bodies import MappingDraft, RoleCollectionChange, RoleCollectionDraft, RoleReferences
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.roles.collections import RoleCollection, RoleCollections, RoleKey
from entryway.authserver.roles.mapping_rules import Operator, RoleMapping
from entryway.authserver.roles.mappings import RoleMappings
from entryway.authserver.trust.providers import IdentityProviders
from entryway.errors import BadRequest
from entryway.storage.pages import Window

PAGE = 100
_SHOWN = {
    "showRoles": "whether to list the roles in each",
    "showUsers": "whether to list the users who were given each",
    "showGroups": "whether to list the mappings that give each",
}


@dataclass(frozen=True, slots=True)
class RoleCollectionOperations:
    """The operations on role collections and mappings."""

    collections: RoleCollections
    mappings: RoleMappings
    providers: IdentityProviders

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        one = "/rolecollections/{name}"
        mappings = "/identity-providers/{origin}/attributes"
        mapping = f"{mappings}/{{attribute}}/{{operator}}/{{value}}/rolecollections/{{collection}}"
        return [
            Operation("GET", "/rolecollections", READ, "List role collections", self.list, query=_SHOWN | paging.QUERY),
            Operation("GET", "/rolecollections/pages/{page}", READ, "A page of them", self.page, query=_SHOWN),
            Operation("GET", one, READ, "A role collection", self.get),
            Operation("GET", f"{one}/roles", READ, "The roles in it", self.roles, query=paging.QUERY),
            Operation(
                "GET", "/rolecollections/roles/{app}/{template}/{role}", READ, "Collections with a role", self.holding
            ),
            Operation(
                "POST",
                "/rolecollections",
                WRITE,
                "Make a role collection, or copy one",
                self.create,
                body=RoleCollectionDraft,
                status=201,
            ),
            Operation("PUT", one, WRITE, "Describe it anew", self.change, body=RoleCollectionChange),
            Operation("DELETE", one, WRITE, "Delete it", self.delete, status=204),
            Operation("PUT", f"{one}/roles", WRITE, "Put roles into it", self.add_roles, body=RoleReferences),
            Operation(
                "DELETE",
                f"{one}/roles/{{app}}/{{role}}/{{template}}",
                WRITE,
                "Take a role out",
                self.remove,
                status=204,
            ),
            Operation(
                "GET",
                f"{mappings}/rolecollections",
                READ,
                "The mappings of a provider",
                self.list_mappings,
                query=paging.QUERY,
            ),
            Operation("POST", mappings, WRITE, "Add a mapping", self.create_mapping, body=MappingDraft, status=201),
            Operation("DELETE", mapping, WRITE, "Remove a mapping", self.delete_mapping, status=204),
        ]

    async def list(self, asked: Asked) -> Any:
        found, total = await self.collections.page(asked.zid, window=asked.window)
        return paging.Part(await self._shown(asked, found), total)

    async def page(self, asked: Asked) -> Any:
        text = asked.path["page"]
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= 1_000_000:
            raise BadRequest("pages are counted from 1")
        number = int(text)
        found, total = await self.collections.page(asked.zid, window=Window((number - 1) * PAGE, PAGE))
        return {
            "page": number,
            "pageSize": PAGE,
            "totalPages": -(-total // PAGE),
            "totalElements": total,
            "roleCollections": await self._shown(asked, found),
        }

    async def get(self, asked: Asked) -> Any:
        return await self._whole(asked, await self.collections.get(asked.zid, asked.path["name"]))

    async def roles(self, asked: Asked) -> Any:
        name = (await self.collections.get(asked.zid, asked.path["name"])).name
        held = (await self.collections.roles(asked.zid, [name])).get(name, ())
        return paging.part_of(held, asked.window).shown(shapes.key)

    async def holding(self, asked: Asked) -> Any:
        role = RoleKey(asked.path["app"], asked.path["template"], asked.path["role"])
        return [shapes.collection(each) for each in await self.collections.holding(asked.zid, role)]

    async def create(self, asked: Asked) -> Any:
        body: RoleCollectionDraft = asked.body
        made = await self.collections.create(
            asked.zid, body.name, body.description or "", asked.caller.actor, like=body.copyFrom
        )
        return await self._whole(asked, made)

    async def change(self, asked: Asked) -> Any:
        body: RoleCollectionChange = asked.body
        name = asked.path["name"]
        if body.name not in {None, name}:
            raise BadRequest("a role collection keeps its name; copy it under another one")
        made = await self.collections.describe(asked.zid, name, body.description or "", asked.caller.actor)
        return await self._whole(asked, made)

    async def delete(self, asked: Asked) -> None:
        await self.collections.delete(asked.zid, asked.path["name"], asked.caller.actor)

    async def add_roles(self, asked: Asked) -> Any:
        body: RoleReferences = asked.body
        keys = []
        for each in body.root:
            role = each.roleName or each.name
            if role is None:
                raise BadRequest("a role has a roleName")
            keys.append(RoleKey(each.roleTemplateAppId, each.roleTemplateName, role))
        await self.collections.add_roles(asked.zid, asked.path["name"], keys, asked.caller.actor)
        return await self.roles(asked)

    async def remove(self, asked: Asked) -> None:
        role = RoleKey(asked.path["app"], asked.path["template"], asked.path["role"])
        await self.collections.remove_role(asked.zid, asked.path["name"], role, asked.caller.actor)

    async def list_mappings(self, asked: Asked) -> Any:
        await self.providers.get(asked.zid, asked.path["origin"])
        found, total = await self.mappings.of_origin(asked.zid, asked.path["origin"], asked.window)
        return paging.Part(found, total).shown(shapes.mapping)

    async def create_mapping(self, asked: Asked) -> Any:
        body: MappingDraft = asked.body
        await self.providers.get(asked.zid, asked.path["origin"])
        mapping = RoleMapping(
            asked.path["origin"],
            body.attributeName,
            Operator(body.operator),
            body.attributeValue,
            body.roleCollectionName,
        )
        await self.mappings.create(asked.zid, mapping, asked.caller.actor)
        return shapes.mapping(mapping)

    async def delete_mapping(self, asked: Asked) -> None:
        path = asked.path
        if path["operator"] not in set(Operator):
            raise BadRequest("the operator is equals or contains")
        mapping = RoleMapping(
            path["origin"], path["attribute"], Operator(path["operator"]), path["value"], path["collection"]
        )
        await self.mappings.delete(asked.zid, mapping, asked.caller.actor)

    async def _shown(self, asked: Asked, found: Sequence[RoleCollection]) -> Sequence[Any]:
        names, zid = [each.name for each in found], asked.zid
        roles = await self.collections.roles(zid, names) if asked.flag("showRoles") else None
        users = await self.collections.users(zid, names) if asked.flag("showUsers") else None
        mappings = await self.mappings.of_collections(zid, names) if asked.flag("showGroups") else None
        return [
            shapes.collection(
                each,
                roles=None if roles is None else roles.get(each.name, ()),
                users=None if users is None else users.get(each.name, ()),
                mappings=None if mappings is None else [one for one in mappings if one.collection == each.name],
            )
            for each in found
        ]

    async def _whole(self, asked: Asked, one: RoleCollection) -> Any:
        return shapes.collection(
            one,
            roles=(await self.collections.roles(asked.zid, [one.name])).get(one.name, ()),
            users=(await self.collections.users(asked.zid, [one.name])).get(one.name, ()),
            mappings=await self.mappings.of_collections(asked.zid, [one.name]),
        )
