"""How often made-up names make the router ask somebody: hosts are the client's to choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MOST = 50
SECONDS = 10.0


@dataclass(slots=True)
class NewNames:
    """Counts the names that nothing was known of, in one stretch of time after the other."""

    clock: Callable[[], float]
    _began: float = 0.0
    _count: int = 0

    def may_ask(self) -> bool:
        """Tell whether one more may be asked about now."""
        now = self.clock()
        if now - self._began >= SECONDS:
            self._began, self._count = now, 0
        self._count += 1
        return self._count <= MOST
