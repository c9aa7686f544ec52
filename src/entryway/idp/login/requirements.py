"""What a user must show to reach an application: the user's own state and the application's rules together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.login.next_step import Needs
from entryway.idp.users.password_policy import PasswordPolicy

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.documents import Documents
    from entryway.idp.factors.factors import Factors
    from entryway.idp.users.groups import Groups
    from entryway.idp.users.user import User
    from entryway.storage.moments import Clock


@dataclass(frozen=True, slots=True)
class Requirements:
    """Looks up what the decision needs."""

    documents: Documents
    groups: Groups
    factors: Factors
    clock: Clock

    async def of(self, user: User, application: Application | None) -> Needs:
        """Return what a user needs for an application, or for our own pages."""
        policy = await self.documents.load(PasswordPolicy)
        enrolled = await self.factors.enrolled(user.id)
        rule = "enrolled"
        if application is not None:
            rule = application.second_factor(await self.groups.names_of(user.id))
        return Needs(
            second_factor=rule == "required" or (rule == "enrolled" and enrolled),
            enrolled=enrolled,
            new_password=user.must_change_password or policy.expired(user.password_changed_at, self.clock()),
        )
