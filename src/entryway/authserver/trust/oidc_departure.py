"""To an OpenID Connect provider: authorization code with PKCE, nonce and state, and at the end its logout."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.trust.addresses import addresses_of
from entryway.authserver.trust.pending import LOGIN, LOGOUT, Pending
from entryway.errors import UpstreamError
from entryway.federation import oidc_exchange
from entryway.federation.configuration import OidcConfig
from entryway.federation.oidc_partners import unavailable
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from starlette.responses import Response

    from entryway.authserver.moments import Clock
    from entryway.authserver.next_step import Attempt
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.trust.pending import PendingRequests
    from entryway.authserver.trust.provider_sessions import ProviderSession
    from entryway.authserver.trust.providers import IdentityProvider
    from entryway.authserver.zones import Zone
    from entryway.federation.oidc_partners import OidcPartners


@dataclass(frozen=True, slots=True)
class OidcDeparture:
    """Asks for a code; what the answer must fit stays here."""

    settings: AuthServerSettings
    partners: OidcPartners[Zone]
    pending: PendingRequests
    clock: Clock

    async def begin(self, zone: Zone, provider: IdentityProvider, attempt: Attempt, browser: str) -> Response:
        """Answer with the way to the provider's login."""
        config = provider.config
        assert isinstance(config, OidcConfig)  # noqa: S101 - the table of kinds leads here for these only
        try:
            document = await self.partners.discover(config)
        except UpstreamError as error:
            raise unavailable(error) from error
        state, kept = oidc_exchange.new_secrets()
        callback = addresses_of(zone, self.settings.host).callback(provider.origin)
        await self.pending.add(Pending(state, zone.id, provider.origin, LOGIN, attempt.id, kept.facts()), browser)
        asked = attempt.request
        parameters = oidc_exchange.authorization_parameters(
            config,
            state,
            kept,
            callback,
            is_forced=asked is not None and asked.authenticated_since is not None,
            is_passive=asked is not None and asked.silent,
            passed_on=asked.origins[1:] if asked is not None else (),
            login_hint=asked.login_name if asked is not None else None,
        )
        return redirect_to(document.authorization_endpoint, parameters)

    async def end(
        self, zone: Zone, provider: IdentityProvider, session: ProviderSession, browser: str, target: str
    ) -> Response | None:
        """Answer with the way to the provider's logout (OpenID Connect RP-Initiated Logout)."""
        config = provider.config
        assert isinstance(config, OidcConfig)  # noqa: S101 - as above
        try:
            document = await self.partners.discover(config)
        except UpstreamError:
            # The user is logged out here in any case.
            return None
        if not config.logout or document.end_session_endpoint is None:
            return None
        state = secrets.token_urlsafe(32)
        await self.pending.add(Pending(state, zone.id, provider.origin, LOGOUT, facts={"target": target}), browser)
        return redirect_to(
            document.end_session_endpoint,
            {
                "id_token_hint": session.facts.get("id_token"),
                "client_id": config.client_id,
                "post_logout_redirect_uri": addresses_of(zone, self.settings.host).logout_callback(provider.origin),
                "state": state,
            },
        )
