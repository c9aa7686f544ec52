"""The clock of a service, handed in so that a test can say what time it is.

Where nobody needs a date, the real clock is not asked for one: that takes five times as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def timestamp(clock: Clock) -> float:
    """Return the time in seconds, as timestamps have it."""
    return time.time() if clock is utc_now else clock().timestamp()


def seconds_of(clock: Clock) -> Callable[[], float]:
    """Return how to measure how long something takes."""
    return time.monotonic if clock is utc_now else lambda: clock().timestamp()
