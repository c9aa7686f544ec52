"""Where requests come in: bodies are bounded, parameters parsed, headers set on every answer."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from entryway.errors import BadRequest, DatabaseUnavailable
from entryway.oauth import parameters
from entryway.oauth.errors import RequestTooLarge, UnsupportedMediaType
from entryway.telemetry import get_logger
from entryway.telemetry.redaction import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = get_logger(__name__)

LARGEST_BODY = 1024 * 1024
# Cookies of everything that runs on this host name come along, so this is more than our own would need.
LARGEST_HEADERS = 64 * 1024
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 50
# All but tab, line feed and carriage return.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# Whoever ends an opaque token names it in the path: its id is the token itself.
_TOKEN_IN_PATH = re.compile(r"(?<=/oauth/token/revoke/)(?!user/|client/).+")

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

        # Not a coroutine of its own: one thing less to step through for each message.
        def protect(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _protected(message.get("headers", ()), scope["headers"])
            return send(message)

        if sum(map(len, chain.from_iterable(scope["headers"]))) > LARGEST_HEADERS:
            await _plain(protect, 431, "headers_too_large")
            return
        try:
            await self._app(scope, receive, protect)
        except DatabaseUnavailable as error:
            if started:
                raise
            await _plain(protect, error.status, error.code)
        except Exception:
            log.exception("request_failed", path=loggable(scope["path"]))
            if started:
                raise
            await _plain(protect, 500, "internal_error")


def loggable(path: str) -> str:
    """Return a path as it may be in a log."""
    return _TOKEN_IN_PATH.sub(HIDDEN, path)


async def read_body(request: Request) -> bytes:
    """Return the body, or raise before more of it than an honest request has is in memory."""
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise RequestTooLarge
        more = message.get("more_body", False)
    return body


def header(request: Request, name: bytes) -> str | None:
    """Return the first header by a name in lower case, as `request.headers` does, in a fifth of the time."""
    headers: Iterable[tuple[bytes, bytes]] = request.scope["headers"]
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


async def read_parameters(request: Request) -> Mapping[str, str]:
    """Return the parameters of query and form body."""
    body = await read_body(request)
    if body:
        media_type = header(request, b"content-type") or ""
        if media_type != _FORM and media_type.partition(";")[0].strip().lower() != _FORM:
            raise UnsupportedMediaType
    return parameters.of_request(request.scope["query_string"], body)


async def access_token(request: Request) -> str | None:
    """Return the bearer token of the header, or else the `access_token` of a form (RFC 6750 §2.2); no query counts."""
    body = await read_body(request)
    kind, _, token = (header(request, b"authorization") or "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    media_type = (header(request, b"content-type") or "").partition(";")[0].strip().lower()
    return parameters.of_request(b"", body).get("access_token") if media_type == _FORM else None


async def read_lines(request: Request) -> Mapping[str, str]:
    """Return a form whose fields may have several lines: texts of administrators, base64 of other parties."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise BadRequest("the body is not a form")
    body = await read_body(request)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequest("the form cannot be read") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise BadRequest("a field of the form is repeated")
    if any(_CONTROL.search(text) for pair in pairs for text in pair):
        raise BadRequest("a field of the form holds a control character")
    return dict(pairs)


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


# Of pages, where they have a name: it holds for a host on all its ports, and applications in development speak plain
# HTTP on other ports of this machine.
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PROTECTIVE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    _POLICY,
)


def _protected(
    headers: Iterable[tuple[bytes, bytes]], asked: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with the protective ones that it has not set itself."""
    headers = list(headers)
    protective = _missing(tuple([name for name, _ in headers]))
    if _POLICY in protective:
        return [*headers, *protective]
    if _has_name(next((value for name, value in asked if name == b"host"), b"")):
        protective = (*protective, _HTTPS_ONLY)
    # `x-frame-options` can name no sites: where a policy does, it is left out.
    policy = next(value for name, value in reversed(headers) if name.lower() == _POLICY[0])
    if b"frame-ancestors " in policy and b"frame-ancestors 'none'" not in policy:
        protective = tuple(header for header in protective if header[0] != b"x-frame-options")
    return [*headers, *protective]


@lru_cache(maxsize=1_000)
def _has_name(host: bytes) -> bool:
    """Say whether a host is one by name, and none that means this machine."""
    name = host.decode("latin-1").lower().rpartition(":")[0] or host.decode("latin-1").lower()
    return name != "localhost" and not name.endswith((".localhost", "]")) and not name[-1:].isdigit() and "." in name


# Answers differ in what headers say, and hardly in which there are.
@lru_cache(maxsize=1_000)
def _missing(names: tuple[bytes, ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the protective headers that are not among these."""
    given = {name.lower() for name in names}
    return tuple(header for header in _PROTECTIVE if header[0] not in given)


async def _plain(send: Send, status: int, code: str) -> None:
    body = f'{{"error":"{code}"}}'.encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"entryway-error", code.encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
