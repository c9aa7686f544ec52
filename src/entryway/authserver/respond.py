"""The one place where errors become answers: a page for people, RFC 6749 JSON for clients, RFC 9457 for others."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from entryway.authserver.edge import MalformedJson, loggable, path_of
from entryway.authserver.error_pages import error_page
from entryway.config.mistakes import ConfigurationMistakes
from entryway.errors import BadRequest, Conflict, DatabaseUnavailable, EntrywayError, TooManyRequests
from entryway.federation import oidc_logout
from entryway.oauth.errors import (
    BadCredentials,
    InsufficientScope,
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    InvalidToken,
    OAuthError,
)
from entryway.telemetry import get_logger
from entryway.web import scim_answers
from entryway.web.methods import refusal_headers

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.pages import Pages

log = get_logger(__name__)

_PAGES = ("/oauth/authorize", "/login", "/logout", "/passcode", "/config", "/saml")
_ADMIN = ("/entryway/", "/sap/rest/", "/oauth/clients", "/identity-zones", "/Groups/External", "/ids/")
_SCIM = ("/Users", "/Groups", "/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/.search")
# Texts of the original that tools and people look for as they are: no place is written before them.
_KNOWN_TEXTS = ("Invalid xsappname", "Client registration contains", "Cannot add or remove role-template-references")
DESCRIPTOR_PREFIX = "Error parsing xs-security.json data: Inconsistent xs-security.json: "


class ChangedMeanwhile(Conflict):
    """Two requests made or ended the same thing at one moment."""

    code = "changed_meanwhile"
    title = "This was changed at the same moment by another request; please ask again"


class Responder:
    """Renders errors for whoever asked."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def on_error(self, request: Request, error: Exception) -> Response:
        """Answer an error of ours."""
        assert isinstance(error, EntrywayError)  # noqa: S101 - Starlette hands us what we registered for
        if type(error) is BadRequest and not path_of(request).startswith((*_ADMIN, *_SCIM)):
            error = InvalidRequest(error.detail)  # as RFC 6749 §5.2 names it
        status = 400 if isinstance(error, ConfigurationMistakes) else error.status
        shown = loggable(request.url.path)
        log.info("request_refused", path=shown, status=status, code=error.code, detail=error.detail)
        path, challenge = path_of(request), _challenge(error, status, path_of(request))
        if path.startswith(_ADMIN):
            response: Response = _problem(error, status)
        elif path.startswith(_SCIM):
            response = scim_answers.error_response(error)
        elif _wants_page(request):
            # A browser would ask its user for a password that nobody has.
            response, challenge = error_page(self._pages, request, error, status), ""
        else:
            response = JSONResponse(_oauth(error), status)
        response.headers["entryway-error"] = error.code
        if isinstance(error, TooManyRequests):
            response.headers["retry-after"] = str(error.retry_after)
        if challenge:
            response.headers["www-authenticate"] = challenge
        return response

    async def on_database_error(self, request: Request, error: Exception) -> Response:
        """Answer that somebody else was quicker, or that the database cannot be reached now."""
        log.warning("database_failed", path=loggable(request.url.path), error=type(error).__name__)
        ours = ChangedMeanwhile() if isinstance(error, IntegrityError) else DatabaseUnavailable()
        return await self.on_error(request, ours)

    async def on_http_exception(self, request: Request, error: Exception) -> Response:
        """Answer what routing refused: an unknown path or method."""
        assert isinstance(error, HTTPException)  # noqa: S101 - Starlette hands us what we registered for
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
        title = HTTPStatus(error.status_code).phrase
        if _wants_page(request):
            response: Response = self._pages.message("error.title", f"error.{code}", error.status_code)
        elif path_of(request).startswith(_SCIM):
            response = scim_answers.told(error.status_code, title)
        elif path_of(request).startswith(_ADMIN):
            body = {"type": "about:blank", "title": title, "status": error.status_code, "code": code}
            response = JSONResponse(body, error.status_code, media_type="application/problem+json")
        else:
            response = JSONResponse({"error": code, "error_description": title}, error.status_code)
        response.headers.update(refusal_headers(request, error))
        response.headers["entryway-error"] = code
        return response


def _told(error: EntrywayError) -> str:
    return error.description if isinstance(error, OAuthError) else error.title


def _oauth(error: EntrywayError) -> dict[str, str]:
    body = {"error": error.code, "error_description": _told(error)}
    if isinstance(error, InvalidScope) and error.allowed:
        body["scope"] = " ".join(error.allowed)
    return body


def _problem(error: EntrywayError, status: int) -> JSONResponse:
    body: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": status, "code": error.code}
    if isinstance(error, ConfigurationMistakes):
        body["title"] = "The descriptor is not valid"
        body["detail"] = DESCRIPTOR_PREFIX + "; ".join(
            f"{mistake.path}: {mistake.rule}"
            if mistake.path and not mistake.rule.startswith(_KNOWN_TEXTS)
            else mistake.rule
            for mistake in error.mistakes
        )
        body["mistakes"] = [
            {"file": mistake.file, "path": mistake.path, "rule": mistake.rule, "suggestion": mistake.suggestion}
            for mistake in error.mistakes
        ]
    elif isinstance(error, MalformedJson):
        body["detail"] = "; ".join(error.wrong)
    elif isinstance(error, OAuthError):
        body["detail"] = error.description
    elif status < 500:
        # The platform is the only caller here, and the detail is about what it sent.
        body["detail"] = error.detail
    return JSONResponse(body, status, media_type="application/problem+json")


def _challenge(error: EntrywayError, status: int, path: str) -> str:
    if status not in {401, 403}:
        return ""
    # RFC 9110 §11.6.1: a 401 says how to do better. A refresh token that fails at the token endpoint is no bearer one.
    if isinstance(error, InvalidToken | InsufficientScope) and path != "/oauth/token":
        return f'Bearer error="{error.code}"'
    if isinstance(error, BadCredentials | InvalidClient):
        return f'Basic realm="Entryway", error="unauthorized", error_description="{_ascii(_told(error))}"'
    return ""


def _ascii(text: str) -> str:
    return "".join(character if " " <= character <= "~" and character not in '"\\' else "?" for character in text)


def _wants_page(request: Request) -> bool:
    accept, path = request.headers.get("accept", ""), path_of(request)
    if path.startswith(oidc_logout.PATH):
        # Providers call it; browsers log out beside it.
        return False
    if path.startswith(_PAGES) and "authorization" not in request.headers:
        return "application/json" not in accept or "text/html" in accept
    # A person who mistypes an address sees a page too; programs do not ask for one.
    return "text/html" in accept and not path.startswith(_ADMIN)
