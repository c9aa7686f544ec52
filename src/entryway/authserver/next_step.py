"""Where a login goes next: the one place that knows the order of its steps.

No step knows another. Each stores what it learned on the login attempt and comes back here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from entryway.authserver.authorization_request import AuthorizationRequest
from entryway.authserver.users import ORIGIN


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login on its way, and what has been learned; without a request, somebody just came to log in."""

    id: str
    zid: str
    request: AuthorizationRequest | None
    started_at: datetime
    user_id: str | None = None
    authenticated_at: datetime | None = None
    # The page of ours that somebody wants to see who came without an application.
    afterwards: str | None = None
    # The identity provider to log in at; None while the user has to choose.
    origin: str | None = ORIGIN


class Step(Enum):
    """What happens next."""

    CHOOSE_PROVIDER = auto()
    ASK_PASSWORD = auto()
    GO_TO_PROVIDER = auto()
    REFUSE_SILENTLY = auto()
    ISSUE_CODE = auto()
    WELCOME = auto()


def next_step(attempt: Attempt) -> Step:
    """Return what is still missing, or that nothing is."""
    if attempt.request is None:
        return Step.WELCOME if attempt.user_id is not None else _log_in(attempt)
    if _authenticated(attempt, attempt.request.authenticated_since):
        return Step.ISSUE_CODE
    return Step.REFUSE_SILENTLY if attempt.request.silent else _log_in(attempt)


def _log_in(attempt: Attempt) -> Step:
    if attempt.origin is None:
        return Step.CHOOSE_PROVIDER
    return Step.ASK_PASSWORD if attempt.origin == ORIGIN else Step.GO_TO_PROVIDER


def _authenticated(attempt: Attempt, since: datetime | None) -> bool:
    if attempt.user_id is None or attempt.authenticated_at is None:
        return False
    return since is None or attempt.authenticated_at >= since
