"""When a connector that lost its gateway tries again."""

from __future__ import annotations

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0


def delay(attempt: int, chance: float) -> float:
    """Return the seconds to wait before attempt number `attempt` (from 1); `chance` in [0, 1) spreads many connectors.

    The ceiling doubles with each attempt. Between half of it and all of it is waited, so that connectors which a
    gateway lost together do not come back together.
    """
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt - 1, 16))
    return ceiling * (0.5 + chance / 2)
