from __future__ import annotations

import pytest

from entryway.authserver.rate_limits import BURST_SECONDS, QUEUE_SECONDS, RateLimit, next_turn
from entryway.errors import TooManyRequests


def test_requests_within_the_rate_never_wait() -> None:
    free_at = 0.0
    for number in range(100):
        turn = next_turn(free_at, now=100 + number / 10, per_second=10)
        assert turn.wait == 0
        free_at = turn.free_at


def test_what_was_not_used_may_be_used_at_once_and_then_requests_wait() -> None:
    waits, free_at = [], 0.0
    for _ in range(30):
        turn = next_turn(free_at, now=100.0, per_second=10)
        waits.append(turn.wait)
        free_at = turn.free_at
    assert sum(wait == 0 for wait in waits) == pytest.approx(10 * BURST_SECONDS, abs=1)
    assert waits[-1] == pytest.approx(30 / 10 - BURST_SECONDS, abs=0.2)


async def test_beyond_the_queue_a_request_is_refused_and_takes_no_turn() -> None:
    limit = RateLimit(1000, seconds=lambda: 100.0)
    limit._free_at["loud"] = 100.0 + QUEUE_SECONDS + 3.5
    for _ in range(3):
        with pytest.raises(TooManyRequests) as refused:
            await limit.wait_for_turn("loud")
        assert refused.value.retry_after == 4
    await limit.wait_for_turn("quiet")


async def test_zero_stands_for_no_limit() -> None:
    limit = RateLimit(0, seconds=lambda: 100.0)
    for _ in range(1000):
        await limit.wait_for_turn("anybody")
