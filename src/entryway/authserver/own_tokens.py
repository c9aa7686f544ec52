"""Reads our own access tokens back: signed ones and opaque ones, as long as nothing has ended them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from entryway.authserver import stored_tokens
from entryway.authserver.ended import pair_of
from entryway.authserver.revocation_signature import of_client, of_user
from entryway.oauth import tokens
from entryway.oauth.errors import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entryway.authserver.client import Client
    from entryway.authserver.clients import Clients
    from entryway.authserver.digests import Digests
    from entryway.authserver.ended import Ended
    from entryway.authserver.moments import Clock
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.stored_tokens import StoredTokens
    from entryway.authserver.users import User, Users
    from entryway.authserver.zones import Zone

# How far the clocks of processes that issue tokens may be apart.
LEEWAY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class OwnToken:
    """One of our tokens, verified; `user` is None for a client's own token."""

    claims: Mapping[str, Any]
    client: Client
    user: User | None

    @property
    def scopes(self) -> frozenset[str]:
        """What the token allows."""
        return frozenset(self.claims.get("scope", ()))


@dataclass(frozen=True, slots=True)
class OwnTokens:
    """The access tokens of all tenants."""

    keys: SigningKeys
    clients: Clients
    users: Users
    stored: StoredTokens
    ended: Ended
    digests: Digests
    clock: Clock

    async def read(self, zone: Zone, token: str) -> OwnToken:
        """Return one of our access tokens if it holds: signature, expiry, tenant, client, user and authorization."""
        if stored_tokens.is_opaque(token):
            body = await self.stored.find(zone.id, token)
            if body is None:
                raise InvalidToken(detail="no such opaque token")
        else:
            ring = await self.keys.ring(zone.id)
            body = tokens.verify(token, ring.verifying, zone.issuer, self.clock())
        issued = body.get("iat")
        if not isinstance(issued, int | float) or issued > (self.clock() + LEEWAY).timestamp():
            # A key that signed with a clock that is wrong, or in other hands: what it says of time is worth nothing.
            raise InvalidToken(detail="the token is from the future")
        if body.get("zid") != zone.id or not isinstance(body.get("cid"), str):
            raise InvalidToken(detail="the token is of another zone, or no token of ours")
        if not isinstance(body.get("scope"), list):
            raise InvalidToken(detail="an id_token is not an access token")
        client = await self.clients.find(zone.id, body["cid"])
        if client is None:
            raise InvalidToken(detail="the client is gone")
        if "user_id" in body:
            return OwnToken(body, client, await self._user(zone, client, body))
        if body.get("rev_sig", "") != of_client(self.digests, client) or await self.ended.any_of(
            zone.id, body["iat"], str(body.get("jti"))
        ):
            raise InvalidToken(detail="the token was revoked")
        return OwnToken(body, client, None)

    async def _user(self, zone: Zone, client: Client, body: Mapping[str, Any]) -> User:
        user_id = str(body["user_id"])
        # The token itself, the login that it came of, or everything of the user at this client.
        names = (str(body.get("jti")), str(body.get("sid")), pair_of(user_id, client.id))
        ended = await self.ended.any_of(zone.id, body["iat"], *names)
        user = None if ended else await self.users.known(zone.id, user_id)
        if user is None or body.get("rev_sig") != of_user(self.digests, client, user):
            raise InvalidToken(detail="the user is gone or has changed since, or the authorization was revoked")
        return user
