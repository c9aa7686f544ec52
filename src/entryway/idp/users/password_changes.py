"""New passwords: checked against the policy and those of before; everything that the old one opened ends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from entryway.idp import tables
from entryway.idp.errors import PasswordRefused
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.accounts.passwords import Passwords
    from entryway.idp.documents import Documents
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.trail import Trail
    from entryway.idp.users.failures import Failures
    from entryway.idp.users.user import User
    from entryway.storage import Database
    from entryway.storage.moments import Clock

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PasswordChanges:
    """Sets passwords."""

    database: Database
    passwords: Passwords
    documents: Documents
    failures: Failures
    session_end: SessionEnd
    trail: Trail
    clock: Clock

    async def check(self, user: User, password: str) -> None:
        """Raise PasswordRefused unless a user may choose this password."""
        policy = await self.documents.load(PasswordPolicy)
        _check(policy, password, user)
        if policy.history and await self._used_before(user, password, policy.history):
            raise PasswordRefused(["history"])

    async def change(self, user: User, password: str) -> None:
        """Take the password that a user has chosen, or raise PasswordRefused."""
        await self.check(user, password)
        await self._store(user, password, await self.documents.load(PasswordPolicy), must_change=False)

    async def set(self, user: User, password: str, *, must_change: bool) -> None:
        """Take the password that an administrator has chosen; with `must_change`, it is good for one login only.

        Whoever was logged in with the old one is logged out, of applications too.
        """
        policy = await self.documents.load(PasswordPolicy)
        _check(policy, password, user)
        await self._store(user, password, policy, must_change=must_change)
        await self.session_end.end_all(user.id)

    async def is_current(self, user: User, password: str) -> bool:
        """Say whether it is the user's password already, so that writing it again changes nothing."""
        return user.password_hash is not None and await self.passwords.verify(password, user.password_hash)

    async def _used_before(self, user: User, password: str, history: int) -> bool:
        for stored in [user.password_hash, *await self._earlier(user, history)]:
            if stored is not None and await self.passwords.verify(password, stored):
                return True
        return False

    async def _earlier(self, user: User, history: int) -> list[str]:
        table = tables.EarlierPassword
        query = select(table.password_hash).where(table.user_id == user.id).order_by(table.replaced_at.desc())
        async with self.database.read() as session:
            return list((await session.execute(query.limit(history))).scalars())

    async def _store(self, user: User, password: str, policy: PasswordPolicy, *, must_change: bool) -> None:
        now, earlier, history = self.clock(), tables.EarlierPassword, policy.history
        password_hash = await self.passwords.hash(password)
        async with self.database.transaction() as session:
            if user.password_hash is not None and history:
                session.add(
                    earlier(id=str(uuid.uuid4()), user_id=user.id, password_hash=user.password_hash, replaced_at=now)
                )
                await session.flush()
            kept = select(earlier.id).where(earlier.user_id == user.id).order_by(earlier.replaced_at.desc())
            await session.execute(
                delete(earlier).where(earlier.user_id == user.id, earlier.id.not_in(kept.limit(history)))
            )
            await session.execute(
                update(tables.User)
                .where(tables.User.id == user.id)
                .values(
                    password_hash=password_hash,
                    password_changed_at=now,
                    must_change_password=must_change,
                    updated_at=now,
                    version=tables.User.version + 1,
                )
            )
            # Login sessions end by themselves: they remember the password that they began with.
            granted = tables.Authorization
            await session.execute(
                update(granted).where(granted.user_id == user.id, granted.revoked_at.is_(None)).values(revoked_at=now)
            )
        await self.failures.forget(user.id)
        log.info("password_changed", user_id=user.id)
        self.trail.account("PasswordChanged", user.id)


def _check(policy: PasswordPolicy, password: str, user: User) -> None:
    broken = policy.broken_rules(password, user.values)
    if broken:
        raise PasswordRefused(broken)
