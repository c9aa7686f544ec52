"""`saml2-bearer` (RFC 7522): an assertion of an identity provider that the tenant trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.authorizations import new_authorization
from entryway.authserver.grants.grant import UserDecision

if TYPE_CHECKING:
    from entryway.authserver.clients import Client
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
        authorization = new_authorization(
            zid=request.zone.id,
            client_id=client.id,
            user_id=vouched.user.id,
            grant_type=request.grant_type,
            authenticated_at=vouched.authenticated_at,
            requested_scopes=request.scopes,
            additional=request.additional,
        )
        return UserDecision(vouched.user, authorization, logon=True)
