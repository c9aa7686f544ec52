"""What a service of the control plane counts of itself, in plain dictionaries: no label names a tenant, user or client.

Nothing here is looked up for a request that counts but what it counts in. `landscape.exposition` tells others of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from entryway.telemetry.durations import Durations

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
NO_ROUTE = "none"
"""The route of requests that are for none: their paths are whatever somebody thinks of."""


@dataclass(slots=True)
class ServiceMeters:
    """Counts of one service in one process."""

    service: str
    requests: dict[tuple[str, str, int], Durations] = field(default_factory=dict)
    """By route, method and first digit of the status; 0 where the client went before the answer."""
    refusals: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    tokens: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    logins: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """By kind of origin and outcome."""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        try:
            self.requests[route, method, status // 100].add(seconds)
        except KeyError:
            # Anybody may make up a method: those never get a key of their own.
            known = method if method in METHODS else OTHER_METHOD
            self.requests.setdefault((route, known, status // 100), Durations()).add(seconds)

    def token(self, grant_type: str) -> None:
        """Count a token response; the grant type is one of the service's own."""
        self.tokens[grant_type] += 1

    def login(self, origin: str, outcome: str) -> None:
        """Count a login, or a try."""
        self.logins[origin, outcome] += 1
