"""What one end of the tunnel counts of itself, in plain dictionaries: no label names a tenant, a user or a system."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from entryway.http import Body, ErrorRenderer, Handler, Request, Response
from entryway.telemetry.durations import Durations

CLIENT_GONE = 0
OTHER_END = "other_end"
"""The code of refusals that the other end of the tunnel has made: it counts them by their own."""

Gauges = Mapping[str, tuple[str, float]]
"""Text and value by name."""


@dataclass(slots=True)
class TunnelMeters:
    """Counts of one process; `origin` is how this end names itself in its refusals."""

    origin: str
    requests: defaultdict[int, Durations] = field(default_factory=lambda: defaultdict(Durations))
    """By first digit of the status."""
    refusals: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    bytes_in: int = 0
    """Of bodies of requests, which go into the company."""
    bytes_out: int = 0
    of_unknown_length: int = 0
    disconnects: int = 0

    def disconnected(self) -> None:
        """Count a tunnel that has ended."""
        self.disconnects += 1

    def counting(self, handler: Handler) -> Handler:
        """Return a handler whose requests are counted."""

        async def handle(request: Request) -> Response:
            began = time.perf_counter()
            try:
                response = await handler(request)
            except asyncio.CancelledError:
                self.requests[CLIENT_GONE].add(time.perf_counter() - began)
                raise
            self._count(response, time.perf_counter() - began)
            self.bytes_in += self._length(request.body)
            return response

        return handle

    def rendering(self, render: ErrorRenderer) -> ErrorRenderer:
        """Return a renderer whose answers are counted: those to what never became a request, or failed unforeseen."""

        def rendered(request: Request | None, error: Exception) -> Response:
            response = render(request, error)
            self._count(response, 0.0)
            return response

        return rendered

    def _count(self, response: Response, seconds: float) -> None:
        self.requests[response.status // 100].add(seconds)
        self.bytes_out += self._length(response.body)
        origin = response.headers.text("x-error-origin")
        if origin is not None:
            # What the other end writes there is no label of ours: it could be anything.
            own = response.headers.text("x-entryway-error-code") if origin == self.origin else None
            self.refusals[own or OTHER_END] += 1

    def _length(self, body: Body | bytes) -> int:
        if isinstance(body, bytes):
            return len(body)
        self.of_unknown_length += body.length is None
        return body.length or 0
