"""`private_key_jwt` (RFC 7523 §2.2, OpenID Connect Core §9): a client signs who it is with a key of its own."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry, extract_compact

from entryway.oauth.errors import BadCredentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Asymmetric ones only: a secret is not what this method is about, and `none` proves nothing.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LONGEST = 16 * 1024
# An assertion works once and is remembered until it ends, so it must not last long.
LONGEST_LIFETIME = 3600
LEEWAY = 60
LONGEST_ID = 200
SMALLEST_RSA_BITS = 2048
_REGISTRY = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_payload_length = LONGEST

Key = RSAKey | ECKey


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that holds; its `id` must not have been seen before."""

    client_id: str
    id: str
    expires_at: float


def claimed_client(assertion: str) -> tuple[str, str | None]:
    """Return which client an assertion claims to be and the key it names, without believing either."""
    header, claims = _parts(assertion)
    issuer, kid = claims.get("iss"), header.get("kid")
    if not isinstance(issuer, str) or issuer != claims.get("sub"):
        raise BadCredentials(detail="the assertion's iss and sub do not both name the client")
    return issuer, kid if isinstance(kid, str) else None


def keys_of(jwks: Iterable[Mapping[str, Any]]) -> Sequence[tuple[str | None, Key]]:
    """Return the public keys of a key set that may sign assertions; what is none of these is passed over."""
    keys: list[tuple[str | None, Key]] = []
    for jwk in jwks:
        if "d" in jwk or jwk.get("use", "sig") != "sig":
            continue
        members: dict[str, str | list[str]] = {name: value for name, value in jwk.items() if isinstance(value, str)}
        try:
            key = _key(members)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey) and key.raw_value.key_size < SMALLEST_RSA_BITS:
            continue
        keys.append((jwk.get("kid"), key))
    return keys


def verify(
    assertion: str, keys: Sequence[tuple[str | None, Key]], audiences: Iterable[str], now: datetime
) -> Assertion:
    """Return the assertion if one of the client's keys has signed it, for us, for now."""
    client_id, kid = claimed_client(assertion)
    candidates = [key for name, key in keys if kid is None or name is None or name == kid]
    claims = next(filter(None, (_signed(assertion, key) for key in candidates)), None)
    if claims is None:
        raise BadCredentials(detail=f"no key of {client_id!r} has signed the assertion")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if (
        not isinstance(named, list)
        or not all(isinstance(one, str) for one in named)
        or set(named).isdisjoint(audiences)
    ):
        raise BadCredentials(detail="the assertion is for another server")
    expires, jti = claims.get("exp"), claims.get("jti")
    if not _is_moment(expires) or not now.timestamp() - LEEWAY < expires <= now.timestamp() + LONGEST_LIFETIME + LEEWAY:
        raise BadCredentials(detail="the assertion has expired, or lasts too long")
    if not all(claims.get(name) is None or _has_begun(claims[name], now) for name in ("nbf", "iat")):
        raise BadCredentials(detail="the assertion is not valid yet")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_ID:
        raise BadCredentials(detail="the assertion has no jti")
    return Assertion(client_id, jti, float(expires))


def _key(members: dict[str, str | list[str]]) -> Key:
    if members["kty"] == "RSA":
        return RSAKey.import_key(members)
    return ECKey.import_key(members)


def _signed(assertion: str, key: Key) -> Mapping[str, Any] | None:
    try:
        return jwt.decode(assertion, key, algorithms=list(ALGORITHMS), registry=_REGISTRY).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        return None


def _parts(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if len(assertion) > LONGEST:
        raise BadCredentials(detail="the assertion is too long")
    try:
        parts = extract_compact(assertion.encode("ascii"), registry=_REGISTRY)
        header, claims = parts.headers(), json.loads(parts.payload or b"")
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise BadCredentials(detail="the assertion is no signed token") from error
    if not isinstance(claims, dict):
        raise BadCredentials(detail="the assertion is no signed token")
    return header, claims


def _is_moment(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _has_begun(value: object, now: datetime) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value <= now.timestamp() + LEEWAY
