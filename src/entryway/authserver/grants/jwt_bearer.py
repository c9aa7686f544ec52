"""`jwt-bearer` (RFC 7523): a user's token exchanged for one that belongs to the client that asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import Vouched, authorization_of
from entryway.authserver.grants.grant import UserDecision
from entryway.authserver.stored_tokens import is_opaque
from entryway.oauth import tokens
from entryway.oauth.errors import InvalidGrant, InvalidToken

if TYPE_CHECKING:
    from entryway.authserver.client import Client
    from entryway.authserver.grants.foreign import ForeignAssertions
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.own_tokens import OwnTokens
    from entryway.authserver.zones import Zone


@dataclass(frozen=True, slots=True)
class JwtBearer:
    """The assertion says who; what the new token allows is decided anew for the new client."""

    own_tokens: OwnTokens
    foreign: ForeignAssertions

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether the assertion is a user's token of ours, or of an identity provider that the tenant trusts."""
        return await self.exchange(request, client, request.required("assertion"))

    async def exchange(self, request: TokenRequest, client: Client, assertion: str) -> UserDecision:
        """Decide for an assertion, whichever parameter it came in."""
        claimed = "" if is_opaque(assertion) else tokens.claimed_issuer(assertion)
        if claimed and claimed != request.zone.issuer:
            vouched = await self.foreign.user_of(request.zone, claimed, assertion)
        else:
            vouched = await self._own(request.zone, assertion)
        return UserDecision(vouched.user, authorization_of(request, client, vouched))

    async def _own(self, zone: Zone, assertion: str) -> Vouched:
        try:
            own = await self.own_tokens.read(zone, assertion)
        except InvalidToken as error:
            # RFC 7523 §3.1
            raise InvalidGrant("The assertion is not valid", error.detail) from error
        if own.user is None:
            raise InvalidGrant("The assertion names no user", "the assertion is a client's own token")
        return Vouched(own.user, datetime.fromtimestamp(own.claims["auth_time"], UTC))
