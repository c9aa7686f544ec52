"""`/scim/Groups`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.provisioning.errors import scim_errors
from entryway.idp.provisioning.mapping import group_content, member_ids
from entryway.scim.attributes import ResourceType
from entryway.scim.conditions import Filterable, Key, Moment, Related, Text
from entryway.scim.schemas import GROUP, GROUP_URN
from entryway.web.scim import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from entryway.idp.applications.application import Application
    from entryway.idp.users.groups import Group, Groups, Member
    from entryway.scim.queries import Query
    from entryway.scim.resources import Resource

KIND = ResourceType("Group", "/Groups", GROUP, (), "Group of users")


def _with_member(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(tables.Membership.group_id == tables.Group.id, condition)


FILTERABLE = Filterable(
    {
        "id": Text(tables.Group.id),
        "externalid": Key(tables.Group.external_id),
        "displayname": Key(tables.Group.name_key, comparable),
        "members.value": Related(Text(tables.Membership.user_id), _with_member),
        "meta.created": Moment(tables.Group.created_at),
        "meta.lastmodified": Moment(tables.Group.updated_at),
    },
    frozenset({GROUP_URN.lower()}),
)


@dataclass(frozen=True, slots=True)
class GroupCollection:
    """Groups as resources."""

    base: str
    groups: Groups

    async def page(self, caller: Application, query: Query) -> tuple[Sequence[Stored], int]:
        """Return one page of what fits, and how many fit."""
        del caller
        where = [FILTERABLE.condition(query.term)] if query.term is not None else []
        column: Any = FILTERABLE.order(query.sort_by) if query.sort_by else tables.Group.name_key
        order = [column.desc() if query.descending else column.asc()]
        groups, total = await self.groups.page(where, order, query.window)
        # Members may be many, and clients that page through groups leave them away.
        left_out = "members" in query.selection.unwanted
        return [self._stored(group, [] if left_out else await self._members(group)) for group in groups], total

    async def resolve(self, caller: Application, resource_id: str) -> Stored:
        """Return one group."""
        del caller
        with scim_errors():
            return await self._load(resource_id)

    async def create(self, caller: Application, content: Resource) -> Stored:
        """Create a group with its members."""
        del caller
        with scim_errors():
            group = await self.groups.create(content["displayName"], "", content.get("externalId"))
            try:
                if members := member_ids(content):
                    await self.groups.set_members(group.id, members)
            except Exception:
                await self.groups.delete(group.id)
                raise
            return await self._load(group.id)

    async def replace(self, caller: Application, before: Stored, content: Resource) -> Stored:
        """Write a group anew, members and all."""
        del caller
        members = member_ids(content)
        with scim_errors():
            group = await self.groups.resolve(before.id)
            await self.groups.check_users(members)
            await self.groups.change(
                group.id,
                name=content["displayName"],
                description=group.description,
                external_id=content.get("externalId"),
                version=before.version,
            )
            await self.groups.set_members(group.id, members)
            return await self._load(group.id)

    async def delete(self, caller: Application, before: Stored) -> None:
        """Delete a group; its members stay."""
        del caller
        with scim_errors():
            await self.groups.delete(before.id)

    async def _load(self, group_id: str) -> Stored:
        group = await self.groups.resolve(group_id)
        return self._stored(group, await self._members(group))

    async def _members(self, group: Group) -> Sequence[Member]:
        found, _ = await self.groups.members(group.id)
        return found

    def _stored(self, group: Group, members: Sequence[Member]) -> Stored:
        content = group_content(group, members, self.base)
        return Stored(group.id, content, group.created_at, group.updated_at, group.version)
