"""Users and the role collections that they have."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, literal, select, tuple_

from entryway.authserver import tables
from entryway.authserver.roles.collections import USERS
from entryway.authserver.users import ORIGIN, login_name
from entryway.errors import BadRequest, NotFound
from entryway.storage.audit import changed, happened

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from sqlalchemy.ext.asyncio import AsyncSession

    from entryway.authserver.moments import Clock
    from entryway.authserver.passwords import Passwords
    from entryway.authserver.zones import Zone
    from entryway.storage import Database
    from entryway.storage.audit import Audit, AuditEvent


Row = TypeVar("Row")

# Whoever asks here acts as the platform.
PLATFORM = "entryway-platform"


class UserUnknown(NotFound):
    """Nobody by that name."""

    code = "user_unknown"
    title = "There is no user by this name"


@dataclass(frozen=True, slots=True)
class Profile:
    """What the platform says about a user; None leaves a field as it is."""

    password: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    role_collections: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class People:
    """The users of all tenants, for administrators."""

    database: Database
    passwords: Passwords
    audit: Audit
    clock: Clock

    async def put(self, zone: Zone, user_name: str, profile: Profile) -> tuple[dict[str, Any], bool]:
        """Create or update a user; return what is known about them, and whether they are new."""
        existing = await self._find(zone, user_name)
        if existing is None and not profile.password:
            raise BadRequest("a new user needs a password")
        password_hash = await self._password_hash(existing, profile.password)
        now = self.clock()
        async with self.database.transaction() as session:
            if profile.role_collections is not None:
                known = select(tables.RoleCollection.name).where(tables.RoleCollection.zid == zone.id)
                unknown = set(profile.role_collections) - set((await session.execute(known)).scalars())
                if unknown:
                    raise BadRequest(f"there is no role collection {', '.join(map(repr, sorted(unknown)))}")
            user = await session.get(tables.User, existing.id) if existing else None
            if user is None:
                user = tables.User(
                    id=str(uuid.uuid4()),
                    zid=zone.id,
                    origin=ORIGIN,
                    user_name=user_name,
                    login_name=login_name(user_name),
                    given_name="",
                    family_name="",
                    email="",
                    created_at=now,
                    last_logon_at=None,
                    previous_logon_at=None,
                )
                session.add(user)
            old, is_new_password = _told(user), existing is not None and user.password_hash != password_hash
            user.password_hash, user.updated_at = password_hash, now
            for field in ("given_name", "family_name", "email"):
                value = getattr(profile, field)
                if value is not None:
                    setattr(user, field, value)
            await session.flush()
            events = _events(user, old if existing else None, is_new_password=is_new_password)
            if profile.role_collections is not None:
                events += await _give(session, user, set(profile.role_collections))
            if events:
                await session.flush()
                await self.audit.record(session, *events)
        return await self._user(zone, user.id), existing is None

    async def delete(self, zone: Zone, user_name: str) -> None:
        """Delete a user with every session and token."""
        existing = await self._find(zone, user_name)
        if existing is None:
            raise UserUnknown(user_name)
        async with self.database.transaction() as session:
            await session.execute(delete(tables.User).where(tables.User.id == existing.id))
            old = _told(existing)
            await self.audit.record(session, changed("DELETE", zone.id, "user", existing.id, actor=PLATFORM, old=old))

    async def users(self, zone: Zone, *, after: str, limit: int) -> dict[str, Any]:
        """Return users with their role collections, by origin and name; `next` is what to ask with for more."""
        table = tables.User
        by = tuple_(table.origin, table.login_name)
        origin, _, name = after.partition(" ")  # no origin has a space in it
        query = select(table).where(table.zid == zone.id, by > tuple_(literal(origin), literal(name)))
        async with self.database.read() as session:
            rows = (await session.execute(query.order_by(table.origin, table.login_name).limit(limit + 1))).scalars()
            users, more = _page(rows.all(), limit)
            listed = await _with_collections(session, zone, users)
        return {"users": listed, "next": f"{users[-1].origin} {users[-1].login_name}" if more else None}

    async def role_collections(self, zone: Zone, *, after: str, limit: int) -> dict[str, Any]:
        """Return role collections with the role templates in them, by name; `next` is what to ask with for more."""
        collection, reference = tables.RoleCollection, tables.RoleCollectionReference
        query = select(collection).where(collection.zid == zone.id, collection.name > after)
        async with self.database.read() as session:
            rows = (await session.execute(query.order_by(collection.name).limit(limit + 1))).scalars().all()
            collections, more = _page(rows, limit)
            within = reference.collection.in_([row.name for row in collections])
            references = (await session.execute(select(reference).where(reference.zid == zone.id, within))).scalars()
            templates = defaultdict(list)
            for of in references:
                templates[of.collection].append(f"{of.xsappname}.{of.template}")
        listed = [
            {"name": row.name, "description": row.description, "role_templates": sorted(templates[row.name])}
            for row in collections
        ]
        return {"role_collections": listed, "next": collections[-1].name if more else None}

    async def _user(self, zone: Zone, user_id: str) -> dict[str, Any]:
        query = select(tables.User).where(tables.User.zid == zone.id, tables.User.id == user_id)
        async with self.database.read() as session:
            users = (await session.execute(query)).scalars().all()
            return (await _with_collections(session, zone, users))[0]

    async def _find(self, zone: Zone, user_name: str) -> tables.User | None:
        user = tables.User
        query = select(user).where(user.zid == zone.id, user.origin == ORIGIN, user.login_name == login_name(user_name))
        async with self.database.read() as session:
            return (await session.execute(query)).scalar_one_or_none()

    async def _password_hash(self, existing: tables.User | None, password: str | None) -> str:
        # A hash that is made anew would end every session and token of the user, though nothing changed.
        if existing and (not password or await self.passwords.verify(password, existing.password_hash)):
            return existing.password_hash
        return await self.passwords.hash(password or "")


def _page(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], bool]:
    """Return the rows of a page, of which one too many was asked for, and whether there are more."""
    return rows[:limit], len(rows) > limit


async def _with_collections(session: AsyncSession, zone: Zone, users: Sequence[tables.User]) -> list[dict[str, Any]]:
    table, collections = tables.RoleAssignment, defaultdict(list)
    mine = select(table).where(table.zid == zone.id, table.user_id.in_([user.id for user in users]))
    for row in (await session.execute(mine)).scalars():
        collections[row.user_id].append(row.collection)
    return [
        {
            "id": user.id,
            "user_name": user.user_name,
            "origin": user.origin,
            "given_name": user.given_name,
            "family_name": user.family_name,
            "email": user.email,
            "role_collections": sorted(collections[user.id]),
        }
        for user in users
    ]


async def _give(session: AsyncSession, user: tables.User, names: AbstractSet[str]) -> list[AuditEvent]:
    """Let a user have these role collections and no others; return what changed."""
    assignment = tables.RoleAssignment
    mine = select(assignment.collection).where(assignment.zid == user.zid, assignment.user_id == user.id)
    had = set((await session.execute(mine)).scalars())
    gone = delete(assignment).where(assignment.user_id == user.id, assignment.collection.in_(had - names))
    await session.execute(gone)
    session.add_all(assignment(zid=user.zid, user_id=user.id, collection=name) for name in sorted(names - had))
    what, who = {"user_id": user.id}, {"actor": PLATFORM}
    return [
        *(changed("CREATE", user.zid, USERS, name, new=what, **who) for name in sorted(names - had)),
        *(changed("DELETE", user.zid, USERS, name, old=what, **who) for name in sorted(had - names)),
    ]


def _events(user: tables.User, old: dict[str, Any] | None, *, is_new_password: bool) -> list[AuditEvent]:
    """Return what is told of a user who is new, or has changed."""
    new, who = _told(user), (user.zid, "user", user.id)
    if old is None:
        return [changed("CREATE", *who, actor=PLATFORM, new=new)]
    events = [changed("UPDATE", *who, actor=PLATFORM, old=old, new=new)] if new != old else []
    return events + ([happened("PasswordChangeSuccess", *who, actor=PLATFORM)] if is_new_password else [])


def _told(user: tables.User) -> dict[str, Any]:
    return {"user_name": user.user_name, "origin": user.origin, "email": user.email}
