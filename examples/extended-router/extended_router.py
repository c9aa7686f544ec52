"""A router with the application's own code in it.

python extended_router.py                        natively: the fastest, with web sockets
granian --interface asgi extended_router:app     as an ASGI application, with ASGI middleware around it
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from entryway.router.api import Forbidden, Headers, Hooks, OutgoingRequest, Request, Response, Visit, create_app, run

HERE = Path(__file__).parent
BLOCKED = b"bad-bot"


class BotRefused(Forbidden):
    """Its code is what the header `entryway-error` says."""

    code = "bot_refused"
    title = "This application does not talk to bots"


def before_login(request: Request) -> Response | None:
    """Answer what needs neither login nor backend, and refuse whom nobody wants."""
    if BLOCKED in (request.headers.get(b"user-agent") or b"").lower():
        raise BotRefused(f"user agent {request.headers.text('user-agent')!r}")
    if request.target == "/version":
        return Response(200, Headers([(b"content-type", b"application/json")]), b'{"version": "1.0"}')
    return None


async def before_backend(outgoing: OutgoingRequest, visit: Visit) -> None:
    """Tell the backend who asks, in a header that no client can send: `set` replaces what it sent."""
    user = "nobody" if visit.login is None else visit.login.user
    outgoing.headers.set(b"x-shop-user", user.encode("utf-8", "backslashreplace"))


def after_backend(response: Response, visit: Visit) -> None:
    """Say which route and destination answered, where a developer looks."""
    response.headers.set(b"x-shop-answered-by", f"{visit.destination}".encode())


HOOKS = Hooks(before_login=before_login, before_backend=before_backend, after_backend=after_backend)

App = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


def timed(inner: App) -> App:
    """ASGI middleware: add how long the answer took to begin."""

    async def wrapped(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        began = time.perf_counter()

        async def send_timed(event: MutableMapping[str, Any]) -> None:
            if event["type"] == "http.response.start":
                milliseconds = (time.perf_counter() - began) * 1000
                event["headers"] = [*event["headers"], (b"server-timing", b"total;dur=%.1f" % milliseconds)]
            await send(event)

        await inner(scope, receive, send_timed if scope["type"] == "http" else send)

    return wrapped


def __getattr__(name: str) -> App:
    # `app` is made when a server asks for it: running natively does not need it.
    if name == "app":
        return timed(create_app(HERE, os.environ, HOOKS))
    raise AttributeError(name)


if __name__ == "__main__":
    sys.exit(run(HERE, os.environ, HOOKS))
