"""Sending a browser to an address that has been checked before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import urlencode

from starlette.responses import RedirectResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from entryway.oauth.errors import OAuthError


def error_answer(state: str | None, error: OAuthError, issuer: str | None) -> Mapping[str, str | None]:
    """Return what a client is told of an error (RFC 6749 §4.1.2.1), and who says so (RFC 9207)."""
    return {"error": error.code, "error_description": error.description, "state": state, "iss": issuer}


def redirect_to(redirect_uri: str, answer: Mapping[str, str | None], behind: Literal["?", "#"] = "?") -> Response:
    """Send the browser to a URI that has been checked, with parameters added to those it has."""
    added = urlencode({name: value for name, value in answer.items() if value is not None})
    joint = "" if not added else "&" if behind in redirect_uri else behind
    return RedirectResponse(f"{redirect_uri}{joint}{added}", 302)
