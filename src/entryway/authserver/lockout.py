"""When wrong passwords lock a user name: five within twenty minutes, for five minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from entryway.accounts.lockout import Lockout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MOST_FAILURES = 5
COUNTED_FOR = timedelta(minutes=20)
LOCKED_FOR = timedelta(minutes=5)


def locked(failures: Sequence[datetime], now: datetime, most: int = MOST_FAILURES) -> bool:
    """Say whether a name with these earlier failures is locked."""
    return Lockout(most, COUNTED_FOR, LOCKED_FOR).locks(failures, now)
