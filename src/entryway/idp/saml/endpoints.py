"""`/saml2/metadata`, `/saml2/idp/sso` and `/saml2/idp/slo`."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from entryway.federation.saml_partner import preferred
from entryway.idp.corporate.choice import login_hint, provider_hints
from entryway.idp.documents import SamlRules
from entryway.idp.errors import LoginOver
from entryway.idp.login.attempt import Goal
from entryway.idp.login.sessions import LOGIN_COOKIE, LONGEST
from entryway.idp.logout.steps import TO_SERVICE_PROVIDER, Ending
from entryway.idp.pages.send_on import send_way
from entryway.idp.saml import answers
from entryway.saml import bindings, issuing, logout, names, own_metadata, requests
from entryway.saml.errors import SamlInvalid
from entryway.storage import SealError
from entryway.telemetry import get_logger
from entryway.web import edge

if TYPE_CHECKING:
    from starlette.requests import Request

    from entryway.idp.applications.store import Applications
    from entryway.idp.documents import Documents
    from entryway.idp.login.flow import LoginFlow
    from entryway.idp.login.sessions import LoggedIn, Sessions
    from entryway.idp.logout.chain import LogoutChain
    from entryway.idp.logout.participants import Participants
    from entryway.idp.oidc.issuer import Issuer
    from entryway.idp.saml.partners import Partners
    from entryway.idp.saml.saml_keys import SamlKeys
    from entryway.idp.settings import IdpSettings
    from entryway.saml.bindings import Received
    from entryway.saml.xml import Element
    from entryway.storage import Sealer
    from entryway.storage.moments import Clock
    from entryway.web.pages import Pages

log = get_logger(__name__)

KIND = "saml"
METADATA, SSO, SLO = "/saml2/metadata", "/saml2/idp/sso", "/saml2/idp/slo"
_CARRIED = "saml-goal"
_CARRIED_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class SamlEndpoints:
    """Takes requests by HTTP-Redirect and HTTP-POST, and answers by HTTP-POST."""

    settings: IdpSettings
    partners: Partners
    documents: Documents
    keys: SamlKeys
    flow: LoginFlow
    sessions: Sessions
    chain: LogoutChain
    sealer: Sealer
    pages: Pages
    clock: Clock

    def routes(self) -> list[Route]:
        """Return where the endpoints answer."""
        return [
            Route(METADATA, self.metadata, methods=["GET"]),
            Route(SSO, self.sign_on, methods=["GET", "POST"]),
            Route(f"{SSO}/continue", self.go_on, methods=["GET"]),
            Route(SLO, self.log_out, methods=["GET", "POST"]),
        ]

    async def metadata(self, request: Request) -> Response:
        """Answer what service providers must know."""
        del request
        url = self.settings.public_url
        own = own_metadata.OwnIdentityProvider(
            entity_id=url,
            single_sign_on={names.HTTP_REDIRECT: f"{url}{SSO}", names.HTTP_POST: f"{url}{SSO}"},
            single_logout={names.HTTP_REDIRECT: f"{url}{SLO}", names.HTTP_POST: f"{url}{SLO}"},
            keys=[await self.keys.pair()],
            wants_requests_signed=(await self.documents.load(SamlRules)).requests_signed,
        )
        document = own_metadata.identity_provider_document(own)
        return Response(document, media_type="application/samlmetadata+xml")

    async def sign_on(self, request: Request) -> Response:
        """Let the user log in that a service provider asks for."""
        received = await _received(request)
        if received.parameter != "SAMLRequest":
            raise SamlInvalid("an answer where a request was expected")
        partner = await self.partners.resolve(requests.issuer_of(received.root))
        rules = await self.documents.load(SamlRules)
        needed = rules.requests_signed or partner.metadata.signs_requests
        root = self.partners.believed(partner, received, needed=needed)
        now = self.clock()
        asked = requests.read(root, location=f"{self.settings.public_url}{SSO}", now=now)
        consumer = partner.metadata.consumer(location=asked.consumer, index=asked.consumer_index)
        details = {
            "request": asked.id,
            "consumer": consumer.location,
            "relay_state": received.relay_state,
            "format": asked.name_id_format or partner.metadata.name_id_format(names.PROVIDED_NAME_ID_FORMATS),
            "contexts": list(asked.authn_contexts),
        }
        since = now if asked.is_forced else None
        hints = provider_hints(request.query_params.get("idp"))
        hint = login_hint(asked.subject)
        goal = Goal(KIND, details, partner.application.id, asked.is_passive, since, hints, hint)
        if request.method == "GET":
            return await self.flow.begin(request, goal)
        # The form came from elsewhere, so that the browser has kept our cookies back: it comes once more, by itself.
        carried = {"goal": goal.to_json(), "at": now.isoformat()}
        sealed = self.sealer.seal(json.dumps(carried).encode(), _CARRIED).hex()
        return RedirectResponse(f"{SSO}/continue?{urlencode({'goal': sealed})}", 303)

    async def go_on(self, request: Request) -> Response:
        """Begin the login that was carried through the browser."""
        try:
            text = self.sealer.unseal(bytes.fromhex(request.query_params.get("goal", "")), _CARRIED)
        except (ValueError, SealError) as error:
            raise LoginOver("the goal is not one that we sealed") from error
        carried: dict[str, Any] = json.loads(text)
        if self.clock() - datetime.fromisoformat(carried["at"]) > _CARRIED_FOR:
            raise LoginOver("the goal is too old")
        return await self.flow.begin(request, Goal.from_json(carried["goal"]))

    async def log_out(self, request: Request) -> Response:
        """End the login that a service provider names, or go on when one has answered; both must be signed."""
        received = await _received(request)
        partner = await self.partners.resolve(requests.issuer_of(received.root))
        root = self.partners.believed(partner, received, needed=True)
        location, now = f"{self.settings.public_url}{SLO}", self.clock()
        if received.parameter == "SAMLResponse":
            answer = logout.read_response(root, location=location, now=now)
            told = answer.status == names.SUCCESS
            return await self.chain.answered(request, answer.in_response_to, partner.application.id, told=told)
        asked = logout.read_request(root, location=location, now=now)
        if preferred(partner.metadata.entity.single_logout) is None:
            raise SamlInvalid("the metadata names no SingleLogoutService")
        own = await self.sessions.id_of(request.cookies.get(LOGIN_COOKIE))
        session_ids = asked.session_indexes or ((own,) if own is not None else ())
        log.info("logout_by_application", by=partner.application.client_id)
        details = {"party": partner.application.id, "request": asked.id, "relay_state": received.relay_state}
        ending = Ending(TO_SERVICE_PROVIDER, details)
        return await self.chain.begin(request, session_ids, ending, told_already=partner.application.id)


@dataclass(frozen=True, slots=True)
class SamlFinisher:
    """Sends the browser back to the service provider with an assertion."""

    settings: IdpSettings
    applications: Applications
    partners: Partners
    issuer: Issuer
    participants: Participants
    keys: SamlKeys
    pages: Pages
    clock: Clock

    async def finish(self, request: Request, goal: Goal, logged_in: LoggedIn) -> Response:
        """Give the service provider an assertion about the user, or say why there is none."""
        application = await self.applications.resolve(goal.application_id or "")
        person = await self.issuer.person(logged_in.user.id, logged_in.provider_id)
        if person is None or application.entity_id is None:
            raise LoginOver("the user was locked meanwhile, or the application has changed")
        url, now = self.settings.public_url, self.clock()
        name = answers.name_id(application, person, goal.details["format"], f"_{secrets.token_hex(16)}", url)
        context = answers.authn_context(goal.details["contexts"])
        if name is None or context is None:
            reason = answers.NO_AUTHN_CONTEXT if context is None else names.UNKNOWN_PRINCIPAL
            return await self._refused(request, goal, reason)
        draft = issuing.AssertionDraft(
            id=f"_{secrets.token_hex(16)}",
            issuer=url,
            recipient=goal.details["consumer"],
            audience=application.entity_id,
            in_response_to=goal.details["request"],
            name_id=name,
            issued_at=now,
            authenticated_at=logged_in.authenticated_at,
            session_index=logged_in.session_id,
            session_ends_at=logged_in.authenticated_at + LONGEST,
            authn_context=context,
            attributes=answers.attributes(application, person),
        )
        partner = await self.partners.resolve(application.entity_id)
        certificate = None
        if application.settings.saml_encrypt:
            if not partner.metadata.entity.encryption:
                raise SamlInvalid("assertions shall be encrypted, and the metadata has no key for it")
            certificate = partner.metadata.entity.encryption[0]
        response = issuing.build_response(
            f"_{secrets.token_hex(16)}",
            draft,
            await self.keys.pair(),
            encrypt_for=certificate,
            signed=answers.signed(partner),
        )
        await self.participants.remember(logged_in, application, name)
        log.info("assertion_issued", client_id=application.client_id, user_id=logged_in.user.id)
        return self._send(request, goal, response)

    async def refuse(self, request: Request, goal: Goal) -> Response:
        """Tell the service provider that nobody is logged in."""
        return await self._refused(request, goal, names.NO_PASSIVE)

    async def _refused(self, request: Request, goal: Goal, reason: str) -> Response:
        refusal = issuing.build_refusal(
            f"_{secrets.token_hex(16)}",
            issuer=self.settings.public_url,
            recipient=goal.details["consumer"],
            in_response_to=goal.details["request"],
            issued_at=self.clock(),
            status=names.RESPONDER,
            reason=reason,
            key=await self.keys.pair(),
        )
        return self._send(request, goal, refusal)

    def _send(self, request: Request, goal: Goal, message: Element) -> Response:
        form = bindings.post_form(goal.details["consumer"], "SAMLResponse", message, goal.details["relay_state"])
        return send_way(self.pages, request, form)


async def _received(request: Request) -> Received:
    if request.method == "POST":
        return bindings.read_post(await edge.read_lines(request))
    return bindings.read_redirect(request.scope["query_string"].decode("ascii", "replace"))
