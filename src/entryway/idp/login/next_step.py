"""Where a login goes next: the one place that knows the order of its steps.

No step knows another. Each stores what it learned on the login attempt and comes back here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from entryway.idp.login.attempt import PASSWORD, SECOND_FACTORS

if TYPE_CHECKING:
    from entryway.idp.login.attempt import Attempt


@dataclass(frozen=True, slots=True)
class Needs:
    """What this user must have shown for this goal; `enrolled` says whether there is a second factor to ask for.

    `at_provider`: at a company's provider; `name`: only a name can tell where; `elsewhere`: the login that there is
    was somewhere else.
    """

    second_factor: bool = False
    enrolled: bool = False
    new_password: bool = False
    # Where the user logs in: here unless something else is said, and whether that is where they did.
    at_provider: bool = False
    name: bool = False
    elsewhere: bool = False


class Step(Enum):
    """What happens next."""

    ASK_NAME = auto()
    ASK_PASSWORD = auto()
    GO_TO_PROVIDER = auto()
    ASK_SECOND_FACTOR = auto()
    ENROL_SECOND_FACTOR = auto()
    CHANGE_PASSWORD = auto()
    REFUSE_SILENTLY = auto()
    FINISH = auto()


def next_step(attempt: Attempt, needs: Needs) -> Step:
    """Return what is still missing, or that nothing is."""
    step = _missing(attempt, needs)
    return Step.REFUSE_SILENTLY if attempt.goal.silent and step is not Step.FINISH else step


def _missing(attempt: Attempt, needs: Needs) -> Step:
    if not authenticated(attempt) or needs.elsewhere:
        if needs.name:
            return Step.ASK_NAME
        return Step.GO_TO_PROVIDER if needs.at_provider else Step.ASK_PASSWORD
    if needs.second_factor and SECOND_FACTORS.isdisjoint(attempt.methods):
        return Step.ASK_SECOND_FACTOR if needs.enrolled else Step.ENROL_SECOND_FACTOR
    if needs.new_password and PASSWORD in attempt.methods:
        return Step.CHANGE_PASSWORD
    return Step.FINISH


def authenticated(attempt: Attempt) -> bool:
    """Say whether a first factor has been shown that is new enough for the goal."""
    if attempt.user_id is None or attempt.authenticated_at is None:
        return False
    since = attempt.goal.authenticated_since
    return since is None or attempt.authenticated_at >= since
