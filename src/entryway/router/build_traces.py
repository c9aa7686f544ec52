"""Which kinds of router, endpoint and clients a router is made of: those that make spans, or those that know none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from entryway.http import Client, PoolLimits
from entryway.router.configuration import RouterConfiguration
from entryway.router.decision import DecisionEndpoint
from entryway.router.request_trace import TracingClient
from entryway.router.router import Router
from entryway.security.validator import TokenValidator

if TYPE_CHECKING:
    from entryway.telemetry.traces import Traces

DEFAULT_SERVICE = "entryway-router"


@dataclass(frozen=True, slots=True)
class Kinds:
    """What to make."""

    router: Callable[..., Router]
    decisions: Callable[[Callable[[], Router]], DecisionEndpoint]
    backends: Callable[[PoolLimits], Client]
    services: Callable[[PoolLimits], Client]
    judge: Callable[..., TokenValidator]
    """Judges tokens by keys that it asks for itself."""


def open_traces(configuration: RouterConfiguration) -> Traces | None:
    """Return where spans go, if the environment asks for them."""
    if not configuration.operation.traces:
        return None
    from entryway.telemetry.traces import start_traces  # noqa: PLC0415 - who makes no spans need not hold it in memory

    return start_traces(configuration.environ, service_name=DEFAULT_SERVICE)


def kinds_for(traces: Traces | None, *, log_requests: bool = False) -> Kinds:
    """Return the kinds that do what is asked for, and nothing for what is not."""
    if traces is None:
        return Kinds(Router, DecisionEndpoint, TracingClient if log_requests else Client, Client, TokenValidator)
    from entryway.router.spans import (  # noqa: PLC0415 - see above
        SpanningClient,
        SpanningDecisions,
        SpanningRouter,
        SpanningTracingClient,
        SpanningValidator,
    )

    backends = SpanningTracingClient if log_requests else SpanningClient
    return Kinds(
        partial(SpanningRouter, tracer=traces.tracer),
        partial(SpanningDecisions, tracer=traces.tracer),
        partial(backends, traces.tracer),
        partial(SpanningClient, traces.tracer),
        partial(SpanningValidator, traces.tracer),
    )
