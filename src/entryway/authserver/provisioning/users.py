"""`/Users`: users of every identity provider that a tenant trusts, also before their first logon."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError

from entryway.accounts.names import comparable
from entryway.authserver import tables
from entryway.authserver.provisioning.kinds import USER
from entryway.authserver.users import ORIGIN, login_name
from entryway.scim.conditions import Filterable, Flag, Key, Moment, Related, Text
from entryway.scim.errors import Immutable, InvalidScimValue, ResourceNotFound, Uniqueness, VersionDiffers
from entryway.scim.resources import without_empty
from entryway.storage.audit import changed, happened
from entryway.storage.pages import page_of
from entryway.web.scim import Stored

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from entryway.authserver.moments import Clock
    from entryway.authserver.passwords import Passwords
    from entryway.authserver.rest.callers import Caller
    from entryway.authserver.roles.collections import RoleCollections
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.scim.queries import Query
    from entryway.scim.resources import Resource
    from entryway.storage import Database
    from entryway.storage.audit import Audit

OBJECT = "user"
LONGEST = 255
LONGEST_PASSWORD = 1024


def _given(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(tables.RoleAssignment.user_id == tables.User.id, condition)


FILTERABLE = Filterable(
    {
        "id": Text(tables.User.id),
        "externalid": Key(tables.User.external_id),
        "username": Key(tables.User.login_name, login_name),
        "origin": Text(tables.User.origin),
        "name.givenname": Key(tables.User.given_name_key, comparable),
        "name.familyname": Key(tables.User.family_name_key, comparable),
        "emails.value": Key(tables.User.email_key, comparable),
        "active": Flag(tables.User.active),
        "groups.value": Related(Text(tables.RoleAssignment.collection), _given),
        "groups.display": Related(Text(tables.RoleAssignment.collection), _given),
        "meta.created": Moment(tables.User.created_at),
        "meta.lastmodified": Moment(tables.User.updated_at),
        "lastlogontime": Moment(tables.User.last_logon_at),
        "previouslogontime": Moment(tables.User.previous_logon_at),
    },
    frozenset({USER.schema.id.lower()}),
)


@dataclass(frozen=True, slots=True)
class UserCollection:
    """Users as resources."""

    database: Database
    passwords: Passwords
    providers: IdentityProviders
    collections: RoleCollections
    audit: Audit
    clock: Clock

    async def page(self, caller: Caller, query: Query) -> tuple[Sequence[Stored], int]:
        """Return one page of what fits, and how many fit."""
        table = tables.User
        fitting = select(table).where(table.zid == caller.zone.id)
        if query.term is not None:
            fitting = fitting.where(FILTERABLE.condition(query.term))
        order: Any = FILTERABLE.order(query.sort_by) if query.sort_by else table.login_name
        by = [order.desc() if query.descending else order.asc(), table.id]
        async with self.database.read() as session:
            found, total = await page_of(session, fitting, by, query.window, key=table.id)
        rows = [row for (row,) in found]
        given = await self.collections.of_users(caller.zone.id, [row.id for row in rows])
        return [_stored(row, given.get(row.id, ())) for row in rows], total

    async def resolve(self, caller: Caller, resource_id: str) -> Stored:
        """Return one user."""
        table = tables.User
        async with self.database.read() as session:
            query = select(table).where(table.zid == caller.zone.id, table.id == resource_id)
            row = (await session.execute(query)).scalar_one_or_none()
        if row is None:
            raise ResourceNotFound("there is no such user")
        return _stored(row, (await self.collections.of_users(caller.zone.id, [row.id])).get(row.id, ()))

    async def create(self, caller: Caller, content: Resource) -> Stored:
        """Create a user; of another origin than our own, before their first logon there."""
        origin, zid, now = content.get("origin", ORIGIN), caller.zone.id, self.clock()
        if await self.providers.find(zid, origin) is None:
            raise InvalidScimValue(f"origin: the tenant trusts no identity provider {origin[:100]!r}")
        row = tables.User(id=str(uuid.uuid4()), zid=zid, origin=origin, token_salt="", created_at=now)
        row.last_logon_at = row.previous_logon_at = None
        row.password_hash = await self._password_hash(content, origin) or (
            # Without a password, nobody logs in as them until an administrator gives them one.
            await self.passwords.hash(secrets.token_urlsafe(32)) if origin == ORIGIN else ""
        )
        _write(row, content, now)
        try:
            async with self.database.transaction() as session:
                session.add(row)
                await session.flush()
                await self.audit.record(
                    session, changed("CREATE", zid, OBJECT, row.id, actor=caller.actor, new=_told(row))
                )
        except IntegrityError as error:
            raise Uniqueness("userName: the origin has a user by this name already") from error
        return await self.resolve(caller, row.id)

    async def replace(self, caller: Caller, before: Stored, content: Resource) -> Stored:
        """Write a user anew; the origin stays."""
        origin, zid = before.content["origin"], caller.zone.id
        if content.get("origin", origin) != origin:
            raise Immutable("origin: a user is of one identity provider")
        password_hash = await self._password_hash(content, origin)
        try:
            async with self.database.transaction() as session:
                await self.database.lock(session, "user", before.id)
                table = tables.User
                query = select(table).where(table.zid == zid, table.id == before.id)
                row = (await session.execute(query)).scalar_one_or_none()
                if row is None or _version(row.updated_at) != before.version:
                    raise VersionDiffers("the user was changed at the same moment")
                old = _told(row)
                was_active = row.active
                _write(row, content, self.clock())
                if password_hash is not None:
                    row.password_hash = password_hash
                if was_active and not row.active:
                    # Tokens that are out already end, too, wherever we are asked about them.
                    row.token_salt = secrets.token_hex(8)
                await session.flush()
                events = [changed("UPDATE", zid, OBJECT, row.id, actor=caller.actor, old=old, new=_told(row))]
                if password_hash is not None:
                    events.append(happened("PasswordChangeSuccess", zid, OBJECT, row.id, actor=caller.actor))
                await self.audit.record(session, *events)
        except IntegrityError as error:
            raise Uniqueness("userName: the origin has a user by this name already") from error
        return await self.resolve(caller, before.id)

    async def delete(self, caller: Caller, before: Stored) -> None:
        """Delete a user with every session and token; it cannot be undone."""
        zid = caller.zone.id
        async with self.database.transaction() as session:
            table = tables.User
            query = select(table).where(table.zid == zid, table.id == before.id)
            row = (await session.execute(query)).scalar_one_or_none()
            if row is None:
                raise ResourceNotFound("there is no such user")
            old = _told(row)
            await session.delete(row)
            await session.flush()
            await self.audit.record(session, changed("DELETE", zid, OBJECT, before.id, actor=caller.actor, old=old))

    async def _password_hash(self, content: Resource, origin: str) -> str | None:
        password = content.get("password")
        if password is None:
            return None
        if origin != ORIGIN:
            raise InvalidScimValue("password: users of another identity provider have theirs there")
        if len(password) > LONGEST_PASSWORD:
            raise InvalidScimValue(f"password: at most {LONGEST_PASSWORD} characters")
        return await self.passwords.hash(password)


def _write(row: tables.User, content: Resource, now: datetime) -> None:
    emails = content.get("emails", [])
    main = next((each for each in emails if each.get("primary")), emails[0] if emails else {})
    name = content.get("name", {})
    row.user_name, row.login_name = content["userName"], login_name(content["userName"])
    row.given_name, row.family_name = name.get("givenName", ""), name.get("familyName", "")
    row.email, row.external_id = main.get("value", ""), content.get("externalId")
    row.active, row.updated_at = content.get("active", True), now
    texts = (row.user_name, row.given_name, row.family_name, row.email, row.external_id or "")
    if not row.login_name or any(len(text) > LONGEST or not text.isprintable() for text in texts):
        raise InvalidScimValue(f"names and addresses have at most {LONGEST} printable characters")


def _told(row: tables.User) -> dict[str, Any]:
    return {"user_name": row.user_name, "origin": row.origin, "email": row.email, "active": row.active}


def _version(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _stored(row: tables.User, given: Sequence[str]) -> Stored:
    content = without_empty(
        {
            "userName": row.user_name,
            "externalId": row.external_id,
            "origin": row.origin,
            "name": without_empty({"givenName": row.given_name, "familyName": row.family_name}),
            "emails": [{"value": row.email, "primary": True}] if row.email else [],
            "active": row.active,
            "verified": False,
            "zoneId": row.zid,
            "groups": [{"value": name, "display": name, "type": "DIRECT"} for name in given],
            "lastLogonTime": _milliseconds(row.last_logon_at),
            "previousLogonTime": _milliseconds(row.previous_logon_at),
        }
    )
    return Stored(row.id, content, row.created_at, row.updated_at, _version(row.updated_at))


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment is not None else None
