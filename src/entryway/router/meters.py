"""What the router counts of itself: two dictionary entries and three bisections; `exposition` tells others of it."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the durations that are told apart, in seconds."""


class Durations:
    """How often something took how long."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many took at most as long as each bound, as Prometheus wants it."""
        so_far, buckets = 0, []
        for bound, count in zip([*map(str, BOUNDS), "+Inf"], self.counts, strict=True):
            so_far += count
            buckets.append((bound, float(so_far)))
        return buckets


class Meters:
    """Counts requests of one process, over all its configurations."""

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.errors: defaultdict[str, int] = defaultdict(int)
        self.router = Durations()
        self.backend = Durations()
        self.tokens = Durations()
        self.reloads = {"done": 0, "refused": 0}

    def request(  # noqa: PLR0917 - called for every request
        self, route: str, status: int, error: str, seconds: float, backend: float, tokens: float
    ) -> None:
        """Count one request: how long it took in all, and of that with the backend and with token services."""
        self.requests[route, status // 100] += 1
        self.router.add(seconds - backend - tokens)
        if backend:
            self.backend.add(backend)
        if tokens:
            self.tokens.add(tokens)
        if error:
            self.errors[error] += 1
