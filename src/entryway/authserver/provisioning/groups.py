"""`/Groups`: role collections, whose members are the users who were given them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists

from entryway.authserver import tables
from entryway.authserver.provisioning.kinds import GROUP
from entryway.authserver.roles.errors import (
    ReadOnly,
    RoleCollectionExists,
    RoleCollectionUnknown,
    TooMany,
    UserUnknownHere,
)
from entryway.scim.conditions import Filterable, Moment, Related, Text
from entryway.scim.errors import Immutable, InvalidScimValue, ResourceNotFound, Uniqueness
from entryway.scim.resources import without_empty
from entryway.web.scim import Stored

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from entryway.authserver.rest.callers import Caller
    from entryway.authserver.roles.collections import RoleCollection, RoleCollections
    from entryway.scim.queries import Query
    from entryway.scim.resources import Resource

LONGEST_NAME = 64


def _given_to(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    assignment, collection = tables.RoleAssignment, tables.RoleCollection
    return exists().where(assignment.zid == collection.zid, assignment.collection == collection.name, condition)


FILTERABLE = Filterable(
    {
        "id": Text(tables.RoleCollection.name),
        "displayname": Text(tables.RoleCollection.name),
        "description": Text(tables.RoleCollection.description),
        "members.value": Related(Text(tables.RoleAssignment.user_id), _given_to),
        "meta.created": Moment(tables.RoleCollection.created_at),
        "meta.lastmodified": Moment(tables.RoleCollection.updated_at),
    },
    frozenset({GROUP.schema.id.lower()}),
)


@dataclass(frozen=True, slots=True)
class GroupCollection:
    """Role collections as resources; the id is the name."""

    url: str
    collections: RoleCollections

    async def page(self, caller: Caller, query: Query) -> tuple[Sequence[Stored], int]:
        """Return one page of what fits, and how many fit."""
        where = [FILTERABLE.condition(query.term)] if query.term is not None else []
        order: Any = FILTERABLE.order(query.sort_by) if query.sort_by else tables.RoleCollection.name
        found, total = await self.collections.page(
            caller.zone.id,
            where,
            order=order.desc() if query.descending else order.asc(),
            window=query.window,
        )
        # Members may be many, and clients that page through groups leave them away.
        names = [] if "members" in query.selection.unwanted else [each.name for each in found]
        users = await self.collections.users(caller.zone.id, names)
        return [self._stored(caller, each, users.get(each.name, ())) for each in found], total

    async def resolve(self, caller: Caller, resource_id: str) -> Stored:
        """Return one group."""
        with _scim_errors():
            one = await self.collections.get(caller.zone.id, resource_id)
        users = await self.collections.users(caller.zone.id, [one.name])
        return self._stored(caller, one, users.get(one.name, ()))

    async def create(self, caller: Caller, content: Resource) -> Stored:
        """Make a role collection with its members."""
        name, zid = content["displayName"], caller.zone.id
        if len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise InvalidScimValue(f"displayName has 1 to {LONGEST_NAME} printable characters")
        with _scim_errors():
            await self.collections.create(zid, name, _description(content), caller.actor)
            try:
                await self.collections.change_users(zid, name, _members(content), frozenset(), caller.actor)
            except Exception:
                await self.collections.delete(zid, name, caller.actor)
                raise
        return await self.resolve(caller, name)

    async def replace(self, caller: Caller, before: Stored, content: Resource) -> Stored:
        """Describe a role collection anew, and give it to others; what others gave meanwhile stays."""
        if content["displayName"] != before.id:
            raise Immutable("displayName: a role collection keeps its name")
        zid, had, wanted = caller.zone.id, _members(before.content), _members(content)
        with _scim_errors():
            if _description(content) != _description(before.content):
                await self.collections.describe(zid, before.id, _description(content), caller.actor)
            if had != wanted:
                await self.collections.change_users(zid, before.id, wanted - had, had - wanted, caller.actor)
        return await self.resolve(caller, before.id)

    async def delete(self, caller: Caller, before: Stored) -> None:
        """Delete a role collection."""
        with _scim_errors():
            await self.collections.delete(caller.zone.id, before.id, caller.actor)

    def _stored(self, caller: Caller, one: RoleCollection, users: Sequence[tables.User]) -> Stored:
        members = [
            {
                "value": user.id,
                "$ref": f"{self.url}/Users/{user.id}",
                "type": "USER",
                "display": user.user_name,
                "origin": user.origin,
            }
            for user in users
        ]
        content = without_empty(
            {
                "displayName": one.name,
                "description": one.description,
                "zoneId": caller.zone.id,
                "members": members,
            }
        )
        version = int(one.updated_at.timestamp() * 1_000_000)
        return Stored(one.name, content, one.created_at, one.updated_at, version)


def _description(content: Resource) -> str:
    text: str = content.get("description", "")
    if len(text) > 1000:
        raise InvalidScimValue("description has at most 1000 characters")
    return text


def _members(content: Resource) -> frozenset[str]:
    members: list[dict[str, Any]] = content.get("members", [])
    if any(member.get("type", "USER").upper() != "USER" for member in members):
        raise InvalidScimValue("members are users: a role collection holds no other")
    return frozenset(member["value"] for member in members)


@contextmanager
def _scim_errors() -> Iterator[None]:
    """Turn what the store raises into what a SCIM client understands."""
    try:
        yield
    except UserUnknownHere as error:
        raise InvalidScimValue(f"members: there is no user {error.detail[:100]!r}") from error
    except TooMany as error:
        raise InvalidScimValue(error.detail) from error
    except RoleCollectionUnknown as error:
        raise ResourceNotFound(error.title) from error
    except RoleCollectionExists as error:
        raise Uniqueness(error.title) from error
    except ReadOnly as error:
        raise Immutable(error.title) from error
