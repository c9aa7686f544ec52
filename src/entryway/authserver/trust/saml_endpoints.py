"""The tenant as a SAML service provider: `/saml/…`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from entryway.authserver import edge
from entryway.authserver.digests import random_text
from entryway.authserver.sessions import BROWSER_COOKIE
from entryway.authserver.trust.pending import LOGIN, LOGOUT
from entryway.authserver.trust.saml_answers import check_first
from entryway.authserver.trust.saml_departure import SAML_COOKIE, send
from entryway.authserver.trust.saml_partners import Partner, ServiceProvider, partner_of
from entryway.errors import NotFound
from entryway.federation import identity
from entryway.federation.configuration import SamlConfig
from entryway.federation.errors import LoginRefused
from entryway.federation.saml_partner import carried, name_facts, new_id
from entryway.oauth import parameters as oauth_parameters
from entryway.oauth.errors import echo
from entryway.saml import bindings, logout, names, response
from entryway.saml.errors import SamlInvalid
from entryway.saml.logout import LogoutResponse
from entryway.saml.requests import issuer_of
from entryway.telemetry import get_logger
from entryway.web import edge as web_edge

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.authserver.login_flow import LoginFlow
    from entryway.authserver.moments import Clock
    from entryway.authserver.pages import Pages
    from entryway.authserver.seen_assertions import SeenAssertions
    from entryway.authserver.settings import AuthServerSettings
    from entryway.authserver.trust.arrival import Arrival
    from entryway.authserver.trust.pending import Pending, PendingRequests
    from entryway.authserver.trust.provider_sessions import ProviderSessions
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.trust.saml_partners import SamlPartners
    from entryway.authserver.zones import Zone, Zones
    from entryway.saml.assertion import Assertion
    from entryway.saml.bindings import Received
    from entryway.saml.xml import Element

log = get_logger(__name__)


class AliasUnknown(NotFound):
    """The address names another service provider than this tenant."""

    code = "saml_alias_unknown"
    title = "There is no service provider by this alias"


@dataclass(frozen=True, slots=True)
class SamlEndpoints:
    """Metadata, the start of a login, the assertion consumer and the single logout."""

    settings: AuthServerSettings
    zones: Zones
    providers: IdentityProviders
    partners: SamlPartners
    pending: PendingRequests
    provider_sessions: ProviderSessions
    seen: SeenAssertions
    arrival: Arrival
    flow: LoginFlow
    pages: Pages
    clock: Clock

    def routes(self) -> list[Route]:
        return [
            Route("/saml/metadata", self.metadata, methods=["GET"]),
            Route("/saml/metadata/alias/{alias}", self.metadata, methods=["GET"]),
            Route("/saml/discovery", self.discovery, methods=["GET"]),
            Route("/saml/login/alias/{alias}", self.discovery, methods=["GET"]),
            Route("/saml/SSO/alias/{alias}", self.consume, methods=["POST"]),
            Route("/saml/SingleLogout/alias/{alias}", self.single_logout, methods=["GET", "POST"]),
        ]

    async def metadata(self, request: Request) -> Response:
        """Answer the tenant's metadata, for administrators of identity providers."""
        zone, own = await self._own(request)
        headers = {"content-disposition": f'attachment; filename="saml-{zone.subdomain}-sp.xml"'}
        return Response(own.document(), media_type="application/samlmetadata+xml", headers=headers)

    async def discovery(self, request: Request) -> Response:
        """Start a login at the provider that `idp` names."""
        query = oauth_parameters.parse(request.scope["query_string"])
        zone, _ = await self._own(request)
        origin = query.get("idp", "")
        provider = await self.providers.find(zone.id, origin)
        if provider is None or not isinstance(provider.config, SamlConfig):
            reason = f"No SAML identity provider found in zone for alias:{echo(origin)}"
            self.arrival.note_unknown(zone.id, reason)
            raise AliasUnknown(reason)
        return await self.flow.begin(request, zone.id, None, hinted=origin)

    async def consume(self, request: Request) -> Response:
        """Take a Response: to a request of ours, or of a provider that may begin."""
        zone, own = await self._own(request)
        browser = request.cookies.get(SAML_COOKIE, "")
        received = bindings.read_post(await web_edge.read_lines(request))
        request_id = response.in_response_to(received.root)
        asked = await self.pending.take(zone.id, LOGIN, request_id, browser) if request_id and browser else None
        partner = await self._partner(zone, received, asked)
        if partner is None:
            reason = f"InResponseToField of Response doesn't correspond to sent message {echo(request_id or '(none)')}"
            if asked is not None:
                reason = f"Identity Provider has been disabled by administrator for alias:{asked.origin}"
            self.arrival.note_unknown(zone.id, reason)
            raise LoginRefused(reason)
        try:
            assertion = await self._assertion(zone, own, partner, received.root, asked.id if asked else None)
            who = identity.of_assertion(assertion, partner.config.attributes)
        except SamlInvalid as error:
            return await self.arrival.refuse(partner.provider, error, asked.attempt_id if asked else None, browser)
        return await self.arrival.complete(
            request,
            partner.provider,
            who,
            attempt_id=asked.attempt_id if asked else None,
            browser=browser or random_text(),
            facts=name_facts(assertion),
            afterwards=None if asked else _own_page(zone, received.relay_state),
        )

    async def single_logout(self, request: Request) -> Response:
        """Take a LogoutRequest of a provider, or its answer to ours."""
        zone, own = await self._own(request)
        received = (
            bindings.read_post(await web_edge.read_lines(request))
            if request.method == "POST"
            else bindings.read_redirect(request.scope["query_string"].decode("latin-1"))
        )
        if received.parameter == "SAMLResponse":
            return await self._logged_out(request, zone, own, received)
        partner = await self._sender(zone, received.root)
        root = partner.verified(received)
        asked = logout.read_request(root, location=own.addresses.single_logout, now=self.clock(), keys=own.keys)
        if asked.issuer != partner.entity_id:
            raise SamlInvalid("the LogoutRequest is of another issuer")
        ended = await self.provider_sessions.end(
            zone.id, partner.provider.origin, asked.name_id.value, asked.session_indexes
        )
        log.info("logout_by_provider", identity_provider=partner.provider.origin, sessions=ended)
        return self._answer(own, partner, asked.id, received.relay_state)

    async def _assertion(
        self, zone: Zone, own: ServiceProvider, partner: Partner, root: Element, request_id: str | None
    ) -> Assertion:
        now = self.clock()
        partner.check_still_valid(now)
        addresses = own.addresses
        assertion = response.read(
            root,
            partner.expected(own.keys, addresses.assertion_consumer, {addresses.entity_id}, request_id),
            now,
        )
        await check_first(self.seen, zone.id, partner, assertion)
        return assertion

    async def _partner(self, zone: Zone, received: Received, asked: Pending | None) -> Partner | None:
        """Return whom the answer must be from."""
        if asked is not None:
            provider = await self.providers.find(zone.id, asked.origin)
            usable = provider is not None and provider.draft.active and isinstance(provider.config, SamlConfig)
            return partner_of(provider) if usable and provider is not None else None
        if response.in_response_to(received.root) is not None:
            return None
        candidates = await self.partners.by_entity_id(zone.id, issuer_of(received.root))
        beginning = [partner for partner in candidates if partner.config.idp_initiated]
        return beginning[0] if len(beginning) == 1 else None

    async def _sender(self, zone: Zone, root: Element) -> Partner:
        candidates = await self.partners.by_entity_id(zone.id, issuer_of(root))
        if len(candidates) != 1:
            raise SamlInvalid("the message is of no identity provider that this tenant trusts")
        return candidates[0]

    async def _logged_out(self, request: Request, zone: Zone, own: ServiceProvider, received: Received) -> Response:
        partner = await self._sender(zone, received.root)
        answer = logout.read_response(
            partner.verified(received), location=own.addresses.single_logout, now=self.clock()
        )
        browser = request.cookies.get(SAML_COOKIE) or request.cookies.get(BROWSER_COOKIE, "")
        asked = await self.pending.take(zone.id, LOGOUT, answer.in_response_to, browser)
        if asked is None or answer.issuer != partner.entity_id or asked.origin != partner.provider.origin:
            raise SamlInvalid("the LogoutResponse answers nothing that was asked")
        if answer.status != names.SUCCESS:
            log.info("logout_incomplete", identity_provider=asked.origin, status=answer.status)
        return RedirectResponse(asked.facts["target"], 302)

    def _answer(self, own: ServiceProvider, partner: Partner, request_id: str, relay_state: str | None) -> Response:
        found = partner.single_logout
        if found is None:
            return self.pages.message("logout.title")
        binding, destination = found[0], found[1].response_location
        told = LogoutResponse(new_id(), own.addresses.entity_id, self.clock(), destination, request_id)
        element, key = logout.build_response(told), own.keys[0]
        way = carried(binding, destination, "SAMLResponse", element, key=key, relay_state=relay_state)
        return send(self.pages, way)

    async def _own(self, request: Request) -> tuple[Zone, ServiceProvider]:
        zone = await edge.zone_of(request, self.zones, self.settings, {})
        own = await self.partners.service_provider(zone)
        if request.path_params.get("alias", own.addresses.alias) != own.addresses.alias:
            raise AliasUnknown(f"alias {echo(request.path_params['alias'])}")
        return zone, own


def _own_page(zone: Zone, relay_state: str | None) -> str | None:
    """Return the page that a provider which begins wants to open, if it is one of ours; nobody is sent elsewhere."""
    if not relay_state or not relay_state.isprintable() or "\\" in relay_state:
        return None
    try:
        target, own = urlsplit(relay_state), urlsplit(zone.url)
    except ValueError:
        return None
    if (target.scheme, target.netloc) != (own.scheme, own.netloc) or not target.path.startswith(f"{own.path}/"):
        return None
    return relay_state
