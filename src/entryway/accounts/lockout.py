"""When wrong passwords lock a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lockout:
    """`most_failures` within `counted_for` lock for `locked_for`."""

    most_failures: int = 5
    counted_for: timedelta = timedelta(minutes=20)
    locked_for: timedelta = timedelta(minutes=5)

    def locks(self, failures: Sequence[datetime], now: datetime) -> bool:
        """Say whether a name with these earlier failures is locked."""
        counted = [failure for failure in failures if now - failure < self.counted_for]
        return len(counted) >= self.most_failures and now - max(counted) < self.locked_for
