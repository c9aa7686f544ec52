"""`/login` and `/login.do`: name and password."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from entryway.authserver import edge, sessions
from entryway.authserver.description import describe
from entryway.errors import Forbidden
from entryway.oauth import login_hints
from entryway.oauth import parameters as oauth_parameters
from entryway.oauth.errors import BadCredentials, InvalidRequest
from entryway.telemetry import get_logger
from entryway.web.cookies import set_cookie
from entryway.web.redirect import redirect_to
from entryway.web.tries import came_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.attempts import Attempts
    from entryway.authserver.login_flow import LoginFlow
    from entryway.authserver.moments import Clock
    from entryway.authserver.next_step import Attempt
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.users import Users
    from entryway.authserver.zones import Zone, Zones
    from entryway.web.tries import Tries

log = get_logger(__name__)

CSRF_FIELD = "X-Uaa-Csrf"
# One text for a wrong password, an unknown name and a locked one: it tells a guesser nothing.
WRONG = "login.wrong"


class ForeignForm(Forbidden):
    """The form did not come from a page that we showed to this browser."""

    code = "csrf"
    title = "This login page cannot be used. Please go back to the application and start again."


class LoginOver(InvalidRequest):
    """The page was shown long ago, in another browser, or used before."""

    title = "This login page has expired. Please go back to the application and start again."


@dataclass(frozen=True, slots=True)
class LoginEndpoints:
    """The page, and what its form sends."""

    settings: AuthServerSettings
    zones: Zones
    users: Users
    attempts: Attempts
    sessions: Sessions
    flow: LoginFlow
    tries: Tries
    clock: Clock

    async def home(self, request: Request) -> Response:
        """Lead somebody who typed the bare address to where they log in, or on from there."""
        del request
        return redirect_to("/login", {})

    async def page(self, request: Request) -> Response:
        """Show the login page to somebody who came without an application."""
        query = oauth_parameters.parse(request.scope["query_string"])
        zone = await edge.zone_of(request, self.zones, self.settings, query)
        if request.headers.get("accept", "").startswith("application/json"):
            providers = await self.flow.providers.list(zone.id, active_only=True)
            return JSONResponse(
                describe(zone, self.settings.branding.name, providers, query.get("origin"), self.clock())
            )
        if "attempt" in query:
            return await self._choose(request, zone, query)
        origins, login_name = login_hints.parse(query.get("idp") or query.get("origin"), query.get("login_hint"))
        return await self.flow.begin(request, zone.id, None, hinted=next(iter(origins), None), login_name=login_name)

    async def submit(self, request: Request) -> Response:
        """Check name and password and go on with the login."""
        form = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, form)
        browser = request.cookies.get(sessions.BROWSER_COOKIE, "")
        attempt = await self._attempt(zone, form.get("attempt", ""), form.get(CSRF_FIELD, ""), browser)
        await self.flow.check_password_allowed(attempt)
        name, password = form.get("username", ""), form.get("password", "")
        if not name.strip() or not password:
            return await self.flow.ask(attempt, browser, user_name=name, message="login.empty")
        source = came_from(request, self.settings.certificate_networks)
        try:
            with self.tries.counted(zone.id, source):
                user = await self.users.authenticate(zone.id, name, password)
        except BadCredentials as error:
            log.info("login_failed", reason=error.detail)
            return await self.flow.ask(attempt, browser, user_name=name, message=WRONG, status=401)
        # A new value for the cookie: one that somebody planted in this browser before is worth nothing now.
        await self.sessions.end(zone.id, request.cookies.get(sessions.LOGIN_COOKIE))
        value, logged_in = await self.sessions.start(user)
        attempt = await self.attempts.learn_user(attempt, user.id, logged_in.authenticated_at)
        response = await self.flow.proceed(attempt, browser)
        set_cookie(response, sessions.LOGIN_COOKIE, value)
        log.info("login_completed", user_id=user.id, identity_provider=user.origin)
        return response

    async def _choose(self, request: Request, zone: Zone, query: Mapping[str, str]) -> Response:
        """Go on at the provider whose link was followed; only the browser that was shown it has such an attempt."""
        browser = request.cookies.get(sessions.BROWSER_COOKIE, "")
        attempt = await self.attempts.find(zone.id, query["attempt"], browser)
        if attempt is None:
            raise LoginOver(detail="no such open attempt of this browser")
        return await self.flow.go_to(attempt, query.get("origin", ""), browser)

    async def _attempt(self, zone: Zone, attempt_id: str, token: str, browser: str) -> Attempt:
        if not browser:
            raise ForeignForm("no browser cookie")
        attempt = await self.attempts.find(zone.id, attempt_id, browser)
        if attempt is None:
            raise LoginOver(detail="no such open attempt of this browser")
        if not hmac.compare_digest(token.encode(), self.attempts.form_token(attempt, browser).encode()):
            raise ForeignForm("the form's token is not ours")
        return attempt
