"""Users of the built-in origin, and how one of them proves who they are with a password."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from entryway.authserver import passwords, tables
from entryway.authserver.login_failures import LoginFailures
from entryway.oauth.errors import BadCredentials
from entryway.storage import UNNOTICED, Remembered
from entryway.storage.audit import UNKNOWN_USER, happened

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.passwords import Passwords
    from entryway.storage import Changes, Database
    from entryway.storage.audit import Audit

ORIGIN = "entryway"
MOST_REMEMBERED = 20_000


class AccountLocked(BadCredentials):
    """Too many wrong passwords; names that nobody has are locked alike, so this tells nothing about who exists."""

    title = "Your account has been locked because of too many failed attempts to login."


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """A user as the endpoints need them; another object once anything of them has changed."""

    id: str
    zid: str
    origin: str
    user_name: str
    given_name: str
    family_name: str
    email: str
    password_hash: str = field(repr=False)
    previous_logon_at: datetime | None = None
    token_salt: str = field(default="", repr=False)


class Users:
    """The users of all tenants."""

    def __init__(  # noqa: PLR0917 - the parts that it is made of
        self,
        database: Database,
        passwords: Passwords,
        digests: Digests,
        clock: Clock,
        audit: Audit,
        changes: Changes,
    ) -> None:
        self._database = database
        self._known: Remembered[str, User] = Remembered(changes, (tables.PEOPLE,), MOST_REMEMBERED)
        self._passwords = passwords
        self._digests = digests
        self._clock = clock
        self._audit = audit
        self._failures = LoginFailures(database, clock)

    async def find(self, zid: str, user_id: str) -> User | None:
        """Return the user with this id, unless they are switched off."""
        async with self._database.read() as session:
            row = (await session.execute(_BY_ID, {"zid": zid, "id": user_id})).scalar_one_or_none()
        return _user(row) if row and row.active else None

    def known(self, zid: str, user_id: str) -> Awaitable[User | None]:
        """Return the same from memory, without what every logon changes (`previous_logon_at`)."""
        return self._known.get(zid, user_id, self.find)

    async def find_by_name(self, zid: str, user_name: str) -> User | None:
        """Return the user who logs in by this name, unless they are switched off."""
        async with self._database.read() as session:
            query = select(tables.User).where(
                tables.User.zid == zid,
                tables.User.origin == ORIGIN,
                tables.User.login_name == login_name(user_name),
            )
            row = (await session.execute(query)).scalar_one_or_none()
        return _user(row) if row and row.active else None

    async def authenticate(self, zid: str, user_name: str, password: str) -> User:
        """Return the user, or raise BadCredentials: the same and after the same time, whatever was wrong."""
        name_digest = self._digests.of("login-name", zid, login_name(user_name))
        is_locked = await self._failures.note_attempt(zid, name_digest)
        user = await self.find_by_name(zid, user_name)
        known = user is not None and not is_locked and len(password) <= passwords.LONGEST
        stored = user.password_hash if user is not None and known else None
        right = await self._passwords.verify(password[: passwords.LONGEST], stored)
        if user is None or not right:
            self._note(zid, "PrincipalAuthenticationFailure" if is_locked else _failure_of(user), user)
            if is_locked:
                raise AccountLocked(detail="locked")
            raise BadCredentials(detail="unknown user" if user is None else "wrong password")
        await self._note_success(user, name_digest)
        self._note(zid, "UserAuthenticationSuccess", user)
        return user

    def _note(self, zid: str, event: str, user: User | None) -> None:
        # What was typed as a name is not told: people type passwords into the wrong field.
        known = user.id if user else UNKNOWN_USER
        self._audit.note(happened(event, zid, "User", known, actor=user.user_name if user else UNKNOWN_USER))

    async def _note_success(self, user: User, name_digest: bytes) -> None:
        row = tables.User
        async with self._database.transaction() as session:
            await self._failures.forget(session, user.zid, name_digest)
            await session.execute(
                update(row)
                .where(row.id == user.id)
                .values(previous_logon_at=row.last_logon_at, last_logon_at=self._clock()),
                execution_options=UNNOTICED,
            )


# Written once: to build a statement takes longer than to run it.
_BY_ID = select(tables.User).where(tables.User.zid == bindparam("zid"), tables.User.id == bindparam("id"))


def _failure_of(user: User | None) -> str:
    return "UserAuthenticationFailure" if user else "UserNotFound"


def login_name(user_name: str) -> str:
    """Return a user name in the form in which names are compared."""
    return unicodedata.normalize("NFKC", user_name).strip().casefold()


def _user(row: tables.User) -> User:
    return User(
        id=row.id,
        zid=row.zid,
        origin=row.origin,
        user_name=row.user_name,
        given_name=row.given_name,
        family_name=row.family_name,
        email=row.email,
        password_hash=row.password_hash,
        previous_logon_at=row.previous_logon_at,
        token_salt=row.token_salt,
    )
