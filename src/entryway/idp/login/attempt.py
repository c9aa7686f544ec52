"""What a login is for, and what has been learned on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# RFC 8176: how somebody was authenticated.
PASSWORD, CODE, KEY, RECOVERY = "pwd", "otp", "hwk", "recovery"
# A company's identity provider says so; how, is its own business.
FEDERATED = "fed"
SECOND_FACTORS = frozenset({CODE, KEY, RECOVERY})


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a login leads: `kind` names who finishes it, and `details` is what that one needs.

    `authenticated_since` is when the user must have logged in at the earliest. `providers` are those that whoever sent
    the browser asks for: the first is ours to choose, the others are for that one.
    """

    kind: str
    details: Mapping[str, Any] = field(default_factory=dict)
    application_id: str | None = None
    silent: bool = False
    authenticated_since: datetime | None = None
    providers: tuple[str, ...] = ()
    login_hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the form in which a login attempt keeps it."""
        return {
            "kind": self.kind,
            "details": dict(self.details),
            "application_id": self.application_id,
            "silent": self.silent,
            "authenticated_since": self.authenticated_since.isoformat() if self.authenticated_since else None,
            "providers": list(self.providers),
            "login_hint": self.login_hint,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Goal:
        """Return what `to_json` was made from."""
        since = stored["authenticated_since"]
        return cls(
            kind=stored["kind"],
            details=stored["details"],
            application_id=stored["application_id"],
            silent=stored["silent"],
            authenticated_since=datetime.fromisoformat(since) if since else None,
            providers=tuple(stored["providers"]),
            login_hint=stored["login_hint"],
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login on its way; `session_id` is set where the browser was logged in already."""

    id: str
    goal: Goal
    started_at: datetime
    user_id: str | None = None
    session_id: str | None = None
    authenticated_at: datetime | None = None
    methods: tuple[str, ...] = ()
    challenge: str | None = None
    sealed_secret: bytes | None = field(default=None, repr=False)
    # What the user is called who is about to log in, as far as somebody has said.
    login_name: str | None = None
    # The company's provider that vouched for the user, and what its session is called there.
    provider_id: str | None = None
    sealed_arrival: bytes | None = field(default=None, repr=False)

    @property
    def rests_on_session(self) -> bool:
        """Whether who is there was known when the attempt began, and has not logged in since."""
        if self.session_id is None or self.sealed_arrival is not None or self.authenticated_at is None:
            return False
        return self.authenticated_at < self.started_at
