"""A wrapper that protects a whole ASGI application, with whatever framework it is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from entryway.errors import EntrywayError
from entryway.security.bearer import Refusal, authenticate, authorize, refusal
from entryway.security.credentials import find_credentials
from entryway.security.validator import TokenValidator, shared_validator

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STATE = "security_context"


class Protected:
    """Lets a request through to `app` with a good token only, and leaves what it says in `scope["state"]`."""

    def __init__(self, app: Application, validator: TokenValidator | None = None, *, scope: str | None = None) -> None:
        self._app = app
        self._validator = validator or shared_validator(find_credentials())
        self._scope = scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            context = await authenticate(self._validator, _authorization(scope))
            if self._scope is not None:
                authorize(context, self._scope, context.check_local_scope)
        except EntrywayError as error:
            await _refuse(scope, receive, send, refusal(error))
            return
        scope.setdefault("state", {})[STATE] = context
        await self._app(scope, receive, send)


def _authorization(scope: Scope) -> str | None:
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    # Two headers are two claims of who is calling: neither is believed.
    return values[0].decode("latin-1") if len(values) == 1 else None


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
