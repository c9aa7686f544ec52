"""Tells everybody by way of the browser that a login has ended: one after the other, and then whoever asked for it."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete

from entryway.errors import EntrywayError, UpstreamError
from entryway.federation.configuration import OidcConfig, SamlConfig
from entryway.federation.saml_partner import carried, logout_request, name_of_facts, new_id, preferred
from entryway.idp import tables
from entryway.idp.corporate.addresses import ProxyAddresses
from entryway.idp.logout.steps import TO_PROVIDER, TO_SERVICE_PROVIDER, Ending, LogoutState, Step
from entryway.idp.pages.send_on import send_way
from entryway.saml import logout
from entryway.saml.errors import SamlInvalid
from entryway.saml.subjects import NameId
from entryway.telemetry import get_logger
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.federation.oidc_partners import OidcPartners
    from entryway.idp.corporate.provider_sessions import ProviderSessions
    from entryway.idp.corporate.providers import Provider, Providers
    from entryway.idp.logout.endings import Endings
    from entryway.idp.logout.participants import Participants
    from entryway.idp.saml.partners import Partners
    from entryway.idp.saml.saml_keys import SamlKeys
    from entryway.idp.session_end import SessionEnd
    from entryway.idp.settings import IdpSettings
    from entryway.storage import Database, Sealer
    from entryway.storage.moments import Clock
    from entryway.web.pages import Pages

log = get_logger(__name__)

LIFETIME = timedelta(minutes=15)
_PURPOSE = "logout"


@dataclass(frozen=True, slots=True)
class LogoutChain:
    """The logins end first: whoever does not answer keeps nobody logged in here."""

    settings: IdpSettings
    database: Database
    sealer: Sealer
    session_end: SessionEnd
    participants: Participants
    provider_sessions: ProviderSessions
    providers: Providers
    partners: Partners
    oidc: OidcPartners[None]
    keys: SamlKeys
    endings: Endings
    pages: Pages
    clock: Clock

    async def begin(
        self, request: Request, session_ids: Sequence[str], ending: Ending, *, told_already: str = ""
    ) -> Response:
        """End sessions and answer with the way to the first who must be told; `told_already` is who began."""
        steps: list[Step] = []
        for session_id in session_ids:
            origin = await self.provider_sessions.find(session_id)
            found = [
                Step(TO_SERVICE_PROVIDER, one.application_id, {"session": session_id, "name": asdict(one.name)})
                for one in await self.participants.take(session_id)
            ]
            if origin is not None:
                facts = {"subject": origin.subject, "index": origin.session_index, "facts": dict(origin.facts)}
                found.append(Step(TO_PROVIDER, origin.provider_id, facts))
            steps += [step for step in found if step.party != told_already]
            await self.session_end.end(session_id)
        # Companies' providers come last: some do not send the browser back.
        steps.sort(key=lambda step: step.kind == TO_PROVIDER)
        return await self._proceed(request, LogoutState(steps, ending))

    async def answered(self, request: Request, request_id: str, party: str, *, told: bool) -> Response:
        """Go on after a party has answered; raise SamlInvalid for an answer to nothing that it was asked."""
        row = tables.Logout
        open_question = (row.request_id == request_id, row.party == party, row.expires_at > self.clock())
        taken = delete(row).where(*open_question).returning(row.sealed)
        async with self.database.transaction() as session:
            sealed = (await session.execute(taken)).scalar_one_or_none()
        if sealed is None:
            raise SamlInvalid("the answer belongs to no logout that is on its way")
        state = LogoutState.from_json(json.loads(self.sealer.unseal(sealed, _PURPOSE)))
        return await self._proceed(request, state.rest(told=told))

    async def _proceed(self, request: Request, state: LogoutState) -> Response:
        while state.steps:
            step, request_id = state.steps[0], new_id()
            try:
                response = await self._tell(request, step, request_id)
            except EntrywayError as error:
                log.warning("logout_not_told", party=step.party, reason=error.detail)
                response = None
            if response is not None:
                await self._keep(state, request_id)
                return response
            state = state.rest(told=False)
        return await self.endings.answer(request, state.ending, complete=state.complete)

    async def _keep(self, state: LogoutState, request_id: str) -> None:
        row = tables.Logout(
            id=str(uuid.uuid4()),
            request_id=request_id,
            party=state.steps[0].party,
            sealed=self.sealer.seal(json.dumps(state.to_json()).encode(), _PURPOSE),
            expires_at=self.clock() + LIFETIME,
        )
        async with self.database.transaction() as session:
            session.add(row)

    async def _tell(self, request: Request, step: Step, request_id: str) -> Response | None:
        """Return the way to a party with the news; None where there is none."""
        if step.kind == TO_SERVICE_PROVIDER:
            return await self._tell_application(request, step, request_id)
        provider = await self.providers.find_by_id(step.party)
        if provider is None or not provider.settings.active or not provider.config.logout:
            return None
        if isinstance(provider.config, OidcConfig):
            return await self._tell_by_oidc(provider, provider.config, step, request_id)
        return await self._tell_by_saml(request, provider, step, request_id)

    async def _tell_application(self, request: Request, step: Step, request_id: str) -> Response | None:
        partner = await self.partners.of_application(step.party)
        found = preferred(partner.metadata.entity.single_logout)
        if found is None:
            return None
        binding, endpoint = found
        asked = logout_request(
            request_id,
            self.settings.public_url,
            endpoint.location,
            name=NameId(**step.facts["name"]),
            session_index=step.facts["session"],
            now=self.clock(),
        )
        element, key = logout.build_request(asked), await self.keys.pair()
        return send_way(self.pages, request, carried(binding, endpoint.location, "SAMLRequest", element, key=key))

    async def _tell_by_saml(self, request: Request, provider: Provider, step: Step, request_id: str) -> Response | None:
        assert isinstance(provider.config, SamlConfig)  # noqa: S101 - the other kind was sorted out before
        found = provider.partner.single_logout
        if found is None:
            return None
        binding, endpoint = found
        issuer = ProxyAddresses(self.settings.public_url).entity_id
        asked = logout_request(
            request_id,
            issuer,
            endpoint.location,
            name=name_of_facts(step.facts["subject"], step.facts["facts"]),
            session_index=step.facts["index"],
            now=self.clock(),
        )
        element, key = logout.build_request(asked), await self.keys.pair()
        return send_way(self.pages, request, carried(binding, endpoint.location, "SAMLRequest", element, key=key))

    async def _tell_by_oidc(
        self, provider: Provider, config: OidcConfig, step: Step, request_id: str
    ) -> Response | None:
        try:
            document = await self.oidc.discover(config)
        except UpstreamError as error:
            log.warning("logout_not_told", party=provider.alias, reason=error.detail)
            return None
        if document.end_session_endpoint is None:
            return None
        return redirect_to(
            document.end_session_endpoint,
            {
                "id_token_hint": step.facts["facts"].get("id_token"),
                "client_id": config.client_id,
                "post_logout_redirect_uri": ProxyAddresses(self.settings.public_url).logged_out(provider.alias),
                "state": request_id,
            },
        )
