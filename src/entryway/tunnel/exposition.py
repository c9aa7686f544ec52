"""What one end of the tunnel has counted, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from entryway.telemetry.durations import Durations
from entryway.tunnel.meters import Gauges, TunnelMeters

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Counts(Collector):
    """Reads what was counted, at the moment that Prometheus asks."""

    def __init__(self, meters: TunnelMeters, gauges: Callable[[], Gauges]) -> None:
        self._meters = meters
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """Tell Prometheus."""
        meters, taken = self._meters, Durations()
        for name, (text, value) in self._gauges().items():
            yield GaugeMetricFamily(f"entryway_{name}", text, value=value)
        requests = CounterMetricFamily("entryway_tunnel_requests", "Requests, by class of status", labels=("status",))
        for status, durations in meters.requests.items():
            requests.add_metric((f"{status}xx" if status else "none",), sum(durations.counts))
            taken.include(durations)
        yield requests
        yield HistogramMetricFamily(
            "entryway_tunnel_request_seconds",
            "Seconds until the head of the answer was there",
            buckets=taken.buckets(),
            sum_value=taken.total,
        )
        refusals = CounterMetricFamily("entryway_tunnel_refusals", "Refusals, by code", labels=("code",))
        for code, count in meters.refusals.items():
            refusals.add_metric((code,), count)
        yield refusals
        size = CounterMetricFamily("entryway_tunnel_bytes", "Declared lengths of bodies", labels=("direction",))
        size.add_metric(("in",), meters.bytes_in)
        size.add_metric(("out",), meters.bytes_out)
        yield size
        yield CounterMetricFamily(
            "entryway_tunnel_streams", "Bodies whose length was not declared", value=meters.of_unknown_length
        )
        yield CounterMetricFamily(
            "entryway_tunnel_disconnects", "How often a tunnel has ended", value=meters.disconnects
        )


def exposition(meters: TunnelMeters, gauges: Callable[[], Gauges]) -> Callable[[], bytes]:
    """Return what writes everything in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counts(meters, gauges))
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
