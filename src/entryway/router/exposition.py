"""What the router counts of itself, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from entryway.router.meters import Meters

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Counters(Collector):
    """Reads what was counted."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def collect(self) -> Iterable[CounterMetricFamily | HistogramMetricFamily]:
        """Tell Prometheus."""
        requests = CounterMetricFamily(
            "entryway_requests", "Requests answered, by route and class of status", labels=("route", "status")
        )
        for (route, status), count in self._meters.requests.items():
            requests.add_metric((route, f"{status}xx"), count)
        yield requests
        errors = CounterMetricFamily("entryway_errors", "Errors of the router itself, by code", labels=("code",))
        for code, count in self._meters.errors.items():
            errors.add_metric((code,), count)
        yield errors
        for name, text, durations in (
            ("router", "spent in the router itself", self._meters.router),
            ("backend", "from asking a backend to the head of its answer", self._meters.backend),
            ("token_service", "spent with destination and token services, while a request waits", self._meters.tokens),
        ):
            yield HistogramMetricFamily(
                f"entryway_{name}_seconds", f"Seconds {text}", buckets=durations.buckets(), sum_value=durations.total
            )
        reloads = CounterMetricFamily("entryway_reloads", "Reloads of the configuration", labels=("outcome",))
        for outcome, count in self._meters.reloads.items():
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
    for collector in (Counters(meters), gauges):
        registry.register(collector)
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
