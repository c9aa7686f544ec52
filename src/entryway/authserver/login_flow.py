"""Takes a login attempt one step further, whichever step that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.authorizations import new_authorization
from entryway.authserver.digests import random_text
from entryway.authserver.next_step import Step, next_step
from entryway.authserver.sessions import BROWSER_COOKIE, LOGIN_COOKIE
from entryway.authserver.tenant_addresses import NamedZone
from entryway.oauth.errors import InvalidClient, InvalidRequest, LoginRequired
from entryway.telemetry import get_logger
from entryway.web.cookies import set_cookie
from entryway.web.redirect import redirect_error, redirect_to

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.attempts import Attempts
    from entryway.authserver.authorization_request import AuthorizationRequest
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.clients import Clients
    from entryway.authserver.next_step import Attempt
    from entryway.authserver.pages import Pages
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.users import Users
    from entryway.authserver.zones import Zones

log = get_logger(__name__)


class AccountNotAllowed(InvalidClient):
    """The application does not accept users of this origin."""

    title = "The application is not authorized for your account."


@dataclass(frozen=True, slots=True)
class LoginFlow:
    """What the steps of a login lead to."""

    attempts: Attempts
    sessions: Sessions
    authorizations: Authorizations
    clients: Clients
    users: Users
    pages: Pages
    zones: Zones

    async def begin(
        self, request: Request, zid: str, asked: AuthorizationRequest | None, *, afterwards: str | None = None
    ) -> Response:
        """Start an attempt of this browser, as whom it is logged in already, and answer with its first step."""
        browser = request.cookies.get(BROWSER_COOKIE) or random_text()
        attempt = await self.attempts.start(zid, browser, asked, afterwards)
        logged_in = await self.sessions.load(zid, request.cookies.get(LOGIN_COOKIE))
        if logged_in is not None:
            attempt = await self.attempts.learn_user(attempt, logged_in.user.id, logged_in.authenticated_at)
        response = await self.proceed(attempt, browser)
        set_cookie(response, BROWSER_COOKIE, browser)
        return response

    async def proceed(self, attempt: Attempt, browser: str) -> Response:
        """Answer with the attempt's next step."""
        match next_step(attempt):
            case Step.ASK_PASSWORD:
                return self.ask(attempt, browser)
            case Step.REFUSE_SILENTLY:
                return await self._refuse(attempt)
            case Step.ISSUE_CODE:
                return await self._issue_code(attempt)
            case Step.WELCOME:
                await self.attempts.finish(attempt)
                if attempt.afterwards is not None:
                    return redirect_to(attempt.afterwards, {})
                return self.pages.message("welcome.title", "welcome.text")

    def ask(
        self, attempt: Attempt, browser: str, *, user_name: str = "", message: str = "", status: int = 200
    ) -> Response:
        """Answer with the login page."""
        return self.pages.login(
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
            user_name=user_name,
            message=message,
            ui_locales=attempt.request.ui_locales if attempt.request is not None else "",
            status=status,
        )

    async def _refuse(self, attempt: Attempt) -> Response:
        await self.attempts.finish(attempt)
        assert attempt.request is not None  # noqa: S101 - only a request can be refused silently
        issuer = await self._issuer(attempt)
        return redirect_error(attempt.request.redirect_uri, attempt.request.state, LoginRequired(), issuer)

    async def _issue_code(self, attempt: Attempt) -> Response:
        request, user_id, since = attempt.request, attempt.user_id, attempt.authenticated_at
        assert request is not None  # noqa: S101 - next_step has seen all three
        assert user_id is not None  # noqa: S101
        assert since is not None  # noqa: S101
        if not await self.attempts.finish(attempt):
            raise InvalidRequest("This login is over. Please go back to the application and start again.")
        await self._check_account(attempt.zid, request, user_id)
        authorization = new_authorization(
            zid=attempt.zid,
            client_id=request.client_id,
            user_id=user_id,
            grant_type="authorization_code",
            authenticated_at=since,
            requested_scopes=request.scopes,
            nonce=request.nonce,
            additional=request.additional,
        )
        code = await self.authorizations.issue_code(
            authorization, request.redirect_uri, request.challenge, redirect_uri_given=request.redirect_uri_given
        )
        log.info("code_issued", client_id=request.client_id, user_id=user_id)
        # RFC 9207: a client of several servers learns which of them answers, so that none can pass for another.
        answer = {"code": code, "state": request.state, "iss": await self._issuer(attempt)}
        return redirect_to(request.redirect_uri, answer)

    async def _issuer(self, attempt: Attempt) -> str:
        return (await self.zones.resolve(NamedZone(id=attempt.zid))).issuer

    async def _check_account(self, zid: str, request: AuthorizationRequest, user_id: str) -> None:
        # Between the first step and this one, the application or the user may have gone.
        client = await self.clients.find(zid, request.client_id)
        user = await self.users.find(zid, user_id)
        if client is None or user is None:
            raise InvalidRequest("This login is over. Please go back to the application and start again.")
        if client.allowed_providers is not None and user.origin not in client.allowed_providers:
            raise AccountNotAllowed
