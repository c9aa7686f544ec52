"""How an answer of the authorization endpoint travels: in the address, behind its `#`, or posted by the browser.

Applications that run in a browser alone ask for `fragment` (OAuth 2.0 Multiple Response Types §2.1), which reaches no
server; others for `form_post` (OAuth 2.0 Form Post Response Mode), which stays out of histories and logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.responses import Response

from entryway.web.redirect import error_answer, redirect_to

if TYPE_CHECKING:
    from entryway.oauth.errors import OAuthError

QUERY, FRAGMENT, FORM_POST = "query", "fragment", "form_post"
MODES = (QUERY, FRAGMENT, FORM_POST)

# Makes a page whose form sends itself to an address, with hidden fields.
SendOn = Callable[[str, Mapping[str, str]], Response]


def answer(send_on: SendOn, redirect_uri: str, mode: str, told: Mapping[str, str | None]) -> Response:
    """Send the browser to an address that has been checked, with what the client is told."""
    if mode == FORM_POST and redirect_uri.startswith(("https://", "http://")):
        return send_on(redirect_uri, {name: value for name, value in told.items() if value is not None})
    return redirect_to(redirect_uri, told, behind="#" if mode == FRAGMENT else "?")


def refuse(  # noqa: PLR0917 - what RFC 6749 §4.1.2.1 and RFC 9207 tell
    send_on: SendOn, redirect_uri: str, mode: str, state: str | None, error: OAuthError, issuer: str
) -> Response:
    """Send the browser to an address that has been checked, with an error."""
    return answer(send_on, redirect_uri, mode, error_answer(state, error, issuer))
