"""Where requests come in: bodies are bounded, parameters parsed, headers set on every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import MutableHeaders

from entryway.errors import BadRequest
from entryway.oauth import parameters
from entryway.oauth.errors import RequestTooLarge, UnsupportedMediaType
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = get_logger(__name__)

LARGEST_BODY = 1024 * 1024
# Cookies of everything that runs on this host name come along, so this is more than our own would need.
LARGEST_HEADERS = 64 * 1024
_FORM = "application/x-www-form-urlencoded"

_Model = TypeVar("_Model", bound=BaseModel)


class Edge:
    """The outermost layer: no exception leaves it, and no answer leaves without its protective headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def protect(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _protect(MutableHeaders(scope=message))
            await send(message)

        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            await _plain(protect, 431, "headers_too_large")
            return
        try:
            await self._app(scope, receive, protect)
        except Exception:
            log.exception("request_failed", path=scope["path"])
            if started:
                raise
            await _plain(protect, 500, "internal_error")


async def read_body(request: Request) -> bytes:
    """Return the body, or raise before more of it than an honest request has is in memory."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_BODY:
            raise RequestTooLarge
        chunks.append(chunk)
    return b"".join(chunks)


async def read_parameters(request: Request) -> Mapping[str, str]:
    """Return the parameters of query and form body."""
    body = await read_body(request)
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise UnsupportedMediaType
    return parameters.of_request(request.scope["query_string"], body)


async def read_json(request: Request, model: type[_Model]) -> _Model:
    """Return the body as a model, or raise with everything that is wrong with it."""
    body = await read_body(request)
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        wrong = [
            f"/{'/'.join(str(part) for part in found['loc'])}: {found['msg']}"
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise MalformedJson(wrong) from error


class MalformedJson(BadRequest):
    """The body is not what the endpoint takes; the caller learns all of it."""

    title = "The body is not valid"

    def __init__(self, wrong: list[str]) -> None:
        super().__init__("; ".join(wrong))
        self.wrong = wrong


def _protect(headers: MutableHeaders) -> None:
    # No Strict-Transport-Security: it holds for a host on all its ports, and applications in development speak plain
    # HTTP on other ports of this one.
    headers.setdefault("cache-control", "no-store")
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("x-frame-options", "DENY")
    headers.setdefault("referrer-policy", "no-referrer")
    headers.setdefault("content-security-policy", "default-src 'none'; frame-ancestors 'none'")


async def _plain(send: Send, status: int, code: str) -> None:
    body = f'{{"error":"{code}"}}'.encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"entryway-error", code.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
