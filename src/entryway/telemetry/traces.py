"""Traces: OpenTelemetry's SDK, set up as its own variables (`OTEL_…`) say, and sent by OTLP over HTTP.

It comes with the extra `otel`, and is imported only where traces are wanted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from entryway import __version__

UNNAMED = "unknown_service"
CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Traces:
    """Where the spans of this process go."""

    tracer: Tracer
    provider: TracerProvider

    def close(self) -> None:
        """Send what waits to be sent; not for long, because the exporter asks a dead collector again and again."""
        ending = Thread(target=self.provider.shutdown, daemon=True)
        ending.start()
        ending.join(CLOSE_SECONDS)


def start_traces(environ: Mapping[str, str], *, service_name: str) -> Traces:
    """Return a tracer that sends in the background; the process must not fork any more."""
    # The SDK reads the process's environment alone, and ours may come from a file.
    for name, value in environ.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, UNNAMED)).startswith(UNNAMED):
        resource = resource.merge(Resource({SERVICE_NAME: service_name}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider.get_tracer("entryway", __version__), provider)
