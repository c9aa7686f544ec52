"""Refresh tokens as JWTs, for tenants that want them so: an envelope that says whose it is, around the stored token.

What counts stays in the database, as for opaque ones; the envelope must be ours, unchanged and in time besides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from entryway.authserver import claims
from entryway.oauth import tokens
from entryway.oauth.errors import InvalidToken

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from entryway.authserver.claims import Login, Occasion
    from entryway.authserver.client import Client
    from entryway.authserver.moments import Clock
    from entryway.authserver.signing_keys import SigningKeys
    from entryway.authserver.users import User
    from entryway.authserver.zones import Zone

# How UAA tells them from access tokens.
SUFFIX = "-r"


@dataclass(frozen=True, slots=True)
class SignedRefreshTokens:
    """Puts stored refresh tokens into envelopes and takes them out."""

    keys: SigningKeys
    clock: Clock

    async def sign(
        self,
        token: str,
        *,
        zone: Zone,
        client: Client,
        user: User,
        login: Login,
        granted: AbstractSet[str],
        occasion: Occasion,
        until: datetime,
    ) -> str:
        """Return the envelope of a stored token, which lasts longer than the rest of the occasion."""
        ends = int(until.timestamp())
        of_envelope = replace(occasion, jti=f"{token}{SUFFIX}", expires_at=ends, revocable=True, thumbprint=None)
        body = claims.refresh_of_user(
            zone=zone, client=client, user=user, login=login, granted=granted, occasion=of_envelope
        )
        ring = await self.keys.ring(zone.id)
        return tokens.sign(body, ring.active, f"{zone.url}/token_keys")

    async def stored(self, zone: Zone, token: str) -> str:
        """Return the stored token of an envelope, and what is no envelope as it is."""
        if token.count(".") != 2:
            return token
        ring = await self.keys.ring(zone.id)
        try:
            body: dict[str, Any] = dict(tokens.verify(token, ring.verifying, zone.issuer, self.clock()))
        except InvalidToken as error:
            expired = " (expired)" if error.description == "Token has expired" else ""
            raise InvalidToken(f"Invalid refresh token{expired}", error.detail) from error
        jti = body.get("jti")
        if not isinstance(jti, str) or not jti.endswith(SUFFIX) or "granted_scopes" not in body:
            raise InvalidToken("Invalid refresh token", "a token of ours, but no refresh token")
        return jti.removesuffix(SUFFIX)
