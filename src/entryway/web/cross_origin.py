"""Scripts of other origins: which may read what a client is answered (the CORS protocol, Fetch standard §3.3).

An application without a server of its own redeems its codes from the browser. Nothing that is open to it looks at
cookies, and none are let along, so a script gets no more than it could send by itself; but only those read answers
that an administrator knows.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# `https://app.example.com:8443` or all hosts below one: `https://*.example.com`.
ORIGIN = re.compile(
    r"https://(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[0-9]{1,5})?"
)
# As with redirects: developers' machines.
_LOCALHOST = re.compile(r"https?://localhost(:[0-9]{1,5})?")
_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, x-requested-with",
    "access-control-max-age": "600",
}

EVERYBODY = "*"

# Says whom the answer to a request of a script may be shown to: its origin, `EVERYBODY` or nobody.
Readers = Callable[[Request], Awaitable[str | None]]


def is_allowed(origin: str, known: Collection[str]) -> bool:
    """Say whether a script of this origin may read answers to clients; `known` as in `ORIGIN`."""
    if _LOCALHOST.fullmatch(origin) or origin in known:
        return True
    scheme, _, host = origin.partition("://")
    return any(
        pattern.startswith(f"{scheme}://*.") and ORIGIN.fullmatch(origin) and host.endswith(pattern.partition("*")[2])
        for pattern in known
    )


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """Answers preflights, and tells browsers which origin an answer may be shown to."""

    app: ASGIApp
    readers: Readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        if scope["type"] != "http" or b"origin" not in [name for name, _ in scope["headers"]]:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        shown_to = await self.readers(request)
        if shown_to is None:
            await self.app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in request.headers:
            response = Response(status_code=204, headers=_PREFLIGHT)
            _show(response.headers, shown_to)
            await response(scope, receive, send)
        else:

            async def send_back(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(raw=list(message["headers"]))
                    _show(headers, shown_to)
                    message = {**message, "headers": headers.raw}
                await send(message)

            await self.app(scope, receive, send_back)


def _show(headers: MutableHeaders, shown_to: str) -> None:
    headers["access-control-allow-origin"] = shown_to
    if shown_to != EVERYBODY:
        headers.add_vary_header("Origin")
