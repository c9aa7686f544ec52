"""Where companies' providers answer, and what they may know of us: callbacks, assertion consumer and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from entryway.errors import UpstreamError
from entryway.federation import identity, oidc_exchange, oidc_logout
from entryway.federation.configuration import OidcConfig
from entryway.federation.errors import LoginRefused, LogoutRefused, ProviderDisabled
from entryway.federation.oidc_exchange import Secrets
from entryway.federation.oidc_partners import unavailable
from entryway.federation.saml_partner import name_facts
from entryway.idp.corporate.addresses import CALLBACK, CONSUMER, LOGGED_OUT, METADATA, SINGLE_LOGOUT, ProxyAddresses
from entryway.idp.corporate.arrival import RESUME
from entryway.idp.corporate.departure import SAML_COOKIE
from entryway.idp.login import page_finisher
from entryway.idp.login.attempt import Goal
from entryway.idp.login.sessions import BROWSER_COOKIE
from entryway.idp.logout.steps import TO_PROVIDER, Ending
from entryway.oauth import parameters as oauth_parameters
from entryway.saml import bindings, logout, names, own_metadata, response
from entryway.saml.errors import SamlInvalid
from entryway.saml.requests import issuer_of
from entryway.storage.digests import random_text
from entryway.telemetry import get_logger
from entryway.web import edge

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.federation.identity import Identity
    from entryway.federation.oidc_partners import OidcPartners
    from entryway.idp.corporate.arrival import Arrival
    from entryway.idp.corporate.pending import Pending, PendingRequests
    from entryway.idp.corporate.provider_sessions import ProviderSessions
    from entryway.idp.corporate.providers import Provider, Providers
    from entryway.idp.login.attempts import Attempts
    from entryway.idp.login.flow import LoginFlow
    from entryway.idp.logout.chain import LogoutChain
    from entryway.idp.saml.saml_keys import SamlKeys
    from entryway.idp.seen_assertions import SeenAssertions
    from entryway.idp.settings import IdpSettings
    from entryway.saml.assertion import Assertion
    from entryway.saml.bindings import Received
    from entryway.storage.moments import Clock

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderEndpoints:
    """Believes an answer only if it fits a question that this browser carried away."""

    settings: IdpSettings
    providers: Providers
    partners: OidcPartners[None]
    pending: PendingRequests
    seen: SeenAssertions
    keys: SamlKeys
    attempts: Attempts
    arrival: Arrival
    flow: LoginFlow
    chain: LogoutChain
    provider_sessions: ProviderSessions
    clock: Clock

    def routes(self) -> list[Route]:
        """Return where the endpoints answer."""
        return [
            Route(f"{CALLBACK}/{{alias}}", self.callback, methods=["GET"]),
            Route(CONSUMER, self.consume, methods=["POST"]),
            Route(METADATA, self.metadata, methods=["GET"]),
            Route(SINGLE_LOGOUT, self.log_out, methods=["GET", "POST"]),
            Route(f"{LOGGED_OUT}/{{alias}}", self.logged_out, methods=["GET"]),
            Route(f"{oidc_logout.PATH}/{{alias}}", self.logged_out_there, methods=["POST"]),
            Route(RESUME, self.resume, methods=["GET"]),
        ]

    async def callback(self, request: Request) -> Response:
        """Take the code that an OpenID Connect provider gives."""
        provider = await self.providers.resolve(request.path_params["alias"])
        answer = oauth_parameters.parse(request.scope["query_string"])
        browser = request.cookies.get(BROWSER_COOKIE, "")
        # Also the defence against mixing up providers: each has an address of its own.
        asked = await self.pending.take(answer.get("state", ""), provider.id, browser) if browser else None
        if asked is None or not isinstance(provider.config, OidcConfig):
            raise LoginRefused("the answer fits no login of this browser at this provider")
        _check_active(provider)
        kept = Secrets(asked.facts["nonce"], asked.facts["verifier"])
        where = ProxyAddresses(self.settings.public_url).callback(provider.alias)
        try:
            who, id_token = await oidc_exchange.identify(
                self.partners, None, provider.config, kept, answer, callback=where, now=self.clock()
            )
        except SamlInvalid as error:
            raise self.arrival.refused(provider, error.detail) from error
        except UpstreamError as error:
            raise unavailable(error) from error
        return await self._arrived(request, provider, who, asked=asked, browser=browser, facts={"id_token": id_token})

    async def consume(self, request: Request) -> Response:
        """Take the Response of a SAML provider: to a request of ours, or of one that may begin."""
        received = bindings.read_post(await edge.read_lines(request))
        browser = request.cookies.get(SAML_COOKIE, "")
        request_id = response.in_response_to(received.root)
        asked = await self.pending.take(request_id, None, browser) if request_id and browser else None
        provider = await self._sender(received, asked, request_id)
        if provider is None:
            raise LoginRefused("the Response answers no request of this browser")
        _check_active(provider)
        try:
            assertion = await self._assertion(provider, received, asked)
            who = identity.of_assertion(assertion, provider.config.attributes)
        except SamlInvalid as error:
            raise self.arrival.refused(provider, error.detail) from error
        return await self._arrived(
            request,
            provider,
            who,
            asked=asked,
            browser=browser or random_text(),
            facts=name_facts(assertion),
        )

    async def metadata(self, request: Request) -> Response:
        """Answer what a company's SAML provider must know of us as a service provider."""
        del request
        where = ProxyAddresses(self.settings.public_url)
        own = own_metadata.OwnServiceProvider(
            entity_id=where.entity_id,
            assertion_consumer=where.consumer,
            bearer_consumer=None,
            single_logout={names.HTTP_REDIRECT: where.single_logout, names.HTTP_POST: where.single_logout},
            keys=[await self.keys.pair()],
        )
        return Response(own_metadata.service_provider_document(own), media_type="application/samlmetadata+xml")

    async def resume(self, request: Request) -> Response:
        """Go on with the attempt that a provider's answer belonged to."""
        browser = request.cookies.get(BROWSER_COOKIE, "")
        asked = oauth_parameters.parse(request.scope["query_string"])
        attempt = await self.attempts.find(asked.get("attempt", ""), browser)
        return await self.flow.proceed(request, attempt, browser)

    async def logged_out(self, request: Request) -> Response:
        """Go on with a logout: an OpenID Connect provider has sent the browser back."""
        provider = await self.providers.resolve(request.path_params["alias"])
        answer = oauth_parameters.parse(request.scope["query_string"])
        return await self.chain.answered(request, answer.get("state", ""), provider.id, told=True)

    async def logged_out_there(self, request: Request) -> Response:
        """End the logins that came from a session which has ended at an OpenID Connect provider."""
        provider = await self.providers.resolve(request.path_params["alias"])
        form = await edge.read_parameters(request)
        told = await oidc_logout.logged_out(
            self.partners, provider.config, form, self.clock(), active=provider.settings.active
        )
        if not await self.seen.is_first(oidc_logout.FIELD, provider.id, told.token_id, told.expires_at):
            raise LogoutRefused("the token has been used already")
        sessions = [told.session_id] if told.session_id is not None else []
        mine = await self.provider_sessions.of_subject(provider.id, told.subject, sessions)
        for session_id in mine:
            await self.flow.session_end.end(session_id)
        log.info("logout_by_provider", identity_provider=provider.alias, sessions=len(mine))
        return Response(status_code=200, headers={"cache-control": "no-store"})

    async def log_out(self, request: Request) -> Response:
        """End the logins that a SAML provider names, or go on when it has answered; both must be signed."""
        received = (
            bindings.read_post(await edge.read_lines(request))
            if request.method == "POST"
            else bindings.read_redirect(request.scope["query_string"].decode("latin-1"))
        )
        provider = await self.providers.by_entity_id(issuer_of(received.root))
        if provider is None:
            raise SamlInvalid("the message is of no identity provider that is trusted here")
        root, now = provider.partner.verified(received), self.clock()
        location = ProxyAddresses(self.settings.public_url).single_logout
        if received.parameter == "SAMLResponse":
            answer = logout.read_response(root, location=location, now=now)
            told = answer.status == names.SUCCESS
            return await self.chain.answered(request, answer.in_response_to, provider.id, told=told)
        asked = logout.read_request(root, location=location, now=now, keys=[await self.keys.pair()])
        ending = Ending(TO_PROVIDER, {"party": provider.id, "request": asked.id, "relay_state": received.relay_state})
        mine = await self.provider_sessions.of_subject(provider.id, asked.name_id.value, asked.session_indexes)
        return await self.chain.begin(request, mine, ending, told_already=provider.id)

    async def _arrived(
        self,
        request: Request,
        provider: Provider,
        who: Identity,
        *,
        asked: Pending | None,
        browser: str,
        facts: Mapping[str, str],
    ) -> Response:
        if asked is not None:
            attempt = await self.attempts.find(asked.attempt_id, browser)
        else:
            goal = Goal(page_finisher.KIND, {"path": page_finisher.HOME}, providers=(provider.alias,))
            attempt = await self.attempts.start(browser, goal, None)
        return await self.arrival.complete(request, provider, who, attempt=attempt, browser=browser, facts=facts)

    async def _sender(self, received: Received, asked: Pending | None, request_id: str | None) -> Provider | None:
        if asked is not None:
            return await self.providers.find_by_id(asked.provider_id)
        if request_id is not None:
            return None
        found = await self.providers.by_entity_id(issuer_of(received.root))
        return found if found is not None and found.partner.config.idp_initiated else None

    async def _assertion(self, provider: Provider, received: Received, asked: Pending | None) -> Assertion:
        partner, now = provider.partner, self.clock()
        partner.check_still_valid(now)
        where = ProxyAddresses(self.settings.public_url)
        request_id = asked.id if asked is not None else None
        expected = partner.expected([await self.keys.pair()], where.consumer, {where.entity_id}, request_id)
        assertion = response.read(received.root, expected, now)
        if not await self.seen.is_first("saml", partner.entity_id, assertion.id, assertion.expires_at):
            raise SamlInvalid("the assertion has been used already")
        return assertion


def _check_active(provider: Provider) -> None:
    if not provider.settings.active:
        raise ProviderDisabled(f"{provider.alias} is switched off")
