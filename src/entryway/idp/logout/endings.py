"""How a logout ends: with an address, a page, or an answer to whoever began it by SAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.federation.saml_partner import carried, new_id, preferred
from entryway.idp.corporate.addresses import ProxyAddresses
from entryway.idp.login.sessions import LOGIN_COOKIE
from entryway.idp.logout.steps import TO_ADDRESS, TO_PAGE, TO_SERVICE_PROVIDER
from entryway.idp.pages.send_on import send_way
from entryway.saml import logout, names
from entryway.saml.errors import SamlInvalid
from entryway.saml.logout import LogoutResponse
from entryway.web.cookies import clear_cookie
from entryway.web.redirect import redirect_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.idp.corporate.providers import Providers
    from entryway.idp.logout.steps import Ending
    from entryway.idp.saml.partners import Partners
    from entryway.idp.saml.saml_keys import SamlKeys
    from entryway.idp.settings import IdpSettings
    from entryway.saml.metadata import Endpoint
    from entryway.storage.moments import Clock
    from entryway.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Endings:
    """Answers when everybody has been told, or could not be."""

    settings: IdpSettings
    partners: Partners
    providers: Providers
    keys: SamlKeys
    pages: Pages
    clock: Clock

    async def answer(self, request: Request, ending: Ending, *, complete: bool) -> Response:
        """Return the last answer of a logout."""
        response = await self._answer(request, ending, complete=complete)
        clear_cookie(response, LOGIN_COOKIE)
        return response

    async def _answer(self, request: Request, ending: Ending, *, complete: bool) -> Response:
        details = ending.details
        if ending.kind == TO_ADDRESS:
            return redirect_to(details["url"], {"state": details["state"]})
        if ending.kind == TO_PAGE:
            return self._farewell(request)
        if ending.kind == TO_SERVICE_PROVIDER:
            partner = await self.partners.of_application(details["party"])
            found, issuer = preferred(partner.metadata.entity.single_logout), self.settings.public_url
            if found is None:
                raise SamlInvalid("the metadata names no SingleLogoutService")
            return await self._by_saml(request, found, issuer, details, complete=complete)
        provider = await self.providers.find_by_id(details["party"])
        found = provider.partner.single_logout if provider is not None else None
        if found is None:
            return self._farewell(request)
        issuer = ProxyAddresses(self.settings.public_url).entity_id
        return await self._by_saml(request, found, issuer, details, complete=complete)

    async def _by_saml(
        self,
        request: Request,
        found: tuple[str, Endpoint],
        issuer: str,
        details: Mapping[str, str | None],
        *,
        complete: bool,
    ) -> Response:
        binding, destination = found[0], found[1].response_location
        told = LogoutResponse(
            new_id(),
            issuer,
            self.clock(),
            destination,
            details["request"] or "",
            names.SUCCESS if complete else names.RESPONDER,
            None if complete else names.PARTIAL_LOGOUT,
        )
        element, key = logout.build_response(told), await self.keys.pair()
        way = carried(binding, destination, "SAMLResponse", element, key=key, relay_state=details["relay_state"])
        return send_way(self.pages, request, way)

    def _farewell(self, request: Request) -> Response:
        say = self.pages.say
        return self.pages.message(
            request, say(request, "logout.title"), link="/login", link_text=say(request, "logout.again")
        )
