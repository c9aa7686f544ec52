"""`REQUEST_TRACE`: one record for each request to a backend, for whoever looks for what happens between the two."""

from __future__ import annotations

import time

from entryway.errors import EntrywayError
from entryway.http import Client, OutgoingRequest, Response
from entryway.telemetry import get_logger

log = get_logger("router")


class TracingClient(Client):
    """A client that tells of every request: where to, with which headers (names alone), and what came of it."""

    async def send(self, request: OutgoingRequest) -> Response:
        """Send the request, and log what it was."""
        began = time.perf_counter()
        try:
            response = await super().send(request)
        except EntrywayError as error:
            self._tell(request, began, error=error.code, reason=error.detail)
            raise
        self._tell(request, began, status=response.status)
        return response

    @staticmethod
    def _tell(request: OutgoingRequest, began: float, **outcome: object) -> None:
        log.info(
            "backend_request",
            method=request.method,
            origin=request.origin.label,
            path=request.target.partition("?")[0],
            headers=sorted({name.decode("latin-1") for name, _ in request.headers}),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
            **outcome,
        )
