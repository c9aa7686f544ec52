"""`saml2-bearer` (RFC 7522): an assertion of an identity provider that the tenant trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import authorization_of
from entryway.authserver.grants.grant import UserDecision

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.grants.foreign import ForeignAssertions
    from entryway.authserver.grants.grant import TokenRequest

SAML2_BEARER = "urn:ietf:params:oauth:grant-type:saml2-bearer"


@dataclass(frozen=True, slots=True)
class SamlBearer:
    """Who the user is, is for the assertion to say; whether it holds, for those who know the identity providers."""

    foreign: ForeignAssertions

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether the assertion names a user."""
        vouched = await self.foreign.user_of(request.zone, "", request.required("assertion"))
        return UserDecision(vouched.user, authorization_of(request, client, vouched), logon=True)
