"""The tenant as a client of OpenID Connect providers: where their answers arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from entryway.authserver import edge
from entryway.authserver.sessions import BROWSER_COOKIE
from entryway.authserver.trust.addresses import addresses_of
from entryway.authserver.trust.pending import LOGIN, LOGOUT
from entryway.errors import UpstreamError
from entryway.federation import oidc_exchange, oidc_logout
from entryway.federation.configuration import OidcConfig
from entryway.federation.errors import LoginRefused, LogoutRefused, ProviderDisabled
from entryway.federation.oidc_exchange import Secrets
from entryway.federation.oidc_partners import unavailable
from entryway.federation.oidc_tokens import TokenInvalid
from entryway.oauth import parameters as oauth_parameters
from entryway.saml.errors import SamlInvalid
from entryway.telemetry import get_logger
from entryway.web import edge as web_edge
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.moments import Clock
    from entryway.authserver.seen_assertions import SeenAssertions
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.trust.arrival import Arrival
    from entryway.authserver.trust.pending import Pending, PendingRequests
    from entryway.authserver.trust.provider_sessions import ProviderSessions
    from entryway.authserver.trust.providers import IdentityProvider, IdentityProviders
    from entryway.authserver.zones import Zone, Zones
    from entryway.federation.identity import Identity
    from entryway.federation.oidc_partners import OidcPartners

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OidcEndpoints:
    """The callbacks of login and logout."""

    settings: AuthServerSettings
    zones: Zones
    providers: IdentityProviders
    partners: OidcPartners[Zone]
    pending: PendingRequests
    arrival: Arrival
    provider_sessions: ProviderSessions
    seen: SeenAssertions
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            Route("/login/callback/{origin}", self.callback, methods=["GET"]),
            Route("/logout/callback/{origin}", self.logged_out, methods=["GET"]),
            Route(f"{oidc_logout.PATH}/{{origin}}", self.logged_out_there, methods=["POST"]),
        ]

    async def callback(self, request: Request) -> Response:
        """Take the code that a provider gives, to the browser that was sent there."""
        zone, query, browser, origin = await self._arrived(request)
        asked = await self.pending.take(zone.id, LOGIN, query.get("state", ""), browser) if browser else None
        if asked is None or asked.origin != origin:
            # Also the defence against mixing up providers: each has an address of its own.
            raise LoginRefused("the answer fits no login of this browser at this provider")
        provider = await self.providers.get(zone.id, origin)
        if not provider.draft.active:
            raise ProviderDisabled(f"Identity Provider has been disabled by administrator for alias:{origin}")
        try:
            who, id_token = await self._redeem(zone, provider, asked, query)
        except SamlInvalid as error:
            return await self.arrival.refuse(provider, error, asked.attempt_id, browser)
        except UpstreamError as error:
            self.arrival.note_refusal(provider, error.detail)
            raise unavailable(error) from error
        return await self.arrival.complete(
            request,
            provider,
            who,
            attempt_id=asked.attempt_id,
            browser=browser,
            facts={"id_token": id_token},
        )

    async def logged_out(self, request: Request) -> Response:
        """Send the browser on to where it was going when it logged out."""
        zone, query, browser, origin = await self._arrived(request)
        asked = await self.pending.take(zone.id, LOGOUT, query.get("state", ""), browser) if browser else None
        if asked is None or asked.origin != origin:
            return redirect_to("/login", {})
        return redirect_to(asked.facts["target"], {})

    async def logged_out_there(self, request: Request) -> Response:
        """End the logins that came from a session which has ended at the provider."""
        zone = await edge.zone_of(request, self.zones, self.settings, {})
        provider = await self.providers.get(zone.id, request.path_params["origin"])
        form = await web_edge.read_parameters(request)
        told = await oidc_logout.logged_out(
            self.partners, provider.config, form, self.clock(), active=provider.draft.active
        )
        until = told.expires_at.timestamp()
        if not await self.seen.is_first(zone.id, oidc_logout.FIELD, provider.origin, told.token_id, until):
            raise LogoutRefused("the token has been used already")
        sessions = [told.session_id] if told.session_id is not None else []
        ended = await self.provider_sessions.end(zone.id, provider.origin, told.subject, sessions)
        log.info("logout_by_provider", identity_provider=provider.origin, sessions=ended)
        return Response(status_code=200, headers={"cache-control": "no-store"})

    async def _redeem(
        self, zone: Zone, provider: IdentityProvider, asked: Pending, query: Mapping[str, str]
    ) -> tuple[Identity, str]:
        config = provider.config
        if not isinstance(config, OidcConfig):
            raise TokenInvalid("the provider does not speak OpenID Connect")
        callback = addresses_of(zone, self.settings.host).callback(provider.origin)
        kept = Secrets(asked.facts["nonce"], asked.facts["verifier"])
        return await oidc_exchange.identify(
            self.partners, zone, config, kept, query, callback=callback, now=self.clock()
        )

    async def _arrived(self, request: Request) -> tuple[Zone, Mapping[str, str], str, str]:
        zone = await edge.zone_of(request, self.zones, self.settings, {})
        query = oauth_parameters.parse(request.scope["query_string"])
        return zone, query, request.cookies.get(BROWSER_COOKIE, ""), request.path_params["origin"]
