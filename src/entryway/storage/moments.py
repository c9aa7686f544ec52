"""The clock of a service, handed in so that a test can say what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def seconds_of(clock: Clock) -> Callable[[], float]:
    """Return how to measure how long something takes: to ask the real clock for a date takes five times as long."""
    return time.monotonic if clock is utc_now else lambda: clock().timestamp()
