"""`/autologin`: an application that has a user's password logs the user's browser in, without showing a login page.

The application posts name and password and sends the browser here with the code that it gets. The browser's user sees
as whom they are about to be logged in and agrees: else anybody could log others in as themselves, by a link.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse
from starlette.routing import Route

from entryway.authserver import edge, sessions
from entryway.authserver.digests import random_text
from entryway.authserver.grants import TokenRequest, UserDecision
from entryway.authserver.login import CSRF_FIELD, ForeignForm, LoginOver
from entryway.oauth import parameters
from entryway.oauth.errors import InvalidClient, InvalidGrant
from entryway.telemetry import get_logger
from entryway.web.cookies import set_cookie
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.attempts import Attempts
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.client_authentication import ClientAuthentication
    from entryway.authserver.grants import Grant
    from entryway.authserver.pages import Pages
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.users import Users
    from entryway.authserver.zones import Zone, Zones

log = get_logger(__name__)

PATH = "/autologin"
# What the codes of this endpoint are bound to in the place of a redirect_uri, so that no other code is one.
_HERE = "urn:entryway:autologin"
_PASSWORD = "password"  # noqa: S105 - the name of a grant
_Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class _Credentials(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")
    username: _Text
    password: _Text


@dataclass(frozen=True, slots=True)
class AutologinEndpoint:
    """Takes passwords by the rules of the password grant, and from clients alone that may use it."""

    settings: AuthServerSettings
    zones: Zones
    authentication: ClientAuthentication
    password: Grant
    authorizations: Authorizations
    users: Users
    attempts: Attempts
    sessions: Sessions
    pages: Pages

    def routes(self) -> Sequence[Route]:
        """Return where applications and browsers come."""
        return [Route(PATH, self.begin, methods=["POST"]), Route(PATH, self.arrive, methods=["GET"])]

    async def begin(self, request: Request) -> Response:
        """Answer an application with a code for the browser of the user whose password it sends."""
        is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        if is_json:
            form: Mapping[str, str] = (await edge.read_json(request, _Credentials)).model_dump()
        else:
            form = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, form)
        client = await self.authentication.confidential(request, zone, form)
        if _PASSWORD not in client.grant_types:
            raise InvalidClient("Unauthorized grant type")
        asked = TokenRequest(zone, _PASSWORD, frozenset(), {}, form)
        decision = await self.password.authorize(asked, client)
        assert isinstance(decision, UserDecision)  # noqa: S101 - a password is a user's
        code = await self.authorizations.issue_code(decision.authorization, _HERE, None, redirect_uri_given=True)
        return JSONResponse({"code": code, "path": "/oauth/authorize"})

    async def arrive(self, request: Request) -> Response:
        """Ask the browser's user whether they want to be logged in, and log them in when they do."""
        query = parameters.parse(request.scope["query_string"])
        zone = await edge.zone_of(request, self.zones, self.settings, query)
        if "attempt" in query:
            return await self._log_in(request, zone, query)
        code = await self.authorizations.take_code(zone.id, query.get("code", ""))
        user = await self.users.find(zone.id, code.authorization.user_id)
        if code.redirect_uri != _HERE or code.authorization.client_id != query.get("client_id") or user is None:
            raise InvalidGrant("Invalid authorization code", "the code is no autologin's, or another client's")
        browser = request.cookies.get(sessions.BROWSER_COOKIE) or random_text()
        attempt = await self.attempts.start(zone.id, browser, None)
        attempt = await self.attempts.learn_user(attempt, user.id, code.authorization.authenticated_at)
        agreed = urlencode({"attempt": attempt.id, CSRF_FIELD: self.attempts.form_token(attempt, browser)})
        response = self.pages.message(
            "autologin.title", user.user_name, link=f"{PATH}?{agreed}", link_text="autologin.agree"
        )
        set_cookie(response, sessions.BROWSER_COOKIE, browser)
        return response

    async def _log_in(self, request: Request, zone: Zone, query: Mapping[str, str]) -> Response:
        browser = request.cookies.get(sessions.BROWSER_COOKIE, "")
        attempt = await self.attempts.find(zone.id, query["attempt"], browser) if browser else None
        if attempt is None or attempt.user_id is None:
            raise LoginOver(detail="no such open attempt of this browser")
        token = self.attempts.form_token(attempt, browser)
        if not hmac.compare_digest(query.get(CSRF_FIELD, "").encode(), token.encode()):
            raise ForeignForm("the link's token is not ours")
        user = await self.users.find(zone.id, attempt.user_id)
        if user is None or not await self.attempts.finish(attempt):
            raise LoginOver(detail="the attempt was used, or its user is gone")
        await self.sessions.end(zone.id, request.cookies.get(sessions.LOGIN_COOKIE))
        value, _ = await self.sessions.start(user)
        response = redirect_to("/login", {})
        set_cookie(response, sessions.LOGIN_COOKIE, value)
        log.info("login_completed", user_id=user.id, identity_provider=user.origin)
        return response
