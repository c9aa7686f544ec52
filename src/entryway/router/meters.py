"""What the router counts of itself: two dictionary entries and three bisections; `exposition` tells others of it."""

from __future__ import annotations

from collections import defaultdict

from entryway.telemetry.durations import Durations


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
