from datetime import UTC, datetime, timedelta

import pytest

from entryway.idp.login.attempt import CODE, KEY, PASSWORD, RECOVERY, Attempt, Goal
from entryway.idp.login.next_step import Needs, Step, next_step

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def attempt(*methods: str, silent: bool = False, since: datetime | None = None) -> Attempt:
    known = {"user_id": "u", "authenticated_at": NOW} if methods else {}
    return Attempt("a", Goal("oidc", silent=silent, authenticated_since=since), NOW, methods=methods, **known)


@pytest.mark.parametrize(
    ("methods", "needs", "step"),
    [
        ((), Needs(), Step.ASK_PASSWORD),
        ((PASSWORD,), Needs(), Step.FINISH),
        ((PASSWORD,), Needs(second_factor=True, enrolled=True), Step.ASK_SECOND_FACTOR),
        ((PASSWORD,), Needs(second_factor=True), Step.ENROL_SECOND_FACTOR),
        ((PASSWORD, CODE), Needs(second_factor=True, enrolled=True), Step.FINISH),
        ((PASSWORD, RECOVERY), Needs(second_factor=True, enrolled=True), Step.FINISH),
        ((KEY,), Needs(second_factor=True, enrolled=True), Step.FINISH),
        ((PASSWORD,), Needs(new_password=True), Step.CHANGE_PASSWORD),
        # Whoever has only the password must not choose the next one.
        ((PASSWORD,), Needs(second_factor=True, enrolled=True, new_password=True), Step.ASK_SECOND_FACTOR),
        ((PASSWORD, CODE), Needs(second_factor=True, enrolled=True, new_password=True), Step.CHANGE_PASSWORD),
        ((KEY,), Needs(new_password=True), Step.FINISH),
    ],
)
def test_the_order_of_the_steps(methods: tuple[str, ...], needs: Needs, step: Step) -> None:
    assert next_step(attempt(*methods), needs) is step
    silently = next_step(attempt(*methods, silent=True), needs)
    assert silently is (Step.FINISH if step is Step.FINISH else Step.REFUSE_SILENTLY)


def test_an_old_login_does_not_count() -> None:
    assert next_step(attempt(PASSWORD, since=NOW - timedelta(minutes=1)), Needs()) is Step.FINISH
    assert next_step(attempt(PASSWORD, since=NOW + timedelta(seconds=1)), Needs()) is Step.ASK_PASSWORD
