"""`/oauth2/authorize`: an application sends a browser here so that its user logs in, and gets it back with a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.corporate.choice import login_hint, provider_hints
from entryway.idp.login.attempt import Goal
from entryway.idp.oidc import authorization_request, claims
from entryway.idp.oidc.authorization_request import AuthorizationRequest
from entryway.idp.oidc.authorizations import Authorization, new_authorization_id
from entryway.oauth import redirects
from entryway.oauth.errors import InvalidClient, InvalidRequest, LoginRequired, OAuthError, echo
from entryway.telemetry import get_logger
from entryway.web import edge
from entryway.web.authorization_answer import QUERY

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.login.flow import LoginFlow
    from entryway.idp.login.sessions import LoggedIn
    from entryway.idp.oidc.authorization_answers import AuthorizationAnswers
    from entryway.idp.oidc.authorizations import Authorizations
    from entryway.idp.oidc.issuer import Issuer
    from entryway.idp.session_end import SessionEnd
    from entryway.storage.moments import Clock

log = get_logger(__name__)

KIND = "oidc"


class UnknownApplication(InvalidClient):
    """Nobody is sent anywhere on the word of an application that does not exist."""

    status = 400
    title = "The application is not known"


@dataclass(frozen=True, slots=True)
class AuthorizeEndpoint:
    """Checks application and redirect_uri first: until both are known to be good, errors are shown and never sent."""

    applications: Applications
    flow: LoginFlow
    answers: AuthorizationAnswers
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        """Answer with a login page, or send the browser back."""
        parameters = await edge.read_parameters(request)
        application = await self._application(parameters.get("client_id"))
        redirect_uri = redirects.choose(parameters.get("redirect_uri"), application.settings.redirect_patterns)
        try:
            asked = authorization_request.parse(parameters, application, redirect_uri, self.clock())
        except OAuthError as error:
            mode, state = parameters.get("response_mode", QUERY), parameters.get("state")
            return self.answers.error(request, redirect_uri, mode, state, error)
        goal = Goal(
            KIND,
            asked.to_json(),
            application.id,
            asked.silent,
            asked.authenticated_since,
            provider_hints(parameters.get("idp")),
            login_hint(parameters.get("login_hint")),
        )
        return await self.flow.begin(request, goal)

    async def _application(self, client_id: str | None) -> Application:
        if not client_id:
            raise InvalidRequest("Missing parameter: client_id")
        application = await self.applications.find(client_id)
        if application is None or "authorization_code" not in application.settings.grant_types:
            raise UnknownApplication(f"No client with requested id: {echo(client_id)}")
        return application


@dataclass(frozen=True, slots=True)
class OidcFinisher:
    """Sends the browser back to the application that it came from."""

    applications: Applications
    authorizations: Authorizations
    issuer: Issuer
    session_end: SessionEnd
    answers: AuthorizationAnswers

    async def finish(self, request: Request, goal: Goal, logged_in: LoggedIn) -> Response:
        """Give the application a code for the user."""
        asked = AuthorizationRequest.from_json(goal.details)
        application = await self.applications.resolve(goal.application_id or "")
        person = await self.issuer.person(logged_in.user.id, logged_in.provider_id)
        if person is None:
            raise InvalidRequest("This login is over", "the user was locked meanwhile")
        authorization = Authorization(
            id=new_authorization_id(),
            application_id=application.id,
            user_id=logged_in.user.id,
            session_id=logged_in.session_id,
            scopes=asked.scopes,
            nonce=asked.nonce,
            authenticated_at=logged_in.authenticated_at,
            methods=logged_in.methods,
            app_tid=asked.app_tid,
            provider_id=logged_in.provider_id,
        )
        code = await self.authorizations.issue_code(
            authorization, asked.redirect_uri, asked.challenge, redirect_uri_given=asked.redirect_uri_given
        )
        await self.session_end.remember(logged_in, application, claims.subject(application, person))
        log.info("code_issued", client_id=application.client_id, user_id=logged_in.user.id)
        return self.answers.code(request, asked, code)

    async def refuse(self, request: Request, goal: Goal) -> Response:
        """Tell the application that nobody is logged in."""
        asked = AuthorizationRequest.from_json(goal.details)
        return self.answers.error(request, asked.redirect_uri, asked.response_mode, asked.state, LoginRequired())
