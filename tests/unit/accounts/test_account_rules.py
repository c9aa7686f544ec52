from datetime import UTC, datetime, timedelta

from entryway.accounts.lockout import Lockout
from entryway.accounts.names import comparable

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_names_that_look_the_same_are_the_same() -> None:
    assert comparable(" ALICE ") == comparable("alice")
    assert comparable("ﬁnn") == comparable("finn")
    assert comparable("STRASSE") == comparable("straße")


def test_when_failures_lock() -> None:
    rule = Lockout(3, timedelta(minutes=10), timedelta(minutes=2))
    failures = [NOW - timedelta(minutes=minutes) for minutes in (9, 5, 1)]
    assert rule.locks(failures, NOW)
    assert not rule.locks(failures[1:], NOW)
    assert not rule.locks(failures, NOW + timedelta(minutes=2))
    assert not rule.locks([NOW - timedelta(minutes=11), *failures[1:]], NOW)
