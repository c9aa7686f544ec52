"""`jwt-bearer` (RFC 7523): a user's token exchanged for one that belongs to the client that asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.authserver.authorizations import new_authorization
from entryway.authserver.grants.grant import UserDecision
from entryway.oauth import tokens
from entryway.oauth.errors import BadCredentials, InvalidGrant, InvalidToken, echo

if TYPE_CHECKING:
    from entryway.authserver.clients import Client
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.issuer import Issuer


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """The assertion says who; what the new token allows is decided anew for the new client."""

    issuer: Issuer

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether the assertion is one of our own user tokens."""
        assertion = request.required("assertion")
        claimed = tokens.claimed_issuer(assertion)
        if claimed and claimed != request.zone.issuer:
            raise BadCredentials(f"Unable to map issuer, {echo(claimed)} , to a single registered provider")
        try:
            own = await self.issuer.read(request.zone, assertion)
        except InvalidToken as error:
            # RFC 7523 §3.1
            raise InvalidGrant("The assertion is not valid", error.detail) from error
        if own.user is None:
            raise InvalidGrant("The assertion names no user", "the assertion is a client's own token")
        authorization = new_authorization(
            zid=request.zone.id,
            client_id=client.id,
            user_id=own.user.id,
            grant_type=request.grant_type,
            authenticated_at=datetime.fromtimestamp(own.claims["auth_time"], UTC),
            requested_scopes=request.scopes,
            additional=request.additional,
        )
        return UserDecision(own.user, authorization)
