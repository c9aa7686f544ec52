"""Which text a person reads for an error; what only its reporter understands is shown small below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.authserver.authorize import UnknownClient
from entryway.authserver.edge import path_of
from entryway.authserver.login import LoginOver
from entryway.authserver.login_flow import AccountNotAllowed
from entryway.oauth.errors import OAuthError
from entryway.oauth.redirects import RedirectRefused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.pages import Pages
    from entryway.errors import EntrywayError

# Errors that share their code on the wire with others; every other error's text goes by its code.
_TEXTS: tuple[tuple[type[EntrywayError], str], ...] = (
    (UnknownClient, "error.client_unknown"),
    (AccountNotAllowed, "error.account_not_allowed"),
    (RedirectRefused, "error.redirect_refused"),
    (LoginOver, "error.login_over"),
)
_OF_THE_APPLICATION = "/oauth/authorize"


def error_page(pages: Pages, request: Request, error: EntrywayError, status: int) -> Response:
    """Return the page for an error of ours."""
    text = next((key for kind, key in _TEXTS if isinstance(error, kind)), f"error.{error.code}")
    by_application = path_of(request) == _OF_THE_APPLICATION and isinstance(error, OAuthError)
    title = "error.authorization.title" if by_application else "error.title"
    # What an application did wrong is for its operator; whatever has no text of its own is at least said.
    detail = error.description if isinstance(error, OAuthError) and not isinstance(error, LoginOver) else ""
    if not pages.texts.has(text):
        text, detail = "", detail or error.title
    return pages.message(title, text, status, detail=detail)
