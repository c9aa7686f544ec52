"""What a password must be, how long it is good, and when wrong ones lock a user: decided here, stored as a setting."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from entryway.accounts.lockout import Lockout
from entryway.accounts.names import comparable

if TYPE_CHECKING:
    from datetime import datetime

    from entryway.idp.users.user import UserValues

SHORTEST_NAME = 4


class PasswordPolicy(BaseModel):
    """The defaults follow NIST SP 800-63B: length counts, kinds of characters and expiry are for who must have them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_length: Annotated[int, Field(ge=8, le=128)] = 8
    max_length: Annotated[int, Field(ge=64, le=1024)] = 255
    require_upper_case: bool = False
    require_lower_case: bool = False
    require_digit: bool = False
    require_special: bool = False
    history: Annotated[int, Field(ge=0, le=10)] = 5
    expires_after_days: Annotated[int, Field(ge=0, le=3650)] = 0
    most_failures: Annotated[int, Field(ge=3, le=100)] = 5
    counted_minutes: Annotated[int, Field(ge=1, le=1440)] = 20
    locked_minutes: Annotated[int, Field(ge=1, le=1440)] = 5

    @property
    def lockout(self) -> Lockout:
        """When wrong passwords lock a user."""
        return Lockout(
            self.most_failures, timedelta(minutes=self.counted_minutes), timedelta(minutes=self.locked_minutes)
        )

    def broken_rules(self, password: str, values: UserValues) -> list[str]:
        """Return the names of the rules that a password breaks for this user."""
        broken = {
            "min_length": len(password) < self.min_length,
            "max_length": len(password) > self.max_length,
            "require_upper_case": self.require_upper_case and not any(map(str.isupper, password)),
            "require_lower_case": self.require_lower_case and not any(map(str.islower, password)),
            "require_digit": self.require_digit and not any(map(str.isdigit, password)),
            "require_special": self.require_special and all(map(str.isalnum, password)),
            "no_name": _holds_a_name(password, values),
        }
        return [name for name, wrong in broken.items() if wrong]

    def expired(self, changed_at: datetime | None, now: datetime) -> bool:
        """Say whether a password has been in use for too long."""
        if not self.expires_after_days or changed_at is None:
            return False
        return now - changed_at > timedelta(days=self.expires_after_days)


def _holds_a_name(password: str, values: UserValues) -> bool:
    """Say whether the password is little more than who it belongs to: the first thing that others try."""
    compared = comparable(password)
    names = {comparable(values.user_name), comparable(values.email), comparable(values.email).partition("@")[0]}
    return any(len(name) >= SHORTEST_NAME and name in compared for name in names)
