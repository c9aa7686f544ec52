"""The one place that signs tokens and reads our own back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from entryway.authserver import claims
from entryway.authserver.claims import Login, Occasion
from entryway.oauth import scopes, tokens
from entryway.oauth.errors import InvalidRequest, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from entryway.authserver.authorizations import Authorization, Authorizations
    from entryway.authserver.clients import Client, Clients
    from entryway.authserver.digests import Digests
    from entryway.authserver.moments import Clock
    from entryway.authserver.roles import Entitlements
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.users import User, Users
    from entryway.authserver.zones import Zone

REFRESH_GRANT = "refresh_token"
_SIGNATURE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class OwnToken:
    """One of our tokens, verified; `user` is None for a client's own token."""

    claims: Mapping[str, Any]
    user: User | None

    @property
    def scopes(self) -> frozenset[str]:
        """What the token allows."""
        return frozenset(self.claims.get("scope", ()))


@dataclass(frozen=True, slots=True)
class Issuer:
    """Issues tokens for one landscape."""

    keys: SigningKeys
    clients: Clients
    users: Users
    authorizations: Authorizations
    digests: Digests
    clock: Clock

    async def for_client(
        self, zone: Zone, client: Client, granted: AbstractSet[str], grant_type: str, additional: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the token response for a client's own token."""
        occasion = self._occasion(client, grant_type, additional)
        body = claims.access_of_client(zone, client, granted, occasion)
        return await self._response(zone, body, client.access_validity, granted)

    async def for_user(
        self,
        *,
        zone: Zone,
        client: Client,
        user: User,
        entitlements: Entitlements,
        authorization: Authorization,
        granted: AbstractSet[str],
        refresh_token: str | None,
    ) -> dict[str, Any]:
        """Return the token response for a user; `refresh_token` is the one to hand back, None for a new one."""
        signature = self.revocation_signature(client.id, user)
        login = Login(authorization.id, authorization.authenticated_at, signature, authorization.nonce)
        occasion = self._occasion(client, authorization.grant_type, authorization.additional)
        body = claims.access_of_user(
            zone=zone,
            client=client,
            user=user,
            login=login,
            granted=granted,
            entitlements=entitlements,
            occasion=occasion,
        )
        response = await self._response(zone, body, client.access_validity, granted)
        if scopes.OPENID in granted:
            response["id_token"] = await self._sign(zone, claims.id_token(zone, client, user, login, occasion))
        if refresh_token is None and REFRESH_GRANT in client.grant_types:
            refresh_token = await self.authorizations.keep(authorization, granted, signature, client.refresh_validity)
        if refresh_token is not None:
            response["refresh_token"] = refresh_token
        return response

    async def read(self, zone: Zone, token: str) -> OwnToken:
        """Return one of our access tokens if it holds: signature, expiry, tenant, client, user and authorization."""
        ring = await self.keys.ring(zone.id)
        body = tokens.verify(token, ring.verifying, zone.issuer, self.clock())
        if body.get("zid") != zone.id or not isinstance(body.get("cid"), str):
            raise InvalidToken(detail="the token is of another zone, or no token of ours")
        if not isinstance(body.get("scope"), list):
            raise InvalidToken(detail="an id_token is not an access token")
        if await self.clients.find(zone.id, body["cid"]) is None:
            raise InvalidToken(detail="the client is gone")
        if "user_id" not in body:
            return OwnToken(body, None)
        user = await self.users.find_holder(zone.id, str(body["user_id"]), str(body.get("sid")))
        if user is None or body.get("rev_sig") != self.revocation_signature(body["cid"], user):
            raise InvalidToken(detail="the user is gone or has changed since, or the authorization was revoked")
        return OwnToken(body, user)

    def revocation_signature(self, client_id: str, user: User) -> str:
        """Return what changes when tokens of this user must end: with the password, the name or the e-mail address.

        Binding secrets are left out: the end of one binding is not the end of everybody's login.
        """
        parts = (client_id, user.id, user.password_hash, user.email, user.user_name)
        return self.digests.text("revocation-signature", *parts)[:_SIGNATURE_LENGTH]

    def _occasion(self, client: Client, grant_type: str, additional: Mapping[str, str]) -> Occasion:
        now = self.clock()
        return Occasion(secrets.token_hex(16), now, now + client.access_validity, grant_type, additional)

    async def _sign(self, zone: Zone, body: Mapping[str, Any]) -> str:
        ring = await self.keys.ring(zone.id)
        token = tokens.sign(body, ring.active, f"{zone.url}/token_keys")
        if len(token) > tokens.LONGEST:
            # No server would accept it in a header, and the application could not tell why.
            raise InvalidRequest("The token would be larger than 16 KB; ask for fewer scopes")
        return token

    async def _response(
        self, zone: Zone, body: Mapping[str, Any], validity: timedelta, granted: AbstractSet[str]
    ) -> dict[str, Any]:
        return {
            "access_token": await self._sign(zone, body),
            "token_type": "bearer",
            "expires_in": int(validity.total_seconds()) - 1,
            "scope": " ".join(sorted(granted)),
            "jti": body["jti"],
        }
