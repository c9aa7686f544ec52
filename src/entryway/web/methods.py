"""Which methods a path answers: routes for one path stand apart, and a refusal by one of them knows its own alone."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match, Route


def refusal_headers(request: Request, error: HTTPException) -> dict[str, str]:
    """Return the headers of what routing refused; of a wrong method, `Allow` names all others (RFC 9110 §15.5.6)."""
    headers = dict(error.headers or {})
    if error.status_code != 405:
        return headers
    found: set[str] = set()
    for route in request.app.routes:
        match = route.matches(request.scope)[0]
        if match is Match.FULL:
            # It takes every method, and has said itself which it wants.
            return headers
        if match is Match.PARTIAL and isinstance(route, Route):
            found |= route.methods or set()
    return {**headers, "Allow": ", ".join(sorted(found))}
