"""What a user is, and what may be written about one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from entryway.accounts.names import comparable
from entryway.idp.errors import InvalidValue

LONGEST = 255
MOST_ATTRIBUTES = 100
MOST_VALUES = 100
LONGEST_VALUE = 1000
_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\[\]]+@[^@\s<>\"(),:;\\\[\]]+")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class UserValues:
    """What may be written about a user; checked when it is made.

    `profile` holds what SCIM knows besides (telephone numbers, addresses …); nothing here reads it.
    """

    user_name: str
    email: str = ""
    email_verified: bool = False
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    external_id: str | None = None
    attributes: Mapping[str, list[str]] = field(default_factory=dict)
    profile: Mapping[str, Any] = field(default_factory=dict)
    active: bool = True

    def __post_init__(self) -> None:
        if not comparable(self.user_name):
            raise InvalidValue("user_name", "must not be empty")
        for name in ("user_name", "email", "given_name", "family_name", "display_name", "external_id"):
            _check_text(name, getattr(self, name) or "")
        if self.email and not _ADDRESS.fullmatch(self.email):
            raise InvalidValue("email", "must be a mail address")
        check_attributes(self.attributes)


@dataclass(frozen=True, slots=True)
class User:
    """A user as everything but the store sees one."""

    id: str
    values: UserValues
    locked: bool
    password_hash: str | None = field(repr=False)
    password_changed_at: datetime | None
    must_change_password: bool
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    # The company's provider that brought the user.
    provider_id: str | None = None

    @property
    def user_name(self) -> str:
        return self.values.user_name

    @property
    def email(self) -> str:
        return self.values.email

    @property
    def full_name(self) -> str:
        """What people are greeted by."""
        values = self.values
        return values.display_name or f"{values.given_name} {values.family_name}".strip() or values.user_name

    @property
    def may_log_in(self) -> bool:
        return self.values.active and not self.locked


def check_attributes(attributes: Mapping[str, list[str]]) -> None:
    """Raise for custom attributes that no token or mapping could carry."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise InvalidValue("attributes", f"must not be more than {MOST_ATTRIBUTES}")
    for name, values in attributes.items():
        if not _ATTRIBUTE.fullmatch(name):
            raise InvalidValue("attributes", "must have names of letters, digits, dots, hyphens and underscores")
        if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE or not _printable(value) for value in values):
            raise InvalidValue("attributes", f"must have at most {MOST_VALUES} printable values of {LONGEST_VALUE}")


def _check_text(name: str, value: str) -> None:
    if len(value) > LONGEST or not _printable(value):
        raise InvalidValue(name, f"must be at most {LONGEST} printable characters")


def _printable(text: str) -> bool:
    return all(character.isprintable() for character in text)
