"""Whether the user's token that a find request carries may be believed."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from entryway.clients.http import HttpClient, call
from entryway.destinations.documents import Destination
from entryway.destinations.errors import TokenFailure
from entryway.destinations.token_service import usable_url
from entryway.errors import UpstreamError
from entryway.security import KeysUnavailable, TokenInvalid, TokenValidator
from entryway.security.claims import check_times
from entryway.security.fetch import parse_keys
from entryway.security.jws import take_apart, verify

JWKS = "x_user_token.jwks"
JWKS_URI = "x_user_token.jwks_uri"
JWKS_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class UserToken:
    """A user's token that was verified, and the subdomain of its tenant."""

    text: str = field(repr=False)
    subdomain: str | None


@dataclass(frozen=True, slots=True)
class UserTokens:
    """Verifies users' tokens: our own server's, or another's whose keys the destination names."""

    validator: TokenValidator
    http: HttpClient

    async def verify(self, destination: Destination, text: str) -> UserToken:
        """Return the token if it is signed by whom the destination trusts, and valid now."""
        try:
            if destination.properties.get(JWKS) or destination.properties.get(JWKS_URI):
                claims = await self._verify_with(await self._keys(destination), text)
            else:
                claims = dict(await self.validator.verified_claims_async(text))
        except TokenInvalid as error:
            raise TokenFailure(f"the user's token is not valid: {error.reason}") from error
        except KeysUnavailable as error:
            raise TokenFailure("the user's token cannot be checked right now") from error
        ext_attr = claims.get("ext_attr")
        zdn = ext_attr.get("zdn") if isinstance(ext_attr, dict) else None
        return UserToken(text, zdn if isinstance(zdn, str) and zdn else None)

    async def _verify_with(self, keys: Mapping[str, Any], text: str) -> dict[str, Any]:
        token = take_apart(text)
        if token.kid not in keys:
            raise TokenInvalid("unknown_key")
        verify(token, keys[token.kid])
        check_times(token.claims, time.time(), 0.0)
        return token.claims

    async def _keys(self, destination: Destination) -> Mapping[str, Any]:
        if encoded := destination.properties.get(JWKS):
            try:
                return parse_keys(200, base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError, KeysUnavailable) as error:
                raise TokenFailure(f"the property {JWKS} is no base64 text of a key set") from error
        url = usable_url(destination.properties[JWKS_URI])
        try:
            answer = await call(self.http, "GET", url, limit=JWKS_LIMIT)
        except UpstreamError as error:
            raise TokenFailure(f"the keys for the user's token cannot be fetched: {error}") from error
        return parse_keys(answer.status, answer.content)
