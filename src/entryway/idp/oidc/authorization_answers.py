"""Sends a browser back to the application that it came from, with a code or with an error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from entryway.idp.pages.send_on import send_form
from entryway.web import authorization_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.oidc.authorization_request import AuthorizationRequest
    from entryway.idp.settings import IdpSettings
    from entryway.oauth.errors import OAuthError
    from entryway.web.pages import Pages


@dataclass(frozen=True, slots=True)
class AuthorizationAnswers:
    """Every answer names who gives it (RFC 9207): a client of several servers must not take one for another."""

    settings: IdpSettings
    pages: Pages

    def code(self, request: Request, asked: AuthorizationRequest, code: str) -> Response:
        """Give the application a code."""
        told = {"code": code, "state": asked.state, "iss": self.settings.public_url}
        send_on = partial(send_form, self.pages, request)
        return authorization_answer.answer(send_on, asked.redirect_uri, asked.response_mode, told)

    def error(self, request: Request, redirect_uri: str, mode: str, state: str | None, error: OAuthError) -> Response:
        """Tell the application why it gets none."""
        send_on, issuer = partial(send_form, self.pages, request), self.settings.public_url
        return authorization_answer.refuse(send_on, redirect_uri, mode, state, error, issuer)
