from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.authserver.authorization_request import AuthorizationRequest
from entryway.authserver.lockout import COUNTED_FOR, LOCKED_FOR, MOST_FAILURES, locked
from entryway.authserver.next_step import Attempt, Step, next_step
from entryway.authserver.users import login_name
from entryway.oauth.pkce import Challenge

NOW = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
REQUEST = AuthorizationRequest(
    client_id="sb-a!t1",
    redirect_uri="http://localhost:5000/login/callback",
    redirect_uri_given=True,
    scopes=frozenset({"a!t1.X"}),
    state="s",
    nonce=None,
    challenge=Challenge("c" * 43, "S256"),
    silent=False,
    authenticated_since=NOW,
    additional={"a": "b"},
)
OPEN = replace(REQUEST, authenticated_since=None)


def attempt(request: AuthorizationRequest | None, authenticated_at: datetime | None = None) -> Attempt:
    return Attempt("x", "z", request, NOW, "user" if authenticated_at else None, authenticated_at)


@pytest.mark.parametrize(
    ("at_hand", "step"),
    [
        (attempt(OPEN), Step.ASK_PASSWORD),
        (attempt(OPEN, NOW - timedelta(hours=5)), Step.ISSUE_CODE),
        (attempt(REQUEST, NOW - timedelta(seconds=1)), Step.ASK_PASSWORD),
        (attempt(REQUEST, NOW), Step.ISSUE_CODE),
        (attempt(replace(OPEN, silent=True)), Step.REFUSE_SILENTLY),
        (attempt(replace(REQUEST, silent=True), NOW - timedelta(seconds=1)), Step.REFUSE_SILENTLY),
        (attempt(replace(OPEN, silent=True), NOW), Step.ISSUE_CODE),
        (attempt(None), Step.ASK_PASSWORD),
        (attempt(None, NOW), Step.WELCOME),
    ],
)
def test_the_next_step_is_what_is_still_missing(at_hand: Attempt, step: Step) -> None:
    assert next_step(at_hand) is step


@pytest.mark.parametrize("request_", [REQUEST, OPEN, replace(OPEN, challenge=None, state=None, nonce="n", silent=True)])
def test_a_request_survives_being_stored(request_: AuthorizationRequest) -> None:
    assert AuthorizationRequest.from_json(request_.to_json()) == request_


def failures(*minutes_ago: float) -> list[datetime]:
    return [NOW - timedelta(minutes=minutes) for minutes in minutes_ago]


@pytest.mark.parametrize(
    ("earlier", "is_locked"),
    [
        ([], False),
        (failures(1, 1, 1, 1), False),
        (failures(1, 1, 1, 1, 1), True),
        (failures(19, 18, 17, 16, 1), True),
        (failures(21, 18, 17, 16, 1), False),
        (failures(10, 9, 8, 7, 6), False),
        (failures(10, 9, 8, 7, 6, 1), True),
    ],
)
def test_five_failures_in_twenty_minutes_lock_for_five(*, earlier: list[datetime], is_locked: bool) -> None:
    assert locked(earlier, NOW) is is_locked


@given(st.lists(st.integers(min_value=0, max_value=3600), max_size=12))
def test_a_lock_needs_enough_recent_failures_and_ends(seconds: list[int]) -> None:
    earlier = [NOW - timedelta(seconds=ago) for ago in seconds]
    if locked(earlier, NOW):
        assert sum(ago < COUNTED_FOR.total_seconds() for ago in seconds) >= MOST_FAILURES
        assert not locked(earlier, NOW + LOCKED_FOR)


@pytest.mark.parametrize("name", ["Erin@Example.com", " erin@example.com ", "\uff45rin@example.com"])
def test_names_that_look_the_same_are_the_same(name: str) -> None:
    assert login_name(name) == "erin@example.com"
