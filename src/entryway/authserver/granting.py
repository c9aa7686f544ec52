"""From a grant's decision to tokens: what all grants share, so that none can forget it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entryway.authserver.clients import OIDC_SCOPES
from entryway.authserver.grants import ClientDecision, TokenRequest, UserDecision
from entryway.oauth import scopes
from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from entryway.authserver.authorizations import Authorization
    from entryway.authserver.clients import Client
    from entryway.authserver.issuer import Issuer
    from entryway.authserver.roles import Roles


@dataclass(frozen=True, slots=True)
class Granting:
    """Limits scopes and has tokens issued."""

    issuer: Issuer
    roles: Roles

    async def issue(
        self, request: TokenRequest, client: Client, decision: ClientDecision | UserDecision
    ) -> dict[str, Any]:
        """Return the token response for what a grant decided."""
        if isinstance(decision, ClientDecision):
            granted = scopes.limit(client.authorities, client.authorities, request.scopes)
            return await self.issuer.for_client(request.zone, client, granted, request.grant_type, request.additional)
        return await self._for_user(request, client, decision)

    async def _for_user(self, request: TokenRequest, client: Client, decision: UserDecision) -> dict[str, Any]:
        user, authorization = decision.user, decision.authorization
        if client.allowed_providers is not None and user.origin not in client.allowed_providers:
            raise BadCredentials("Client is not authorized for specified user's identity provider.")
        entitlements = await self.roles.of_user(request.zone.id, user.id)
        granted = user_scopes(authorization, request.scopes, client.user_scopes, entitlements.scopes)
        return await self.issuer.for_user(
            zone=request.zone,
            client=client,
            user=user,
            entitlements=entitlements,
            authorization=authorization,
            granted=granted,
            refresh_token=decision.refresh_token,
        )


def user_scopes(
    authorization: Authorization,
    requested: AbstractSet[str],
    allowed: AbstractSet[str],
    by_roles: AbstractSet[str],
) -> frozenset[str]:
    """Return what a token for a user allows.

    (roles of the user ∩ what the client may have ∩ what was asked for) and `openid`, which lets in users without any
    role. A refresh is bounded by what was granted at first, whatever roles the user has gained since.
    """
    if authorization.granted_scopes is not None:
        wanted = scopes.narrow(authorization.granted_scopes, requested)
        return wanted & allowed & (by_roles | OIDC_SCOPES | {scopes.OPENID})
    asked = authorization.requested_scopes
    if requested:
        asked = scopes.narrow(asked, requested) if asked else frozenset(requested)
    held = by_roles | (asked & OIDC_SCOPES)
    return scopes.limit(held, allowed, asked) | {scopes.OPENID}
