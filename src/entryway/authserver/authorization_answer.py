"""How an answer of the authorization endpoint travels: in the address, or posted by the browser.

Clients ask for the second (`form_post`, OAuth 2.0 Form Post Response Mode) to keep codes out of histories and logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.web.redirect import error_answer, redirect_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from entryway.authserver.pages import Pages
    from entryway.oauth.errors import OAuthError

QUERY, FORM_POST = "query", "form_post"
MODES = (QUERY, FORM_POST)


def answer(pages: Pages, redirect_uri: str, mode: str, told: Mapping[str, str | None]) -> Response:
    """Send the browser to an address that has been checked, with what the client is told."""
    if mode == FORM_POST and redirect_uri.startswith(("https://", "http://")):
        return pages.send_on(redirect_uri, {name: value for name, value in told.items() if value is not None})
    return redirect_to(redirect_uri, told)


def refuse(  # noqa: PLR0917 - what RFC 6749 §4.1.2.1 and RFC 9207 tell
    pages: Pages, redirect_uri: str, mode: str, state: str | None, error: OAuthError, issuer: str
) -> Response:
    """Send the browser to an address that has been checked, with an error."""
    return answer(pages, redirect_uri, mode, error_answer(state, error, issuer))
