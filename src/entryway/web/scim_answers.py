"""Answers in the form of SCIM 2.0, errors included (RFC 7644 §3.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from entryway.scim import answers
from entryway.scim.errors import ScimError, body

if TYPE_CHECKING:
    from entryway.errors import EntrywayError


def answer(content: Any, status: int = 200) -> Response:
    """Return a document of the protocol."""
    return JSONResponse(content, status, media_type=answers.MEDIA_TYPE)


def error_response(error: EntrywayError) -> Response:
    """Return an error as the protocol has it; only what a SCIM part raised says more than its title."""
    if isinstance(error, ScimError):
        response = told(error.status, error.detail, error.scim_type)
    else:
        response = told(error.status, error.title)
    response.headers["entryway-error"] = error.code
    if error.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def told(status: int, detail: str, scim_type: str = "") -> Response:
    """Return an error that nobody raised: no such path, no such method."""
    return answer(body(status, detail, scim_type), status)
