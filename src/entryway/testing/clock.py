"""A clock that a test can move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class MovableClock:
    """Real time, plus what a test has added to it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **by: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(**by)
