"""Around a service's application: counts every request by the template of its route, never by its path.

Two layers: the outer one sees every answer and its time, the inner one, around each route, knows which it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from entryway.telemetry.service_meters import NO_ROUTE, ServiceMeters

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# What the layers within the outermost learn of a request, however many copies they make of its scope: a list of
# route, status and code. A class of its own would cost as much as the counting.
SEEN = "entryway.seen"
_ROUTE, _STATUS, _CODE = 0, 1, 2
_CODE_HEADER = b"entryway-error"
_REFUSED = 400


def measured(app: Starlette, meters: ServiceMeters) -> ASGIApp:
    """Return the application with its requests counted; to be called before the first of them."""
    for route in app.routes:
        if isinstance(route, Route):
            route.app = _Routed(route.app, route.path)
    return Measured(app, meters)


def note_route(scope: Scope, template: str) -> None:
    """Say for which route a request is, where no router is asked."""
    seen = scope.get(SEEN)
    if seen is not None:
        seen[_ROUTE] = template


@dataclass(frozen=True, slots=True)
class Measured:
    """The outermost layer of a service."""

    app: ASGIApp
    meters: ServiceMeters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen: list[Any] = [NO_ROUTE, 0, b""]
        scope[SEEN] = seen

        # Not a coroutine of its own: one thing less to step through for each message.
        def watch(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                seen[_STATUS] = status = message["status"]
                if status >= _REFUSED:
                    seen[_CODE] = next(
                        (value for name, value in message.get("headers", ()) if name == _CODE_HEADER), b""
                    )
            return send(message)

        started = perf_counter()
        try:
            await self.app(scope, receive, watch)
        finally:
            route, status, code = seen
            self.meters.request(route, scope["method"], status, perf_counter() - started)
            if code:
                self.meters.refusals[code.decode("latin-1")] += 1


@dataclass(frozen=True, slots=True)
class _Routed:
    """The innermost layer: one route."""

    app: ASGIApp
    template: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        note_route(scope, self.template)
        await self.app(scope, receive, send)
