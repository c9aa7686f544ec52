"""When wrong passwords lock a user name: five within twenty minutes, for five minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MOST_FAILURES = 5
COUNTED_FOR = timedelta(minutes=20)
LOCKED_FOR = timedelta(minutes=5)


def locked(failures: Sequence[datetime], now: datetime, most: int = MOST_FAILURES) -> bool:
    """Say whether a name with these earlier failures is locked."""
    counted = [failure for failure in failures if now - failure < COUNTED_FOR]
    return len(counted) >= most and now - max(counted) < LOCKED_FOR
