"""From the token endpoint's answer to what every request needs to know of a user, without parsing again."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from entryway.clients.tokens import TokenSet
from entryway.router.errors import TokenInvalid
from entryway.router.sessions import Login
from entryway.router.tenants import CLAIM

# What the user API answers; the rest of the claims is in the token, where it need not be kept twice.
KEPT_CLAIMS = ("given_name", "family_name", "email", "user_name", "sub", "zid", "xs.user.attributes", "scope")


def read_login(tokens: TokenSet, now: float, *, client_id: str, zone_id: str, refresh_ahead: float | None) -> Login:
    """Return the user that the tokens are for; a token for another client or tenant is refused.

    The token came straight from the token endpoint over our own connection (OpenID Connect Core §3.1.3.7 point 6), so
    what is checked here is that it is for us.
    """
    claims = parse_claims(tokens.access_token)
    if claims.get("cid") not in (None, client_id) and client_id not in read_audience(claims):
        raise TokenInvalid(f"the token is for the client {claims.get('cid')!r}")
    if zone_id and claims.get("zid") not in (None, zone_id):
        raise TokenInvalid(f"the token is of the tenant {claims.get('zid')!r}")
    expires_at = read_expiry(claims, tokens, now)
    return Login(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=expires_at,
        refresh_at=refresh_moment(tokens, expires_at, refresh_ahead, now),
        authorization=f"Bearer {tokens.access_token}".encode("latin-1"),
        scopes=_one_of_equals(frozenset(_scopes(claims))),
        claims={name: claims[name] for name in KEPT_CLAIMS if name in claims}
        | {"scope": _scopes(claims)}
        | _subdomain(claims),
        user=str(claims.get("user_name") or claims.get("sub") or ""),
    )


@lru_cache(1024)
def _one_of_equals(scopes: frozenset[str]) -> frozenset[str]:
    """Return the same set for all who have the same scopes: thousands of sessions, looked at with every request."""
    return scopes


def _subdomain(claims: Mapping[str, Any]) -> dict[str, str]:
    attributes = claims.get("ext_attr")
    found = attributes.get(CLAIM) if isinstance(attributes, dict) else None
    return {CLAIM: found} if isinstance(found, str) else {}


def parse_claims(token: str) -> Mapping[str, Any]:
    """Return the claims of a JWT, without looking at its signature."""
    parts = token.split(".")
    try:
        if len(parts) != 3 or not token.isascii():
            raise ValueError("not three parts")  # noqa: TRY301 - one reason for everything that is no token
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise TokenInvalid("the access token is not a JWT") from None
    if not isinstance(claims, dict):
        raise TokenInvalid("the access token is not a JWT")
    return claims


def read_scopes(token: str) -> list[str]:
    """Return the scopes of a token."""
    return _scopes(parse_claims(token))


def read_expiry(claims: Mapping[str, Any], tokens: TokenSet, now: float) -> float:
    """Return when the token expires, which must lie ahead."""
    exp = claims.get("exp")
    if isinstance(exp, int | float) and not isinstance(exp, bool):
        expires_at = float(exp)
    elif tokens.expires_in > 0:
        expires_at = now + tokens.expires_in
    else:
        raise TokenInvalid("the token does not say when it expires")
    if expires_at <= now:
        raise TokenInvalid("the token has expired already")
    return expires_at


def refresh_moment(tokens: TokenSet, expires_at: float, refresh_ahead: float | None, now: float) -> float | None:
    """Return when to renew the token; one that lives shorter than the lead time is not renewed before its end."""
    if refresh_ahead is None or tokens.refresh_token is None or expires_at - refresh_ahead <= now:
        return None
    return expires_at - refresh_ahead


def read_audience(claims: Mapping[str, Any]) -> list[str]:
    """Return everybody whom the token is for."""
    audience = claims.get("aud")
    return [audience] if isinstance(audience, str) else _texts(audience)


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    scope = claims.get("scope")
    # Interned, because the sessions of all users hold the same few.
    return [sys.intern(name) for name in (scope.split() if isinstance(scope, str) else _texts(scope))]


def _texts(value: Any) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []
