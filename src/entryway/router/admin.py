"""The admin port: is the process alive, may it be given requests, and what has it done. Loopback unless told otherwise.

It has no login. Nothing that it says names a user, a token or a header; who may reach it is for the network to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from entryway.http import Client, Headers, Request, Response
from entryway.router.memory_sessions import MemorySessions
from entryway.router.meters import Meters
from entryway.router.sessions import SessionStore

JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")


@dataclass(slots=True)
class Readiness:
    """Whether this process wants requests; false before it listens and from the moment it is told to stop."""

    ready: bool = False


class Admin:
    """Answers on the admin port."""

    def __init__(
        self,
        readiness: Readiness,
        meters: Meters,
        parts: Callable[[], tuple[int | None, Client, SessionStore]],
    ) -> None:
        # Prometheus is two megabytes that a router without this port does without.
        from entryway.router.exposition import CONTENT_TYPE, Gauges, exposition  # noqa: PLC0415

        self._readiness = readiness
        self._content_type = CONTENT_TYPE.encode()
        self._exposition = exposition(meters, Gauges(self._gauges))
        self._parts = parts

    async def __call__(self, request: Request) -> Response:
        """Answer one of three paths."""
        path = request.target.partition("?")[0]
        if request.method not in ("GET", "HEAD"):
            return _json(405, {"error": "method_not_allowed"}, (b"allow", b"GET, HEAD"))
        if path == "/health":
            return _json(200, {"status": "up"})
        if path == "/ready":
            ready = self._readiness.ready
            return _json(200 if ready else 503, {"status": "ready" if ready else "not ready"})
        if path == "/metrics":
            return Response(200, Headers([(b"content-type", self._content_type), NO_STORE]), self._exposition())
        return _json(404, {"error": "not_found"})

    def _gauges(self) -> Mapping[str, tuple[str, float]]:
        connections, client, sessions = self._parts()
        open_now, idle, waiting = client.connection_counts()
        gauges: dict[str, tuple[str, float]] = {
            "ready": ("Whether requests are wanted", float(self._readiness.ready)),
            "backend_connections": ("Connections to backends", open_now),
            "backend_connections_idle": ("Connections to backends that wait for work", idle),
            "backend_waiting": ("Requests that wait for a connection to a backend", waiting),
        }
        if connections is not None:
            gauges["client_connections"] = ("Connections of clients", connections)
        if isinstance(sessions, MemorySessions):
            gauges["sessions"] = ("Sessions in this process", len(sessions))
        return gauges


def _json(status: int, content: Mapping[str, str], *more: tuple[bytes, bytes]) -> Response:
    return Response(status, Headers([JSON, NO_STORE, *more]), json.dumps(content).encode())
