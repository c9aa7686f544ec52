"""`refresh_token` (RFC 6749 §6): the same user once more, never with more than before."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.grant import UserDecision
from entryway.authserver.revocation_signature import of_user
from entryway.oauth.errors import InvalidGrant, InvalidToken, echo

if TYPE_CHECKING:
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.client import Client
    from entryway.authserver.digests import Digests
    from entryway.authserver.grants.grant import TokenRequest
    from entryway.authserver.signed_refresh_tokens import SignedRefreshTokens
    from entryway.authserver.users import Users


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token belongs to one client and one user as they were at login."""

    authorizations: Authorizations
    signed: SignedRefreshTokens
    users: Users
    digests: Digests

    async def authorize(self, request: TokenRequest, client: Client) -> UserDecision:
        """Decide whether the token may be used again."""
        presented = request.required("refresh_token")
        token = await self.signed.stored(request.zone, presented)
        authorization = await self.authorizations.find_refreshable(request.zone.id, token)
        if authorization.client_id != client.id:
            raise InvalidGrant(f"Wrong client for this refresh token: {echo(client.id)}")
        user = await self.users.known(request.zone.id, authorization.user_id)
        if user is None:
            raise InvalidToken("Invalid refresh token", "the user is gone")
        signature = of_user(self.digests, client, user)
        if not hmac.compare_digest(authorization.revocation_signature or "", signature):
            raise InvalidToken("Invalid refresh token (revocable signature mismatch)", "the user has changed since")
        if client.rotates_refresh_tokens and authorization.stored:
            # RFC 9700 §2.2.2: nothing but use once shows that a public client's refresh token was stolen.
            token, until = await self.authorizations.rotate(authorization, token)
            return UserDecision(user, authorization, token, until, signature=signature)
        return UserDecision(user, authorization, presented, signature=signature)
