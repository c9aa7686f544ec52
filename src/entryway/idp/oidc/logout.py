"""`/oauth2/logout` (OpenID Connect RP-Initiated Logout 1.0): ends the login and sends the browser back."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.idp.errors import ForeignForm
from entryway.idp.login.sessions import LOGIN_COOKIE
from entryway.idp.logout.steps import TO_ADDRESS, TO_PAGE, Ending
from entryway.oauth import redirects, tokens
from entryway.oauth.errors import InvalidToken
from entryway.telemetry import get_logger
from entryway.web import edge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.idp.login.sessions import Sessions
    from entryway.idp.logout.chain import LogoutChain
    from entryway.idp.settings import IdpSettings
    from entryway.idp.signing_keys import SigningKeys
    from entryway.storage.digests import Digests
    from entryway.web.pages import Pages

log = get_logger(__name__)

_EVER = datetime.fromtimestamp(0, UTC)
_FORM = "logout-form"


@dataclass(frozen=True, slots=True)
class LogoutEndpoint:
    """Logs out at once who comes from an application that it knows; others are asked first (§2 of the standard)."""

    settings: IdpSettings
    applications: Applications
    sessions: Sessions
    chain: LogoutChain
    keys: SigningKeys
    digests: Digests
    pages: Pages

    async def __call__(self, request: Request) -> Response:
        """End the session and answer where to go."""
        parameters = await edge.read_parameters(request)
        cookie = request.cookies.get(LOGIN_COOKIE)
        application, hinted_session = await self._caller(parameters)
        session_id = await self.sessions.id_of(cookie)
        if session_id is None and hinted_session is not None:
            # The browser has lost its cookie; the application's own session names the login.
            session_id = hinted_session
        if session_id is not None and application is None and not self._confirmed(parameters, cookie or ""):
            return self._ask(request, cookie or "")
        log.info("logout_by_application", by=application.client_id if application is not None else "")
        sessions = [session_id] if session_id is not None else []
        return await self.chain.begin(request, sessions, _ending(application, parameters))

    async def _caller(self, parameters: Mapping[str, str]) -> tuple[Application | None, str | None]:
        """Return the application that sends the browser, and the login that its id token came of."""
        hint, named = parameters.get("id_token_hint"), parameters.get("client_id")
        if not hint:
            return (await self.applications.find(named) if named else None), None
        ring = await self.keys.ring()
        try:
            # §2: a hint may have expired, so any time will do.
            claims = tokens.verify(hint, ring.verifying, self.settings.public_url, _EVER)
        except InvalidToken:
            return None, None
        client_id, session_id = str(claims.get("azp")), claims.get("sid")
        if named and named != client_id:
            return None, None
        return await self.applications.find(client_id), session_id if isinstance(session_id, str) else None

    def _confirmed(self, parameters: Mapping[str, str], cookie: str) -> bool:
        given = parameters.get("csrf")
        if given is None:
            return False
        if not hmac.compare_digest(given.encode(), self.digests.text(_FORM, cookie).encode()):
            raise ForeignForm("the form's token is not ours")
        return True

    def _ask(self, request: Request, cookie: str) -> Response:
        return self.pages.show(request, "logout.html", csrf=self.digests.text(_FORM, cookie))


def _ending(application: Application | None, parameters: Mapping[str, str]) -> Ending:
    target = parameters.get("post_logout_redirect_uri")
    if target and application and redirects.allowed(target, application.settings.post_logout_patterns):
        return Ending(TO_ADDRESS, {"url": target, "state": parameters.get("state")})
    return Ending(TO_PAGE)
