"""`/Groups/External`: which role collection a group of an identity provider gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from entryway.authserver.admin.endpoints import Body
from entryway.authserver.rest.apps import READ, WRITE
from entryway.authserver.rest.bodies import Reference, Value
from entryway.authserver.rest.operations import Asked, Operation
from entryway.authserver.rest.uaa.answers import PAGE, listed
from entryway.authserver.roles.errors import MappingUnknown
from entryway.authserver.roles.mapping_rules import GROUP_ATTRIBUTES, Operator, RoleMapping
from entryway.authserver.roles.mappings import RoleMappings
from entryway.authserver.trust.providers import IdentityProviders
from entryway.errors import BadRequest, Conflict
from entryway.scim.queries import parse_query

PREFIX = "/Groups/External"


class GroupMapping(Body):
    """A group, and the role collection that it gives; its `groupId` and its `displayName` are its name."""

    groupId: Reference | None = None  # noqa: N815 - the name on the wire
    displayName: Reference | None = None  # noqa: N815
    externalGroup: Annotated[Value, StringConstraints(min_length=1)]  # noqa: N815
    origin: Reference
    schemas: list[Reference] = Field(default=[], max_length=10)


@dataclass(frozen=True, slots=True)
class GroupMappingOperations:
    """The operations on mappings of groups; those of other attributes are not shown."""

    mappings: RoleMappings
    providers: IdentityProviders

    def operations(self) -> Sequence[Operation]:
        """Return what can be asked."""
        rest = "externalGroup/{externalGroup}/origin/{origin}"
        query = {"origin": "the identity provider's origin key", "externalGroup": "the group's name there", **PAGE}
        return [
            Operation("GET", "/", READ, "List the mappings of groups", self.list, query=query),
            Operation("POST", "/", WRITE, "Map a group", self.map, body=GroupMapping, status=201),
            *(
                Operation("DELETE", f"/{by}/{{collection}}/{rest}", WRITE, "Remove a mapping", self.unmap)
                for by in ("groupId", "displayName")
            ),
        ]

    async def list(self, asked: Asked) -> Any:
        if "filter" in asked.query:
            raise BadRequest("this list is narrowed by origin and externalGroup; it has no filter")
        query = parse_query(asked.query)
        origin, group = asked.query.get("origin"), asked.query.get("externalGroup")
        named = {"origin": origin, "value": group}
        found, total = await self.mappings.of_groups(asked.zid, named, window=query.window)
        return listed([_shown(each) for each in found], total, query)

    async def map(self, asked: Asked) -> Any:
        body: GroupMapping = asked.body
        names = {name for name in (body.groupId, body.displayName) if name is not None}
        if len(names) != 1:
            raise BadRequest("either groupId or displayName names the role collection")
        await self.providers.get(asked.zid, body.origin)
        (name,) = names
        mapping = RoleMapping(body.origin, GROUP_ATTRIBUTES[0], Operator.EQUALS, body.externalGroup, name)
        if not await self.mappings.create(asked.zid, mapping, asked.caller.actor):
            raise Conflict("the group is mapped to this role collection already")
        return _shown(mapping)

    async def unmap(self, asked: Asked) -> Any:
        path = asked.path
        named = {"origin": path["origin"], "value": path["externalGroup"], "collection": path["collection"]}
        found, _ = await self.mappings.of_groups(asked.zid, named)
        if not found:
            raise MappingUnknown(path["externalGroup"])
        # One for either name of the attribute: what is left would still give the role collection.
        for each in found:
            await self.mappings.delete(asked.zid, each, asked.caller.actor)
        return _shown(found[0])


def _shown(each: RoleMapping) -> dict[str, Any]:
    return {
        "groupId": each.collection,
        "displayName": each.collection,
        "externalGroup": each.value,
        "origin": each.origin,
    }
