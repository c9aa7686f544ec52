"""`/logout.do`: ends the login of this browser and sends it back, if the client may be sent there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.authserver import edge, sessions
from entryway.oauth import redirects, tokens
from entryway.oauth.errors import InvalidToken
from entryway.telemetry import get_logger
from entryway.web.cookies import clear_cookie
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.authserver.clients import Clients
    from entryway.authserver.pages import Pages
    from entryway.authserver.sessions import Sessions
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.tenant_browsing import TenantBrowsing
    from entryway.authserver.trust.departures import Departures
    from entryway.authserver.trust.provider_sessions import ProviderSession, ProviderSessions
    from entryway.authserver.zones import Zone, Zones

log = get_logger(__name__)

_EVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class LogoutEndpoint:
    """Logs out in any case; where to go afterwards is another question."""

    settings: AuthServerSettings
    zones: Zones
    clients: Clients
    sessions: Sessions
    keys: SigningKeys
    pages: Pages
    provider_sessions: ProviderSessions
    departures: Departures
    browsing: TenantBrowsing

    async def __call__(self, request: Request) -> Response:
        """End the session and answer where to go."""
        parameters = await edge.read_parameters(request)
        zone = await edge.zone_of(request, self.zones, self.settings, parameters)
        cookie = request.cookies.get(sessions.LOGIN_COOKIE)
        at_provider = await self._session_at_provider(zone, cookie)
        await self.sessions.end(zone.id, cookie)
        log.info("logout_completed")
        response = await self._farewell(zone, parameters)
        if at_provider is not None:
            # The provider sends the browser back, to be sent where it would have gone at once.
            target = response.headers.get("location", f"{zone.url}/login")
            browser = request.cookies.get(sessions.BROWSER_COOKIE, "")
            response = await self.departures.end(zone, at_provider, browser, target) or response
        clear_cookie(response, sessions.LOGIN_COOKIE)
        return response

    async def _session_at_provider(self, zone: Zone, cookie: str | None) -> ProviderSession | None:
        # A login that is over by itself is not passed on: the user may have logged in over there again.
        if await self.sessions.load(zone.id, cookie) is None:
            return None
        return await self.provider_sessions.find(zone.id, cookie)

    async def _farewell(self, zone: Zone, parameters: Mapping[str, str]) -> Response:
        target = parameters.get("redirect")
        state = None
        if target is None:
            target, state = parameters.get("post_logout_redirect_uri"), parameters.get("state")
        if target is not None and await self._may_go(zone, target, parameters):
            return redirect_to(target, {"state": state})
        return self.pages.message("logout.title", link="/login", link_text="logout.again")

    async def _may_go(self, zone: Zone, target: str, parameters: Mapping[str, str]) -> bool:
        parsed = redirects.parse(target)
        if parsed is None:
            return False
        own = redirects.parse(zone.url)
        if own is not None and (parsed.scheme, parsed.host, parsed.port) == (own.scheme, own.host, own.port):
            return True
        if (await self.browsing.get(zone.id)).may_log_out_to(target):
            return True
        client_id = await self._hinted_client(zone, parameters) or parameters.get("client_id")
        client = await self.clients.find(zone.id, client_id) if client_id else None
        return client is not None and redirects.allowed(target, client.redirect_patterns)

    async def _hinted_client(self, zone: Zone, parameters: Mapping[str, str]) -> str | None:
        hint = parameters.get("id_token_hint")
        if not hint:
            return None
        ring = await self.keys.ring(zone.id)
        try:
            # OpenID Connect RP-Initiated Logout §2: a hint may have expired, so any time will do.
            claims = tokens.verify(hint, ring.verifying, zone.issuer, _EVER)
        except InvalidToken:
            return None
        return str(claims.get("azp"))
