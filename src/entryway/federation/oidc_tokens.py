"""Whether an id_token of an OpenID Connect provider holds: decided from keys, expectations and a moment."""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact

from entryway.oauth.client_assertions import ALGORITHMS
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.oauth.client_assertions import Key

LONGEST = 64 * 1024
LEEWAY = timedelta(seconds=60)
_REGISTRY = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_payload_length = LONGEST


class TokenInvalid(SamlInvalid):
    """An id_token that cannot be believed."""

    code = "id_token_invalid"
    title = "The answer of the identity provider could not be accepted"


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """Who must have issued a token, for whom; `nonce` None for a token that a client brings.

    Such a token may have been issued to another client: what counts is that it is for us, or for one of the `audiences`
    that an administrator named.
    """

    issuer: str
    client_id: str
    nonce: str | None
    audiences: frozenset[str] = frozenset()


def key_id(token: str) -> str | None:
    """Return which key a token names, without believing it."""
    if len(token) > LONGEST:
        raise TokenInvalid("the token is too long")
    try:
        kid = extract_compact(token.encode("ascii"), registry=_REGISTRY).headers().get("kid")
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenInvalid("this is no signed token") from error
    return kid if isinstance(kid, str) else None


def verify(
    token: str, keys: Sequence[tuple[str | None, Key]], expected: ExpectedToken, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of an id_token that holds (OpenID Connect Core §3.1.3.7), or raise TokenInvalid."""
    claims = believed(token, keys, expected, now)
    if expected.nonce is not None:
        authorized, audience = claims.get("azp"), claims.get("aud")
        several = isinstance(audience, list) and len(audience) > 1
        if (authorized is not None and authorized != expected.client_id) or (authorized is None and several):
            raise TokenInvalid("the token was issued to another client")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise TokenInvalid("the token names no user")
    if expected.nonce is not None and not _same(claims.get("nonce"), expected.nonce):
        raise TokenInvalid("the token answers another login")
    return claims


def believed(
    token: str, keys: Sequence[tuple[str | None, Key]], expected: ExpectedToken, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a token that the provider has signed for us and that is valid now, whatever it is."""
    kid = key_id(token)
    candidates = [key for name, key in keys if kid is None or name is None or name == kid]
    claims = next((found for key in candidates if (found := _signed(token, key)) is not None), None)
    if claims is None:
        raise TokenInvalid("no key of the provider has signed the token")
    if claims.get("iss") != expected.issuer:
        raise TokenInvalid("the token is of another issuer")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or not any(
        one in {expected.client_id, *expected.audiences} for one in _texts(named)
    ):
        raise TokenInvalid("the token is for another client")
    expires, issued = moment(claims, "exp"), moment(claims, "iat")
    if expires + LEEWAY <= now:
        raise TokenInvalid("the token has expired")
    if issued > now + LEEWAY or ("nbf" in claims and moment(claims, "nbf") > now + LEEWAY):
        raise TokenInvalid("the token is from the future")
    return claims


def authenticated_at(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the user logged in, as far as the provider says; otherwise when the token was issued."""
    return min(moment(claims, "auth_time" if claims.get("auth_time") is not None else "iat"), now)


def _signed(token: str, key: Key) -> Mapping[str, Any] | None:
    try:
        claims = jwt.decode(token, key, algorithms=list(ALGORITHMS), registry=_REGISTRY).claims
    except (JoseError, json.JSONDecodeError, ValueError, TypeError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def moment(claims: Mapping[str, Any], name: str) -> datetime:
    """Return the moment that a claim names, or raise TokenInvalid."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalid(f"the token has no {name}")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise TokenInvalid(f"the token's {name} is no moment") from error


def _texts(values: list[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
