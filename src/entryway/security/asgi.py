"""A wrapper that protects a whole ASGI application, with whatever framework it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from entryway.errors import EntrywayError
from entryway.security.bearer import Headers, Refusal, authorize, refusal
from entryway.security.bound_certificate import CONNECTION
from entryway.security.current import acting_as
from entryway.security.protection import Source, protection
from entryway.security.rules import ANYBODY, Rule, has_scope

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STATE = "security_context"


class Protected:
    """Lets a request through to `app` with a good token only, and leaves what it says in `scope["state"]`."""

    def __init__(
        self, app: Application, source: Source = None, *, scope: str | None = None, rule: Rule = ANYBODY
    ) -> None:
        self._app = app
        self._protection = protection(source)
        self._rule = rule if scope is None else has_scope(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        try:
            context = await self._protection.authenticate_async(headers_of(scope))
            authorize(context, self._rule)
        except EntrywayError as error:
            await _refuse(scope, receive, send, refusal(error))
            return
        scope.setdefault("state", {})[STATE] = context
        with acting_as(context):
            await self._app(scope, receive, send)


def headers_of(scope: Mapping[str, Any]) -> Headers:
    """Return the headers of a request, and the certificate of its connection as ASGI's TLS extension has it."""

    def values(wanted: str) -> list[str]:
        if wanted == CONNECTION:
            tls = (scope.get("extensions") or {}).get("tls") or {}
            return list(tls.get("client_cert_chain") or ())[:1]
        return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted.encode()]

    return values


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Refusal) -> None:
    if scope["type"] == "websocket":
        await receive()
        # Before the handshake is accepted, this becomes an answer of 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    body = answer.text.encode()
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    headers += [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
