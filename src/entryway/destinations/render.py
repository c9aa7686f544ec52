"""How the destination service answers: JSON, and for every failure the one shape that its clients read."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from entryway.destinations.errors import (
    DestinationExists,
    DestinationMissing,
    InvalidRequest,
    PreconditionFailed,
)
from entryway.errors import EntrywayError
from entryway.security import KeysUnavailable, TokenInvalid
from entryway.telemetry import get_logger
from entryway.web.methods import refusal_headers

log = get_logger("destinations")

BODY_LIMIT = 4 * 1024 * 1024
NO_STORE = {"cache-control": "no-store"}
_TELLING = (DestinationExists, DestinationMissing, InvalidRequest)


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer that nobody keeps: it holds secrets."""
    return JSONResponse(content, status, NO_STORE | (headers or {}))


def with_etag(request: Request, etag: str, content: Any) -> Response:
    """Return the answer, or what the request's conditions make of it (RFC 9110 §13.1)."""
    if (wanted := request.headers.get("if-match")) is not None and not _names(wanted, etag):
        raise PreconditionFailed
    quoted = {"etag": f'"{etag}"'}
    if (known := request.headers.get("if-none-match")) is not None and _names(known, etag):
        return Response(status_code=304, headers=NO_STORE | quoted)
    return answer(content, headers=quoted)


async def read_json(request: Request) -> Any:
    """Return the JSON in the body of a request."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_LIMIT:
            raise InvalidRequest(f"the body has more than {BODY_LIMIT} bytes")
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not JSON") from error


async def render(request: Request, error: Exception) -> Response:
    """Answer a request that failed; only what breaks a rule of ours is told in detail."""
    if isinstance(error, HTTPException):
        return answer({"ErrorMessage": error.detail}, error.status_code, refusal_headers(request, error))
    failed = error if isinstance(error, EntrywayError) else EntrywayError(type(error).__name__)
    if failed.status >= 500:
        log.error("request_failed", code=failed.code, reason=failed.detail, exc_info=error)
    else:
        log.info("request_refused", code=failed.code, reason=failed.detail)
    headers = {"entryway-error": failed.code}
    if failed.status == 401:
        headers["www-authenticate"] = 'Bearer error="invalid_token"' if isinstance(failed, TokenInvalid) else "Bearer"
    if isinstance(failed, KeysUnavailable):
        headers["retry-after"] = "5"
    message = failed.detail if isinstance(failed, _TELLING) else failed.title
    if failed.status in {401, 403}:
        # The same for every reason: reasons help those who guess.
        message = "Unauthorized" if failed.status == 401 else "Forbidden"
    return answer({"ErrorMessage": message}, failed.status, headers)


def _names(header: str, etag: str) -> bool:
    named = {part.strip().removeprefix("W/").strip('"') for part in header.split(",")}
    return "*" in named or etag in named


def _refuse(constant: str) -> None:
    raise ValueError(constant)
