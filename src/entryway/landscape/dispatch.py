"""Several ASGI services as one application: each answers its own paths, and all start and end together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from entryway.errors import EntrywayError
from entryway.landscape.lifespan import AsgiApp, Lifespan, Receive, Scope, Send
from entryway.telemetry import get_logger

HEALTH_PATH = "/entryway/v1/health"
EVERYTHING_ELSE = ""

log = get_logger(__name__)


class Door(Protocol):
    """A further listener of services: it opens when all of them have started, and closes before they end."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class Dispatcher:
    """Answers with the service whose path prefix is the longest that matches; the prefix "" answers the rest."""

    def __init__(self, services: Mapping[str, tuple[str, AsgiApp]], door: Door | None = None) -> None:
        self._lifespans = {prefix: Lifespan(name, app) for prefix, (name, app) in services.items()}
        self._apps = {prefix: app for prefix, (_, app) in services.items()}
        self._prefixes = sorted(services, key=len, reverse=True)
        self._door = door
        self.failure: EntrywayError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] == HEALTH_PATH:
            await self._answer_health(send)
        else:
            prefix = find_prefix(self._prefixes, scope["path"])
            # Each service finds its own state, and each request a copy of it.
            scope["state"] = self._lifespans[prefix].state.copy()
            await self._apps[prefix](scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        started: list[Lifespan] = []
        try:
            for lifespan in self._lifespans.values():
                await lifespan.start()
                started.append(lifespan)
            if self._door is not None:
                await self._door.open()
        except EntrywayError as error:
            self.failure = error
            await _stop(started)
            await send({"type": "lifespan.startup.failed", "message": error.detail})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._door is not None:
            await self._door.close()
        await _stop(started)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer_health(self, send: Send) -> None:
        names = [lifespan.name for lifespan in self._lifespans.values()]
        body = json.dumps({"status": "UP", "services": names}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def find_prefix(prefixes: list[str], path: str) -> str:
    """Return the first prefix that is the path or a folder of it."""
    for prefix in prefixes:
        if path.startswith(prefix) and (prefix == EVERYTHING_ELSE or path[len(prefix) :][:1] in {"", "/"}):
            return prefix
    raise LookupError(path)


async def _stop(started: list[Lifespan]) -> None:
    for lifespan in reversed(started):
        try:
            await lifespan.stop()
        except Exception:
            # Whatever one service leaves behind, the others must end properly.
            log.exception("service_stop_failed", service=lifespan.name)
