"""Takes a login attempt one step further, whichever step that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.authorization import new_authorization
from entryway.authserver.digests import random_text
from entryway.authserver.granting import held_scopes, user_scopes
from entryway.authserver.next_step import Step, next_step
from entryway.authserver.sessions import BROWSER_COOKIE, LOGIN_COOKIE
from entryway.authserver.tenant_addresses import NamedZone
from entryway.authserver.trust.errors import NoProvider
from entryway.authserver.trust.selection import choose
from entryway.authserver.users import ORIGIN
from entryway.oauth.errors import InvalidClient, InvalidRequest, InvalidScope, LoginRequired
from entryway.telemetry import get_logger
from entryway.web.authorization_answer import answer, refuse
from entryway.web.cookies import set_cookie
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.attempts import Attempts
    from entryway.authserver.authorization_request import AuthorizationRequest
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.client import Client
    from entryway.authserver.clients import Clients
    from entryway.authserver.next_step import Attempt
    from entryway.authserver.pages import Pages
    from entryway.authserver.roles import Roles
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.tenant_browsing import TenantBrowsing
    from entryway.authserver.trust.departures import Departures
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.trust.selection import Choice
    from entryway.authserver.users import User, Users
    from entryway.authserver.zones import Zones
    from entryway.oauth.errors import OAuthError

log = get_logger(__name__)

# Where somebody learns as whom they are logged in.
WHO = "/config?action=who"


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
    providers: IdentityProviders
    departures: Departures
    browsing: TenantBrowsing
    roles: Roles

    async def begin(
        self,
        request: Request,
        zid: str,
        asked: AuthorizationRequest | None,
        *,
        afterwards: str | None = None,
        hinted: str | None = None,
        login_name: str | None = None,
    ) -> Response:
        """Start an attempt of this browser, as whom it is logged in already, and answer with its first step.

        `hinted` and `login_name` say where to log in when no application does.
        """
        browser = request.cookies.get(BROWSER_COOKIE) or random_text()
        if asked is not None:
            hinted, login_name = next(iter(asked.origins), None), asked.login_name
        choice = await self._choose(zid, asked, hinted, login_name)
        attempt = await self.attempts.start(zid, browser, asked, afterwards, origin=choice.origin)
        logged_in = await self.sessions.load(zid, request.cookies.get(LOGIN_COOKIE))
        # Who is logged in elsewhere than where the application wants its user from has to log in there.
        is_elsewhere = choice.origin is not None and choice.origin == hinted and logged_in is not None
        if logged_in is not None and not (is_elsewhere and logged_in.user.origin != hinted):
            attempt = await self.attempts.learn_user(attempt, logged_in.user.id, logged_in.authenticated_at)
        if choice.asks_silently and next_step(attempt) is Step.REFUSE_SILENTLY:
            # The user may be logged in over there, which it says without asking them anything.
            response = await self.departures.begin(attempt, browser)
        else:
            response = await self.proceed(attempt, browser)
        set_cookie(response, BROWSER_COOKIE, browser)
        return response

    async def proceed(self, attempt: Attempt, browser: str) -> Response:
        """Answer with the attempt's next step."""
        match next_step(attempt):
            case Step.ASK_PASSWORD | Step.CHOOSE_PROVIDER:
                return await self.ask(attempt, browser)
            case Step.GO_TO_PROVIDER:
                return await self.departures.begin(attempt, browser)
            case Step.REFUSE_SILENTLY:
                return await self.refuse(attempt)
            case Step.ISSUE_CODE:
                return await self._issue_code(attempt)
            case Step.WELCOME:
                return await self._welcome(attempt)

    async def _welcome(self, attempt: Attempt) -> Response:
        await self.attempts.finish(attempt)
        onward = attempt.afterwards or (await self.browsing.get(attempt.zid)).home_redirect
        if onward:
            return redirect_to(onward, {})
        return self.pages.message("welcome.title", "welcome.text", link=WHO, link_text="who.title")

    async def ask(
        self, attempt: Attempt, browser: str, *, user_name: str = "", message: str = "", status: int = 200
    ) -> Response:
        """Answer with the login page: a form for the password, the other providers on offer, or both."""
        offered = (await self._choose(attempt.zid, attempt.request, None, None)).offered if not attempt.origin else ()
        if attempt.origin is None and not offered:
            raise NoProvider("nothing is on offer")
        return self.pages.login(
            attempt=attempt.id,
            csrf=self.attempts.form_token(attempt, browser),
            user_name=user_name,
            message=message,
            providers=[(one.origin, one.shown_as) for one in offered if one.origin != ORIGIN],
            asks_password=attempt.origin == ORIGIN or any(one.origin == ORIGIN for one in offered),
            ui_locales=attempt.request.ui_locales if attempt.request is not None else "",
            status=status,
        )

    async def go_to(self, attempt: Attempt, origin: str, browser: str) -> Response:
        """Go on at the provider that the user has chosen among those on offer."""
        choice = await self._choose(attempt.zid, attempt.request, None, None)
        if origin not in {choice.origin, *(one.origin for one in choice.offered)}:
            raise NoProvider("the provider is not on offer")
        return await self.proceed(await self.attempts.learn_origin(attempt, origin), browser)

    async def check_password_allowed(self, attempt: Attempt) -> None:
        """Raise NoProvider when this login may not be by a password of ours."""
        usable = [one.origin for one in await self.providers.list(attempt.zid, active_only=True)]
        if attempt.origin not in {None, ORIGIN} or ORIGIN not in usable:
            raise NoProvider("the built-in provider is not what this login is for")

    async def _choose(
        self, zid: str, asked: AuthorizationRequest | None, hinted: str | None, login_name: str | None
    ) -> Choice:
        client = await self.clients.find(zid, asked.client_id) if asked is not None else None
        allowed = client.allowed_providers if client is not None else None
        providers = await self.providers.list(zid, active_only=True)
        return choose(providers, allowed=allowed, hinted=hinted, login_name=login_name)

    async def refuse(self, attempt: Attempt) -> Response:
        """Answer an application which wanted nobody to be asked that somebody would have to log in."""
        await self.attempts.finish(attempt)
        assert attempt.request is not None  # noqa: S101 - only a request can be refused silently
        return await self._refused(attempt.zid, attempt.request, LoginRequired())

    async def answer_holder(self, zid: str, asked: AuthorizationRequest, user_id: str, since: datetime) -> Response:
        """Answer a program that holds a token of the user: with a code, or that somebody would have to log in."""
        if asked.authenticated_since is not None and since < asked.authenticated_since:
            return await self._refused(zid, asked, LoginRequired())
        return await self._code(zid, asked, user_id, since)

    async def _issue_code(self, attempt: Attempt) -> Response:
        request, user_id, since = attempt.request, attempt.user_id, attempt.authenticated_at
        assert request is not None  # noqa: S101 - next_step has seen all three
        assert user_id is not None  # noqa: S101
        assert since is not None  # noqa: S101
        if not await self.attempts.finish(attempt):
            raise InvalidRequest("This login is over. Please go back to the application and start again.")
        return await self._code(attempt.zid, request, user_id, since)

    async def _code(self, zid: str, request: AuthorizationRequest, user_id: str, since: datetime) -> Response:
        client, user = await self._parties(zid, request, user_id)
        authorization = new_authorization(
            zid=zid,
            client_id=request.client_id,
            user_id=user_id,
            grant_type="authorization_code",
            authenticated_at=since,
            requested_scopes=request.scopes,
            nonce=request.nonce,
            additional=request.additional,
        )
        if request.scopes:
            held = held_scopes(client, await self.roles.of_user(user))
            try:
                user_scopes(authorization, frozenset(), client.user_scopes, held)
            except InvalidScope as error:
                # The code would be worth nothing, and here the application can still tell its user.
                return await self._refused(zid, request, error)
        code = await self.authorizations.issue_code(
            authorization, request.redirect_uri, request.challenge, redirect_uri_given=request.redirect_uri_given
        )
        log.info("code_issued", client_id=request.client_id, user_id=user_id)
        # RFC 9207: a client of several servers learns which of them answers, so that none can pass for another.
        told = {"code": code, "state": request.state, "iss": await self._issuer(zid)}
        return answer(self.pages.send_on, request.redirect_uri, request.response_mode, told)

    async def _refused(self, zid: str, request: AuthorizationRequest, error: OAuthError) -> Response:
        issuer = await self._issuer(zid)
        return refuse(self.pages.send_on, request.redirect_uri, request.response_mode, request.state, error, issuer)

    async def _issuer(self, zid: str) -> str:
        return (await self.zones.resolve(NamedZone(id=zid))).issuer

    async def _parties(self, zid: str, request: AuthorizationRequest, user_id: str) -> tuple[Client, User]:
        # Between the first step and this one, the application or the user may have gone.
        client = await self.clients.find(zid, request.client_id)
        user = await self.users.find(zid, user_id)
        if client is None or user is None:
            raise InvalidRequest("This login is over. Please go back to the application and start again.")
        if client.allowed_providers is not None and user.origin not in client.allowed_providers:
            raise AccountNotAllowed
        return client, user
