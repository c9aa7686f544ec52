"""What the services of one process have counted, in the words of Prometheus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from entryway.http.admin_port import Readiness
from entryway.telemetry.durations import Durations
from entryway.telemetry.service_meters import ServiceMeters

CONTENT_TYPE = CONTENT_TYPE_LATEST
CLIENT_GONE = "none"


class _Counts(Collector):
    """Reads what was counted, at the moment that Prometheus asks."""

    def __init__(self, services: Sequence[ServiceMeters], readiness: Readiness) -> None:
        self._services = services
        self._readiness = readiness

    def collect(self) -> Iterable[Metric]:
        """Tell Prometheus."""
        yield GaugeMetricFamily("entryway_ready", "Whether requests are wanted", value=float(self._readiness.ready))
        yield self._counter(
            "requests",
            "Requests, by service, template of the route, method and class of status",
            ("route", "method", "status"),
            lambda meters: {
                (route, method, f"{status}xx" if status else CLIENT_GONE): sum(durations.counts)
                for (route, method, status), durations in meters.requests.items()
            },
        )
        yield self._durations()
        yield self._counter(
            "refusals", "Answers that are errors, by code", ("code",), lambda meters: _single(meters.refusals)
        )
        yield self._counter(
            "tokens", "Token responses, by grant type", ("grant_type",), lambda meters: _single(meters.tokens)
        )
        yield self._counter(
            "logins",
            "Logins and tries, by kind of origin and outcome",
            ("origin", "outcome"),
            lambda meters: dict(meters.logins.items()),
        )

    def _counter(
        self,
        name: str,
        text: str,
        labels: tuple[str, ...],
        read: Callable[[ServiceMeters], Mapping[tuple[str, ...], int]],
    ) -> Metric:
        family = CounterMetricFamily(f"entryway_service_{name}", text, labels=("service", *labels))
        for meters in self._services:
            for values, count in read(meters).items():
                family.add_metric((meters.service, *values), count)
        return family

    def _durations(self) -> Metric:
        family = HistogramMetricFamily(
            "entryway_service_request_seconds", "Seconds until the answer was made", labels=("service", "route")
        )
        for meters in self._services:
            by_route: defaultdict[str, Durations] = defaultdict(Durations)
            for (route, _, _), durations in meters.requests.items():
                by_route[route].include(durations)
            for route, durations in by_route.items():
                family.add_metric((meters.service, route), durations.buckets(), durations.total)
        return family


def _single(counts: Mapping[str, int]) -> Mapping[tuple[str, ...], int]:
    return {(value,): count for value, count in counts.items()}


def exposition(services: Sequence[ServiceMeters], readiness: Readiness) -> Callable[[], bytes]:
    """Return what writes everything in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counts(services, readiness))
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
