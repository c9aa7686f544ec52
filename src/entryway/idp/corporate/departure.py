"""Sends a browser to the company's provider that was chosen, with a question that its protocol knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.errors import UpstreamError
from entryway.federation import oidc_exchange
from entryway.federation.configuration import OidcConfig
from entryway.federation.errors import ProviderDisabled
from entryway.federation.oidc_partners import unavailable
from entryway.federation.saml_partner import carried
from entryway.idp.corporate.addresses import ProxyAddresses
from entryway.idp.corporate.pending import Pending
from entryway.idp.pages.send_on import send_way
from entryway.saml import requests
from entryway.web.cookies import set_cross_site_cookie
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.federation.oidc_partners import OidcPartners
    from entryway.idp.corporate.pending import PendingRequests
    from entryway.idp.corporate.providers import Provider
    from entryway.idp.corporate.whereabouts import Whereabouts
    from entryway.idp.login.attempt import Attempt
    from entryway.idp.saml.saml_keys import SamlKeys
    from entryway.idp.settings import IdpSettings
    from entryway.storage.moments import Clock
    from entryway.web.pages import Pages

# Which browser it was: a SAML provider answers with a form of another site, to which the browser adds no other cookie.
SAML_COOKIE = "__Host-entryway-idp-saml"


@dataclass(frozen=True, slots=True)
class ProviderStep:
    """The step of a login that happens elsewhere."""

    settings: IdpSettings
    whereabouts: Whereabouts
    partners: OidcPartners[None]
    keys: SamlKeys
    pending: PendingRequests
    pages: Pages
    clock: Clock

    async def ask(self, request: Request, attempt: Attempt, browser: str) -> Response:
        """Answer with the way to the provider's login."""
        provider = await self.whereabouts.provider_of(request, attempt)
        if provider is None or not provider.settings.active:
            raise ProviderDisabled("the provider that is responsible is switched off, or gone")
        # Every provider of the chain takes the first name out and hands on the rest.
        passed_on = attempt.goal.providers[1:] if attempt.goal.providers[:1] == (provider.alias,) else ()
        if isinstance(provider.config, OidcConfig):
            return await self._by_oidc(provider, provider.config, attempt, browser, passed_on)
        return await self._by_saml(request, provider, attempt, browser, passed_on)

    async def _by_oidc(
        self, provider: Provider, config: OidcConfig, attempt: Attempt, browser: str, passed_on: tuple[str, ...]
    ) -> Response:
        try:
            document = await self.partners.discover(config)
        except UpstreamError as error:
            raise unavailable(error) from error
        state, kept = oidc_exchange.new_secrets()
        await self.pending.add(Pending(state, provider.id, attempt.id, kept.facts()), browser)
        parameters = oidc_exchange.authorization_parameters(
            config,
            state,
            kept,
            ProxyAddresses(self.settings.public_url).callback(provider.alias),
            is_forced=attempt.goal.authenticated_since is not None,
            passed_on=passed_on,
            login_hint=attempt.login_name,
        )
        return redirect_to(document.authorization_endpoint, parameters)

    async def _by_saml(
        self, request: Request, provider: Provider, attempt: Attempt, browser: str, passed_on: tuple[str, ...]
    ) -> Response:
        partner, now = provider.partner, self.clock()
        partner.check_still_valid(now)
        where = ProxyAddresses(self.settings.public_url)
        binding, destination = partner.single_sign_on
        is_forced = attempt.goal.authenticated_since is not None
        asked = partner.authn_request(where.entity_id, where.consumer, now, is_forced=is_forced)
        await self.pending.add(Pending(asked.id, provider.id, attempt.id), browser)
        key, element = await self.keys.pair(), requests.build(asked)
        way = carried(binding, destination, "SAMLRequest", element, key=key, passed_on=passed_on)
        response = send_way(self.pages, request, way)
        set_cross_site_cookie(response, SAML_COOKIE, browser)
        return response
