"""An ASGI application as a `Handler`: what lets the engine serve an application that other servers serve elsewhere.

An answer is collected before it is sent, which suits services whose answers are small. The client's certificate is in
the scope as the TLS extension of ASGI has it.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from entryway.http.errors import HttpError, MalformedRequest
from entryway.http.headers import Headers
from entryway.http.messages import Request, Response
from entryway.http.subclassable import mypyc_attr
from entryway.http.target import Form, Target, parse_target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from entryway.http.asgi_request import Event, Receive, Scope, Send

    AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class HostedAsgi:
    """Serves `app`, whose lifespan is somebody else's business; `server` is where it listens."""

    def __init__(self, app: AsgiApp, server: tuple[str, int]) -> None:
        self._app = app
        self._server = server

    async def __call__(self, request: Request) -> Response:
        exchange = _Exchange(request)
        await self._app(_service_scope(request, self._server), exchange.receive, exchange.send)
        return exchange.response()


@mypyc_attr(allow_interpreted_subclasses=True)
class RequestEvents:
    """One request's body in ASGI's events."""

    def __init__(self, request: Request) -> None:
        self._incoming = request.body
        self._chunks: AsyncIterator[bytes] | None = None
        self._read = False

    async def receive(self) -> Event:
        if self._read:
            # Who waits for the end of the client is cancelled with the handler when it comes.
            await asyncio.Future()
        if self._chunks is None:
            if self._incoming.complete:
                # Nearly every request is here as a whole before it is asked for.
                self._read = True
                return {"type": "http.request", "body": self._incoming.take(), "more_body": False}
            self._chunks = self._incoming.chunks()
        try:
            chunk = await anext(self._chunks, None)
        except HttpError:
            return {"type": "http.disconnect"}
        self._read = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": not self._read}


class _Exchange(RequestEvents):
    """One request and the answer to it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._status = 0
        self._headers: Iterable[Iterable[bytes]] = ()
        self._body: list[bytes] = []

    async def send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self._status, self._headers = event["status"], event.get("headers", ())
        elif event["type"] == "http.response.body":
            self._body.append(event.get("body", b""))

    def response(self) -> Response:
        if not self._status:
            raise RuntimeError("the application has not answered")
        body = self._body
        return Response(self._status, headers_of(self._headers), body[0] if len(body) == 1 else b"".join(body))


def headers_of(pairs: Iterable[Iterable[bytes]]) -> Headers:
    """Return an application's headers; line breaks in them are refused where the head is written."""
    return Headers.trusted([(name.lower(), value) for name, value in pairs])


def _service_scope(request: Request, server: tuple[str, int]) -> Scope:
    target = parse_target(request.method, request.target)
    if target.form is not Form.ORIGIN and target.form is not Form.ABSOLUTE:
        raise MalformedRequest("a target that is no path")
    scope = scope_of(request, target, server)
    if target.form is Form.ABSOLUTE:
        # RFC 9112 §3.2.2: the target's host is meant, whatever the Host header says.
        headers = request.headers.copy()
        headers.set(b"host", request.authority.encode("ascii"))
        scope["headers"] = headers.raw
    return scope


def scope_of(request: Request, target: Target, server: tuple[str, int]) -> Scope:
    """Return what ASGI says of a request."""
    path = target.path or "/"
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.0" if request.http10 else "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": unquote(path) if "%" in path else path,
        "raw_path": path.encode("ascii"),
        "query_string": (target.query or "").encode("ascii"),
        "root_path": "",
        "headers": request.headers.raw,
        "server": server,
        "client": (request.peer.host, request.peer.port),
        "state": {},
        "extensions": {"tls": _tls(request.peer.certificate)} if request.scheme == "https" else {},
    }


def _tls(certificate: bytes | None) -> dict[str, Any]:
    """Return what is known of the connection in the words of ASGI's TLS extension."""
    shown = [] if certificate is None else [ssl.DER_cert_to_PEM_cert(certificate)]
    return {
        "server_cert": None,
        "client_cert_chain": shown,
        "client_cert_name": None,
        "client_cert_error": "no authority has been asked" if shown else None,
        "tls_version": None,
        "cipher_suite": None,
    }
