"""To a SAML identity provider: a signed AuthnRequest, and at the logout a signed LogoutRequest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from entryway.authserver.trust.pending import LOGIN, LOGOUT, Pending
from entryway.authserver.trust.saml_partners import partner_of
from entryway.federation.saml_partner import carried, logout_request, name_of_facts, new_id
from entryway.saml import logout, requests
from entryway.web.cookies import set_cross_site_cookie

if TYPE_CHECKING:
    from entryway.authserver.moments import Clock
    from entryway.authserver.next_step import Attempt
    from entryway.authserver.pages import Pages
    from entryway.authserver.trust.pending import PendingRequests
    from entryway.authserver.trust.provider_sessions import ProviderSession
    from entryway.authserver.trust.providers import IdentityProvider
    from entryway.authserver.trust.saml_partners import SamlPartners
    from entryway.authserver.zones import Zone
    from entryway.saml.bindings import Form

# Which browser it was: the provider's answer is a form of another site, to which the browser adds no other cookie.
SAML_COOKIE = "__Host-entryway-saml"


@dataclass(frozen=True, slots=True)
class SamlDeparture:
    """Asks by HTTP-Redirect or HTTP-POST, as the trust says and the provider can."""

    partners: SamlPartners
    pending: PendingRequests
    pages: Pages
    clock: Clock

    async def begin(self, zone: Zone, provider: IdentityProvider, attempt: Attempt, browser: str) -> Response:
        """Answer with the way to the provider's login."""
        partner, own = partner_of(provider), await self.partners.service_provider(zone)
        partner.check_still_valid(self.clock())
        binding, destination = partner.single_sign_on
        asked, where = attempt.request, own.addresses
        is_passive = asked is not None and asked.silent
        request = partner.authn_request(
            where.entity_id,
            where.assertion_consumer,
            self.clock(),
            # Who is asked for nothing cannot be made to log in; how old the login is shows in the answer.
            is_forced=asked is not None and asked.authenticated_since is not None and not is_passive,
            is_passive=is_passive,
        )
        await self.pending.add(Pending(request.id, zone.id, provider.origin, LOGIN, attempt.id), browser)
        way = carried(
            binding,
            destination,
            "SAMLRequest",
            requests.build(request),
            key=own.keys[0],
            # Providers that pass logins on read which of theirs is meant.
            passed_on=asked.origins[1:] if asked is not None else (),
        )
        response = send(self.pages, way)
        set_cross_site_cookie(response, SAML_COOKIE, browser)
        return response

    async def end(
        self, zone: Zone, provider: IdentityProvider, session: ProviderSession, browser: str, target: str
    ) -> Response | None:
        """Answer with the way to the provider's logout."""
        partner, own = partner_of(provider), await self.partners.service_provider(zone)
        found = partner.single_logout
        if not partner.config.logout or found is None:
            return None
        binding, endpoint = found
        request = logout_request(
            new_id(),
            own.addresses.entity_id,
            endpoint.location,
            name=name_of_facts(session.subject, session.facts),
            session_index=session.session_index,
            now=self.clock(),
        )
        await self.pending.add(Pending(request.id, zone.id, provider.origin, LOGOUT, facts={"target": target}), browser)
        element = logout.build_request(request)
        response = send(self.pages, carried(binding, endpoint.location, "SAMLRequest", element, key=own.keys[0]))
        set_cross_site_cookie(response, SAML_COOKIE, browser)
        return response


def send(pages: Pages, way: str | Form) -> Response:
    """Answer with the address or the form that carries a message."""
    if isinstance(way, str):
        return RedirectResponse(way, 302)
    return pages.send_on(way.action, way.fields)
