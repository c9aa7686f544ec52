"""The admin port: is the process alive, may it be given requests, and what has it done. Loopback unless told otherwise.

It has no login. Nothing that it says names a user, a token or a header; who may reach it is for the network to say.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from entryway.http.headers import Headers
from entryway.http.messages import Request, Response

JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")


@dataclass(slots=True)
class Readiness:
    """Whether this process wants requests; false before it listens and from the moment it is told to stop."""

    ready: bool = False


@dataclass(frozen=True, slots=True)
class AdminPort:
    """Answers one of four paths; `exposition` writes the metrics, in a format of the type `content_type`."""

    readiness: Readiness
    content_type: str
    exposition: Callable[[], bytes]
    logins: Callable[[], Awaitable[Mapping[str, bool]]] | None = None
    """Tells what somebody who logs in needs, and whether it is there."""

    async def __call__(self, request: Request) -> Response:
        """Answer a request."""
        path = request.target.partition("?")[0]
        if request.method not in ("GET", "HEAD"):
            return _json(405, {"error": "method_not_allowed"}, (b"allow", b"GET, HEAD"))
        if path == "/health":
            return _json(200, {"status": "up"})
        if path == "/ready":
            ready = self.readiness.ready
            return _json(200 if ready else 503, {"status": "ready" if ready else "not ready"})
        if path == "/ready/logins" and self.logins is not None:
            there = await self.logins()
            ready = self.readiness.ready and all(there.values())
            parts = {name: "up" if up else "down" for name, up in there.items()}
            return _json(200 if ready else 503, {"status": "ready" if ready else "not ready", "parts": parts})
        if path == "/metrics":
            headers = Headers([(b"content-type", self.content_type.encode()), NO_STORE])
            return Response(200, headers, self.exposition())
        return _json(404, {"error": "not_found"})


def _json(status: int, content: Mapping[str, object], *more: tuple[bytes, bytes]) -> Response:
    return Response(status, Headers([JSON, NO_STORE, *more]), json.dumps(content).encode())
