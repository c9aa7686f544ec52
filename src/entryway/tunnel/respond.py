"""The one place where a failure on the way to a system on premise becomes an answer."""

from __future__ import annotations

import json
import re

from entryway.errors import EntrywayError, UpstreamError, UpstreamTimeout
from entryway.http import Headers, HttpError, Response
from entryway.tunnel.failures import ProxyAuthenticationRequired, TunnelFailure

PROXY = "connectivity-proxy"
CONNECTOR = "connector"

# Fields that say who failed. Only the end that failed may say so: they are taken out of a system's own answers.
FAILURE_HEADERS = frozenset(
    {
        b"x-error-origin",
        b"x-internal-error-code",
        b"x-error-internal-code",
        b"x-entryway-error-code",
        b"x-error-message",
        b"entryway-error",
    }
)
_NOT_IN_A_HEADER = re.compile(r"[^\x20-\x7e]")


def respond(error: Exception, origin: str, request_id: str) -> Response:
    """Return the answer that says what failed and where; what is not ours to tell becomes a plain 500."""
    failure = _words(error)
    body = json.dumps(
        {
            "error": {
                "code": failure.code,
                "origin": origin,
                "message": failure.message,
                "hint": failure.hint,
                "requestId": request_id,
            }
        }
    ).encode()
    headers = Headers.trusted(
        [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"x-error-origin", origin.encode()),
            # Documentation and clients disagree on the order of these words; both are sent.
            (b"x-internal-error-code", str(failure.status).encode()),
            (b"x-error-internal-code", str(failure.status).encode()),
            (b"x-entryway-error-code", failure.code.encode()),
            (b"x-error-message", _NOT_IN_A_HEADER.sub("?", failure.message)[:1024].encode()),
            (b"x-request-id", request_id.encode()),
            (b"entryway-error", failure.code.encode()),
        ]
    )
    if isinstance(error, ProxyAuthenticationRequired):
        headers.add(b"proxy-authenticate", b'Bearer realm="entryway connectivity"')
        headers.add(b"proxy-authenticate", b'Basic realm="entryway connectivity"')
    return Response(failure.status, headers, body)


class _Told:
    """What the caller reads about an error."""

    def __init__(self, code: str, status: int, message: str, hint: str = "") -> None:
        self.code = code
        self.status = status
        self.message = message
        self.hint = hint


def _words(error: Exception) -> _Told:
    if isinstance(error, TunnelFailure):
        return _Told(error.code, error.status, error.message, error.hint)
    if isinstance(error, HttpError):
        return _Told("EW_" + error.code.upper(), error.status, error.title)
    if isinstance(error, UpstreamTimeout):
        return _Told("EW_BACKEND_TIMEOUT", 504, error.title)
    if isinstance(error, UpstreamError):
        return _Told("EW_BACKEND_BROKEN", 502, error.title)
    if isinstance(error, EntrywayError):
        return _Told("EW_" + error.code.upper(), error.status, error.title)
    return _Told("EW_INTERNAL_ERROR", 500, "Something went wrong")
