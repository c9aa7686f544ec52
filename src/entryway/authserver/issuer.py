"""The one place that makes tokens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entryway.authserver import claims
from entryway.authserver.claims import Login, Occasion
from entryway.authserver.client_authentication import SECRET
from entryway.authserver.moments import timestamp
from entryway.authserver.revocation_signature import of_client, of_user
from entryway.oauth import scopes, tokens
from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime, timedelta

    from entryway.authserver.authorization import Authorization
    from entryway.authserver.authorizations import Authorizations
    from entryway.authserver.claims import AccessClaims
    from entryway.authserver.client import Client
    from entryway.authserver.digests import Digests
    from entryway.authserver.grants import TokenRequest, UserDecision
    from entryway.authserver.moments import Clock
    from entryway.authserver.roles import Entitlements
    from entryway.authserver.signed_refresh_tokens import SignedRefreshTokens
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.stored_tokens import StoredTokens
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone
    from entryway.oauth.signatures import Signatures
    from entryway.oauth.tokens import Repeated

REFRESH_GRANT = "refresh_token"
LARGEST_SEALED = 4096
ID_TOKEN = "id_token"  # noqa: S105 - the name of a kind of token


@dataclass(frozen=True, slots=True)
class Issuer:
    """Issues tokens for one landscape."""

    keys: SigningKeys
    authorizations: Authorizations
    stored: StoredTokens
    signed: SignedRefreshTokens
    digests: Digests
    clock: Clock
    signatures: Signatures

    async def for_client(self, request: TokenRequest, client: Client, granted: AbstractSet[str]) -> dict[str, Any]:
        """Return the token response for a client's own token."""
        occasion = self._occasion(request, client, request.grant_type, request.additional)
        body = claims.access_of_client(request.zone, client, granted, occasion, of_client(self.digests, client))
        return await self._response(request, client, body, granted)

    async def for_user(
        self,
        request: TokenRequest,
        client: Client,
        decision: UserDecision,
        entitlements: Entitlements,
        granted: AbstractSet[str],
    ) -> dict[str, Any]:
        """Return the token response for a user."""
        zone, user, authorization = request.zone, decision.user, decision.authorization
        signature = decision.signature or of_user(self.digests, client, user)
        login = Login(authorization.id, authorization.authenticated_at, signature, authorization.nonce)
        occasion = self._occasion(request, client, authorization.grant_type, authorization.additional)
        body = claims.access_of_user(
            zone=zone,
            client=client,
            user=user,
            login=login,
            granted=granted,
            entitlements=entitlements,
            occasion=occasion,
        )
        response = await self._response(request, client, body, granted)
        if scopes.OPENID in granted and _wants_id_token(request, decision):
            told = claims.id_token(
                zone=zone,
                client=client,
                user=user,
                login=login,
                granted=granted,
                entitlements=entitlements,
                occasion=occasion,
            )
            told["at_hash"] = tokens.at_hash(response["access_token"])
            response["id_token"] = await self._sign(zone, told)
        refresh_token, until = decision.refresh_token, decision.refresh_until
        if refresh_token is None and REFRESH_GRANT in client.grant_types:
            refresh_token, until = await self._refresh_token(client, authorization, granted, signature)
        if refresh_token is not None and until is not None and client.signs_refresh_tokens:
            refresh_token = await self.signed.sign(
                refresh_token,
                zone=zone,
                client=client,
                user=user,
                login=login,
                granted=granted,
                occasion=occasion,
                until=until,
            )
        if refresh_token is not None:
            response["refresh_token"] = refresh_token
        response.update(decision.told)
        return response

    async def for_receiver(
        self, client: Client, user: User, authorization: Authorization, granted: AbstractSet[str]
    ) -> dict[str, Any]:
        """Return the response that holds nothing but a refresh token for another client than the one that asked."""
        signature = of_user(self.digests, client, user)
        token, _ = await self._refresh_token(client, authorization, granted, signature)
        return {
            "access_token": None,
            "token_type": "bearer",
            "refresh_token": token,
            "expires_in": _seconds(client.refresh_validity) - 1,
            "scope": " ".join(sorted(granted)),
            "jti": authorization.id,
        }

    async def _refresh_token(
        self, client: Client, authorization: Authorization, granted: AbstractSet[str], signature: str
    ) -> tuple[str, datetime | None]:
        """Return a refresh token, and its end where it is a stored one."""
        lifetime = client.refresh_validity
        if not client.rotates_refresh_tokens and not client.signs_refresh_tokens:
            sealed = self.authorizations.seal(authorization, granted, signature, lifetime)
            if len(sealed) <= LARGEST_SEALED:
                return sealed, None
        # Which of several has been used must be stored; and what is larger, applications would have to carry about.
        token = await self.authorizations.keep(authorization, granted, signature, lifetime)
        return token, self.clock() + lifetime

    def _occasion(
        self, request: TokenRequest, client: Client, grant_type: str, additional: Mapping[str, str]
    ) -> Occasion:
        # Rounded down: a token issued in the future is refused by strict libraries.
        now = int(timestamp(self.clock))
        return Occasion(
            jti=os.urandom(16).hex(),
            issued_at=now,
            expires_at=now + _seconds(client.access_validity),
            grant_type=grant_type,
            additional=additional,
            client_auth_method=None if request.method == SECRET else request.method,
            thumbprint=request.thumbprint,
            revocable=request.opaque,
        )

    async def _sign(self, zone: Zone, own: Mapping[str, Any], repeated: Repeated | None = None) -> str:
        ring = await self.keys.ring(zone.id)
        content = tokens.to_sign(own, ring.active, f"{zone.url}/token_keys", repeated)
        token = tokens.signed(content, await self.signatures.of(content, ring.active))
        if len(token) > tokens.LONGEST:
            # No server would accept it in a header, and the application could not tell why.
            raise InvalidRequest("The token would be larger than 16 KB; ask for fewer scopes")
        return token

    async def _response(
        self, request: TokenRequest, client: Client, body: AccessClaims, granted: AbstractSet[str]
    ) -> dict[str, Any]:
        if request.opaque:
            await self.stored.keep(request.zone.id, body.together())
            token = body.own["jti"]
        else:
            token = await self._sign(request.zone, body.own, body.repeated)
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": _seconds(client.access_validity) - 1,
            "scope": " ".join(sorted(granted)),
            "jti": body.own["jti"],
        }


def _seconds(validity: timedelta) -> int:
    return validity.days * 86400 + validity.seconds


def _wants_id_token(request: TokenRequest, decision: UserDecision) -> bool:
    return ID_TOKEN in request.response_types if request.response_types else decision.logon
