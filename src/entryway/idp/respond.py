"""The one place where errors become answers: a page for people, RFC 6749 JSON for applications, RFC 9457 for others."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from entryway.errors import DatabaseUnavailable, EntrywayError, NotFound, TooManyRequests
from entryway.federation import oidc_logout
from entryway.federation.errors import InvalidTrust
from entryway.idp.account.self_service import CHOSEN_BY_LINK, FORGOTTEN
from entryway.idp.errors import InvalidValue, LinkUsed, NameTaken
from entryway.idp.login.page_finisher import HOME
from entryway.idp.pages import wording
from entryway.oauth.errors import BadCredentials, InsufficientScope, InvalidToken, OAuthError
from entryway.saml.errors import SamlInvalid
from entryway.telemetry import get_logger
from entryway.web.edge import MalformedJson
from entryway.web.methods import refusal_headers
from entryway.web.scim_answers import error_response, told

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.web.pages import Pages

log = get_logger(__name__)

# Programs call these; everything else is looked at by people.
_PROGRAMS = (
    "/oauth2/token",
    "/oauth2/certs",
    "/oauth2/userinfo",
    "/oauth2/introspect",
    "/oauth2/revoke",
    "/.well-known",
    oidc_logout.PATH,
)
_ADMIN, _SCIM = "/entryway/", "/scim/"


class Responder:
    """Renders errors for whoever asked."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def on_error(self, request: Request, error: Exception) -> Response:
        """Answer an error of ours."""
        assert isinstance(error, EntrywayError)  # noqa: S101 - Starlette hands us what we registered for
        path = request.url.path
        log.info("request_refused", path=path, status=error.status, code=error.code, detail=error.detail)
        if path.startswith(_SCIM):
            return error_response(error)
        if path.startswith(_ADMIN):
            response: Response = _problem(error)
        elif path.startswith(_PROGRAMS):
            response = _oauth(request, error)
        else:
            response = self._page(request, error)
        response.headers["entryway-error"] = error.code
        if isinstance(error, TooManyRequests):
            response.headers["retry-after"] = str(error.retry_after)
        return response

    async def on_http_exception(self, request: Request, error: Exception) -> Response:
        """Answer what the framework noticed: no such path, no such method."""
        assert isinstance(error, HTTPException)  # noqa: S101 - as above
        if error.status_code == HTTPStatus.NOT_FOUND and not request.url.path.startswith((*_PROGRAMS, _ADMIN)):
            return await self.on_error(request, NotFound(request.url.path[:200]))
        phrase = HTTPStatus(error.status_code).phrase
        response: Response = JSONResponse({"error": phrase}, error.status_code)
        if request.url.path.startswith(_SCIM):
            response = told(error.status_code, phrase)
        elif not request.url.path.startswith((*_PROGRAMS, _ADMIN)):
            # Somebody opens by its address what a form leads to.
            response = self._message(request, self._pages.say(request, "error.method_not_allowed"), error.status_code)
        response.headers.update(refusal_headers(request, error))
        return response

    async def on_database_error(self, request: Request, error: Exception) -> Response:
        """Answer that the database could not do it: another request was faster, or it is not there."""
        log.warning("database_refused", path=request.url.path, reason=type(error).__name__)
        return await self.on_error(request, NameTaken() if isinstance(error, IntegrityError) else DatabaseUnavailable())

    def _page(self, request: Request, error: EntrywayError) -> Response:
        key = f"error.{error.code}"
        known = key in wording.texts(wording.LANGUAGES[0])
        text = self._pages.say(request, key) if known else _told(error)
        if isinstance(error, LinkUsed) and request.url.path == CHOSEN_BY_LINK:
            return self._message(request, text, error.status, FORGOTTEN, "error.another_link")
        return self._message(request, text, error.status)

    def _message(
        self, request: Request, text: str, status: int, link: str = HOME, link_text: str = "error.home"
    ) -> Response:
        title, shown = self._pages.say(request, "error.title"), self._pages.say(request, link_text)
        return self._pages.message(request, title, text, status=status, link=link, link_text=shown)


def _oauth(request: Request, error: EntrywayError) -> Response:
    # RFC 6749 §5.2 has its own name for credentials that are wrong.
    code = "invalid_client" if isinstance(error, BadCredentials) else error.code
    body = {"error": code, "error_description": _told(error)}
    headers = {"cache-control": "no-store"}
    if isinstance(error, BadCredentials):
        headers["www-authenticate"] = 'Basic realm="identity"'
    elif isinstance(error, InvalidToken | InsufficientScope) and request.url.path.endswith("/userinfo"):
        headers["www-authenticate"] = f'Bearer error="{error.code}"'
    return JSONResponse(body, error.status, headers=headers)


def _problem(error: EntrywayError) -> Response:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
    }
    if isinstance(error, MalformedJson):
        body["detail"] = "; ".join(error.wrong)
    elif isinstance(error, InvalidValue | InvalidTrust | SamlInvalid):
        body["detail"] = error.detail
    headers = {"www-authenticate": 'Bearer realm="identity"'} if error.status == HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(body, error.status, media_type="application/problem+json", headers=headers)


def _told(error: EntrywayError) -> str:
    return error.description if isinstance(error, OAuthError) else error.title
