"""What the router counts of itself. Counting is two dictionary entries and three bisections; Prometheus does the rest
when it asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
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


class Meters(Collector):
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

    def collect(self) -> Iterable[CounterMetricFamily | HistogramMetricFamily]:
        """Tell Prometheus."""
        requests = CounterMetricFamily(
            "entryway_requests", "Requests answered, by route and class of status", labels=("route", "status")
        )
        for (route, status), count in self.requests.items():
            requests.add_metric((route, f"{status}xx"), count)
        yield requests
        errors = CounterMetricFamily("entryway_errors", "Errors of the router itself, by code", labels=("code",))
        for code, count in self.errors.items():
            errors.add_metric((code,), count)
        yield errors
        for name, text, durations in (
            ("router", "spent in the router itself", self.router),
            ("backend", "from asking a backend to the head of its answer", self.backend),
            ("token_service", "spent with destination and token services, while a request waits", self.tokens),
        ):
            yield HistogramMetricFamily(
                f"entryway_{name}_seconds", f"Seconds {text}", buckets=durations.buckets(), sum_value=durations.total
            )
        reloads = CounterMetricFamily("entryway_reloads", "Reloads of the configuration", labels=("outcome",))
        for outcome, count in self.reloads.items():
            reloads.add_metric((outcome,), count)
        yield reloads


class Gauges(Collector):
    """Reads what there is at the moment that Prometheus asks."""

    def __init__(self, read: Callable[[], Mapping[str, tuple[str, float]]]) -> None:
        self._read = read

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Tell Prometheus."""
        for name, (text, value) in self._read().items():
            yield GaugeMetricFamily(f"entryway_{name}", text, value=value)


def exposition(meters: Meters, gauges: Gauges) -> Callable[[], bytes]:
    """Return what writes everything in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (meters, gauges):
        registry.register(collector)
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
