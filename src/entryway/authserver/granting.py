"""From a grant's decision to tokens: what all grants share, so that none can forget it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entryway.authserver.client import OIDC_SCOPES
from entryway.authserver.grants import ClientDecision, Decision, HandOver, TokenRequest, UserDecision
from entryway.oauth import scopes
from entryway.oauth.errors import BadCredentials, InvalidScope, echo

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from entryway.authserver.authorization import Authorization
    from entryway.authserver.client import Client
    from entryway.authserver.issuer import Issuer
    from entryway.authserver.roles import Entitlements, Roles
    from entryway.authserver.users import User

# What a user needs no role for.
_WITHOUT_ROLES = OIDC_SCOPES | {scopes.OPENID}


@dataclass(frozen=True, slots=True)
class Granting:
    """Limits scopes and has tokens issued."""

    issuer: Issuer
    roles: Roles

    async def issue(self, request: TokenRequest, client: Client, decision: Decision) -> dict[str, Any]:
        """Return the token response for what a grant decided."""
        if isinstance(decision, ClientDecision):
            granted = scopes.limit(client.authorities, client.authorities, request.scopes)
            return await self.issuer.for_client(request, client, granted)
        if isinstance(decision, HandOver):
            return await self._hand_over(request, decision)
        return await self._for_user(request, client, decision)

    async def _for_user(self, request: TokenRequest, client: Client, decision: UserDecision) -> dict[str, Any]:
        user, authorization = decision.user, decision.authorization
        _check_origin(client, user)
        entitlements = await self.roles.of_user(user)
        granted = user_scopes(authorization, request.scopes, client.user_scopes, held_scopes(client, entitlements))
        return await self.issuer.for_user(request, client, decision, entitlements, granted)

    async def _hand_over(self, request: TokenRequest, decision: HandOver) -> dict[str, Any]:
        user, receiver = decision.user, decision.receiver
        _check_origin(receiver, user)
        entitlements = await self.roles.of_user(user)
        held = held_scopes(receiver, entitlements)
        granted = user_scopes(decision.authorization, request.scopes, receiver.user_scopes, held)
        return await self.issuer.for_receiver(receiver, user, decision.authorization, granted)


def held_scopes(client: Client, entitlements: Entitlements) -> frozenset[str]:
    """Return the scopes of the user's roles, those of other applications under the names that these have now."""
    aliases, held = client.aliases, entitlements.scopes
    return frozenset([aliases.get(scope, scope) for scope in held]) if aliases else held


def _check_origin(client: Client, user: User) -> None:
    if client.allowed_providers is not None and user.origin not in client.allowed_providers:
        raise BadCredentials("Client is not authorized for specified user's identity provider.")


def user_scopes(
    authorization: Authorization,
    requested: AbstractSet[str],
    allowed: AbstractSet[str],
    by_roles: AbstractSet[str],
) -> frozenset[str]:
    """Return what a token for a user allows.

    (roles of the user ∩ what the client may have ∩ what was asked for) and `openid`, which lets in users without any
    role. A refresh is bounded by what was granted at first, whatever roles the user has gained since. Whoever names
    scopes and may have none of them is told so.
    """
    if authorization.granted_scopes is not None:
        wanted = scopes.narrow(authorization.granted_scopes, requested)
        granted = frozenset([scope for scope in wanted & allowed if scope in by_roles or scope in _WITHOUT_ROLES])
        return _any_of(granted, wanted, by_roles, allowed)
    asked = authorization.requested_scopes
    if requested:
        asked = scopes.narrow(asked, requested) if asked else frozenset(requested)
    held = by_roles | (asked & OIDC_SCOPES) | {scopes.OPENID}
    return _any_of(scopes.limit(held, allowed, asked), asked, by_roles, allowed) | {scopes.OPENID}


def _any_of(
    granted: frozenset[str], asked: AbstractSet[str], by_roles: AbstractSet[str], allowed: AbstractSet[str]
) -> frozenset[str]:
    if asked and not granted:
        named = echo(" ".join(sorted(asked)))
        raise InvalidScope(
            f"{named} is invalid. This user is not allowed any of the requested scopes",
            allowed=(by_roles & allowed) | {scopes.OPENID},
        )
    return granted
