"""To a SAML identity provider: a signed AuthnRequest, and at the logout a signed LogoutRequest."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from entryway.authserver.trust.pending import LOGIN, LOGOUT, Pending
from entryway.authserver.trust.saml_partners import check_still_valid, partner_of
from entryway.saml import bindings, logout, names, requests
from entryway.saml.logout import LogoutRequest
from entryway.saml.requests import AuthnRequest
from entryway.saml.signature import sign
from entryway.saml.subjects import NameId
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
    from entryway.saml.bindings import Parameter
    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

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
        check_still_valid(partner, self.clock())
        wanted = names.HTTP_POST if partner.config.request_binding == "post" else names.HTTP_REDIRECT
        binding = wanted if wanted in partner.metadata.single_sign_on else next(iter(partner.metadata.single_sign_on))
        destination = partner.metadata.single_sign_on[binding].location
        asked = attempt.request
        request = AuthnRequest(
            id=new_id(),
            issuer=own.addresses.entity_id,
            issued_at=self.clock(),
            destination=destination,
            consumer=own.addresses.assertion_consumer,
            name_id_format=partner.config.name_id_format,
            authn_contexts=partner.config.authn_contexts,
            is_forced=asked is not None and asked.authenticated_since is not None,
        )
        await self.pending.add(Pending(request.id, zone.id, provider.origin, LOGIN, attempt.id), browser)
        # Providers that pass logins on read which of theirs is meant.
        passed_on = asked.origins[1:] if asked is not None else ()
        response = send(
            self.pages,
            binding,
            destination,
            "SAMLRequest",
            requests.build(request),
            key=own.keys[0],
            passed_on=passed_on,
        )
        set_cross_site_cookie(response, SAML_COOKIE, browser)
        return response

    async def end(
        self, zone: Zone, provider: IdentityProvider, session: ProviderSession, browser: str, target: str
    ) -> Response | None:
        """Answer with the way to the provider's logout."""
        partner, own = partner_of(provider), await self.partners.service_provider(zone)
        endpoints = partner.metadata.entity.single_logout
        if not partner.config.logout or not endpoints:
            return None
        binding = names.HTTP_REDIRECT if names.HTTP_REDIRECT in endpoints else names.HTTP_POST
        request = LogoutRequest(
            id=new_id(),
            issuer=own.addresses.entity_id,
            issued_at=self.clock(),
            destination=endpoints[binding].location,
            name_id=NameId(
                session.subject,
                session.facts.get("format", names.UNSPECIFIED),
                session.facts.get("name_qualifier"),
                session.facts.get("sp_name_qualifier"),
            ),
            session_indexes=(session.session_index,) if session.session_index else (),
        )
        await self.pending.add(Pending(request.id, zone.id, provider.origin, LOGOUT, facts={"target": target}), browser)
        element = logout.build_request(request)
        response = send(self.pages, binding, endpoints[binding].location, "SAMLRequest", element, key=own.keys[0])
        set_cross_site_cookie(response, SAML_COOKIE, browser)
        return response


def new_id() -> str:
    """Return an ID that nobody can guess and XML accepts."""
    return f"_{secrets.token_hex(20)}"


def send(
    pages: Pages,
    binding: str,
    destination: str,
    parameter: Parameter,
    message: Element,
    *,
    key: KeyPair,
    relay_state: str | None = None,
    passed_on: tuple[str, ...] = (),
) -> Response:
    """Answer with the way that carries a message, signed as its binding wants."""
    if passed_on:
        destination += ("&" if "?" in destination else "?") + urlencode({"idp": ",".join(passed_on)})
    if binding == names.HTTP_REDIRECT:
        return RedirectResponse(bindings.redirect_url(destination, parameter, message, relay_state, key), 302)
    form = bindings.post_form(destination, parameter, sign(message, key), relay_state)
    return pages.send_on(form.action, form.fields)
