"""Codes of authenticator apps and recovery codes: guesses are counted like passwords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.login.attempt import CODE, RECOVERY
from entryway.idp.users.password_policy import PasswordPolicy
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.idp.documents import Documents
    from entryway.idp.factors.authenticators import Authenticators
    from entryway.idp.trail import Trail
    from entryway.idp.users.failures import Failures
    from entryway.idp.users.user import User

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """The one place where such codes are checked."""

    authenticators: Authenticators
    failures: Failures
    documents: Documents
    trail: Trail

    async def shown(self, user: User, code: str) -> str | None:
        """Return by which method a code proves who the user is, None if it does not."""
        policy = await self.documents.load(PasswordPolicy)
        counted, method = f"second-factor {user.id}", None
        if not await self.failures.note_attempt(counted, policy.lockout):
            if await self.authenticators.verify(user.id, code):
                method = CODE
            elif await self.authenticators.use_recovery_code(user.id, code):
                method = RECOVERY
        if method is None:
            log.info("second_factor_failed", user_id=user.id)
            self.trail.account("SecondFactorFailed", user.id)
            return None
        await self.failures.forget(counted)
        return method
