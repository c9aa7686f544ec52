"""Wrong passwords of one source: counted before they are decided, and forgiven with time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from entryway.errors import TooManyRequests, UpstreamError
from entryway.oauth.errors import BadCredentials
from entryway.web.tries import Tries

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> Tries:
    return Tries(2, clock, timedelta(seconds=10))


def wrong(tries: Tries, source: str | None = "a", zid: str = "z") -> None:
    with pytest.raises(BadCredentials), tries.counted(zid, source):
        raise BadCredentials


def test_wrong_ones_are_counted_and_forgiven_one_by_one(tries: Tries, clock: Clock) -> None:
    wrong(tries)
    wrong(tries)
    with pytest.raises(TooManyRequests) as refused, tries.counted("z", "a"):
        pytest.fail("nothing is decided any more")
    assert refused.value.retry_after == 10
    clock.now += timedelta(seconds=9)
    with pytest.raises(TooManyRequests), tries.counted("z", "a"):
        pass
    clock.now += timedelta(seconds=1)
    wrong(tries)
    with pytest.raises(TooManyRequests), tries.counted("z", "a"):
        pass


def test_right_ones_and_other_failures_are_taken_back(tries: Tries) -> None:
    for _ in range(5):
        with tries.counted("z", "a"):
            pass
        with pytest.raises(UpstreamError), tries.counted("z", "a"):
            raise UpstreamError("https://login.example", "down")


def test_tries_at_one_moment_are_all_counted(tries: Tries) -> None:
    with tries.counted("z", "a"), tries.counted("z", "a"), pytest.raises(TooManyRequests), tries.counted("z", "a"):
        pass


def test_each_source_and_tenant_counts_alone_and_no_source_never(tries: Tries) -> None:
    wrong(tries)
    wrong(tries)
    wrong(tries, source="b")
    wrong(tries, zid="y")
    for _ in range(5):
        wrong(tries, source=None)


def test_zero_is_no_limit(clock: Clock) -> None:
    for _ in range(5):
        wrong(Tries(0, clock))
