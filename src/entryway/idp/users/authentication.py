"""Whether somebody is who they say they are, by password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.accounts import passwords
from entryway.accounts.names import comparable
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from entryway.accounts.passwords import Passwords
    from entryway.idp.documents import Documents
    from entryway.idp.trail import Trail
    from entryway.idp.users.failures import Failures
    from entryway.idp.users.store import Users
    from entryway.idp.users.user import User

LOCKED = "locked by failures"


@dataclass(frozen=True, slots=True)
class Authentication:
    """The one place where passwords are checked."""

    users: Users
    failures: Failures
    passwords: Passwords
    documents: Documents
    trail: Trail

    async def check(self, name: str, password: str) -> User:
        """Return the user, or raise BadCredentials: the same and after the same time, whatever was wrong."""
        policy = await self.documents.load(PasswordPolicy)
        user = await self.users.find_by_login(name)
        # By the user, who has two names to log in by, and by the name where there is none.
        counted = user.id if user is not None else comparable(name)
        is_locked = await self.failures.note_attempt(counted, policy.lockout)
        known = user is not None and user.may_log_in and not is_locked and len(password) <= passwords.LONGEST
        stored = user.password_hash if user is not None and known else None
        right = await self.passwords.verify(password[: passwords.LONGEST], stored)
        if user is None or not right:
            reason = _reason(user, is_locked=is_locked)
            self.trail.account("PasswordRefused", user.id if user is not None else "", reason=reason)
            raise BadCredentials(detail=reason)
        await self.failures.forget(counted)
        self.trail.account("PasswordAccepted", user.id)
        return user


def _reason(user: User | None, *, is_locked: bool) -> str:
    if user is None:
        return "unknown user"
    if is_locked:
        return LOCKED
    return "wrong password" if user.may_log_in else "the user is locked or not active"
