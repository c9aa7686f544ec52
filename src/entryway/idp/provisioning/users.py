"""`/scim/Users`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists

from entryway.accounts.names import comparable
from entryway.idp import tables
from entryway.idp.provisioning.errors import scim_errors
from entryway.idp.provisioning.mapping import user_content, user_values
from entryway.scim.attributes import ResourceType
from entryway.scim.conditions import Filterable, Flag, Key, Moment, Related, Text
from entryway.scim.schemas import CUSTOM, ENTERPRISE, USER, USER_URN
from entryway.web.scim import Stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from entryway.idp.applications.application import Application
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.users.groups import Group, Groups
    from entryway.idp.users.password_changes import PasswordChanges
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User
    from entryway.scim.queries import Query
    from entryway.scim.resources import Resource

KIND = ResourceType("User", "/Users", USER, (ENTERPRISE, CUSTOM), "User account")


def _in_group(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    mine = tables.Membership.user_id == tables.User.id
    return exists().where(mine, tables.Membership.group_id == tables.Group.id, condition)


FILTERABLE = Filterable(
    {
        "id": Text(tables.User.id),
        "externalid": Key(tables.User.external_id),
        "username": Key(tables.User.login_name, comparable),
        "displayname": Key(tables.User.display_name_key, comparable),
        "name.givenname": Key(tables.User.given_name_key, comparable),
        "name.familyname": Key(tables.User.family_name_key, comparable),
        "emails.value": Key(tables.User.email_key, comparable),
        "active": Flag(tables.User.active),
        "groups.value": Related(Text(tables.Group.id), _in_group),
        "groups.display": Related(Text(tables.Group.name_key, comparable), _in_group),
        "meta.created": Moment(tables.User.created_at),
        "meta.lastmodified": Moment(tables.User.updated_at),
    },
    frozenset({USER_URN.lower()}),
)


@dataclass(frozen=True, slots=True)
class UserCollection:
    """Users as resources."""

    base: str
    users: Users
    groups: Groups
    password_changes: PasswordChanges
    session_end: SessionEnd

    async def page(self, caller: Application, query: Query) -> tuple[Sequence[Stored], int]:
        """Return one page of what fits, and how many fit."""
        del caller
        where = [FILTERABLE.condition(query.term)] if query.term is not None else []
        column: Any = FILTERABLE.order(query.sort_by) if query.sort_by else tables.User.login_name
        order = [column.desc() if query.descending else column.asc()]
        users, total = await self.users.page(where, order, query.window)
        groups = await self.groups.of_users([user.id for user in users])
        return [self._stored(user, groups[user.id]) for user in users], total

    async def resolve(self, caller: Application, resource_id: str) -> Stored:
        """Return one user."""
        del caller
        with scim_errors():
            return await self._load(resource_id)

    async def create(self, caller: Application, content: Resource) -> Stored:
        """Create a user; without a password, who must be invited before a login."""
        del caller
        with scim_errors():
            user = await self.users.create(user_values(content, None))
            try:
                await self._set_password(user, content)
            except Exception:
                await self.users.delete(user.id)
                raise
            return await self._load(user.id)

    async def replace(self, caller: Application, before: Stored, content: Resource) -> Stored:
        """Write a user anew."""
        del caller
        with scim_errors():
            known = await self.users.resolve(before.id)
            user = await self.users.change(before.id, user_values(content, known), before.version)
            await self._set_password(user, content)
            if not user.values.active:
                await self.session_end.end_all(user.id)
            return await self._load(user.id)

    async def delete(self, caller: Application, before: Stored) -> None:
        """Delete a user with every session and token."""
        del caller
        with scim_errors():
            await self.session_end.end_all(before.id)
            await self.users.delete(before.id)

    async def _set_password(self, user: User, content: Resource) -> None:
        if "password" in content:
            await self.password_changes.set(user, content["password"], must_change=False)

    async def _load(self, user_id: str) -> Stored:
        user = await self.users.resolve(user_id)
        return self._stored(user, (await self.groups.of_users([user.id]))[user.id])

    def _stored(self, user: User, groups: Sequence[Group]) -> Stored:
        content = user_content(user, groups, self.base)
        return Stored(user.id, content, user.created_at, user.updated_at, user.version)
