"""Cross-site request forgery: whoever changes something shows a token that only the application's pages can read."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Final

from entryway.router.errors import CsrfTokenRequired

if TYPE_CHECKING:
    from entryway.http import Request
    from entryway.router.routes import ServedRoute
    from entryway.router.sessions import Session

HEADER: Final = b"x-csrf-token"
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


def check(served: ServedRoute, request: Request, session: Session | None) -> None:
    """Raise CsrfTokenRequired if the request could change something and does not carry the session's token."""
    # Whoever brings a token of its own in a header is no browser that a foreign page could make ask.
    if served.csrf and request.method not in SAFE_METHODS and (session is None or session.guarded):
        check_token(request, session)


def check_token(request: Request, session: Session | None) -> None:
    """Raise CsrfTokenRequired unless the request carries the session's token."""
    given = request.headers.get(HEADER)
    if session is None or given is None or not hmac.compare_digest(given, session.csrf_token):
        raise CsrfTokenRequired("no token" if given is None else "the token is not this session's")


def is_fetch(request: Request) -> bool:
    """Tell whether the request asks for the token."""
    value = request.headers.get(HEADER)
    return value is not None and value.lower() == b"fetch" and request.method in SAFE_METHODS


def new_token(chance: bytes) -> bytes:
    """Make a token of 28 random bytes."""
    return chance[:8].hex().encode() + b"-" + base64.urlsafe_b64encode(chance[8:28]).rstrip(b"=")
