"""Signed JWTs: making ours, and reading back only what is ours."""

from __future__ import annotations

import binascii
import hashlib
import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry, extract_compact
from pydantic_core import to_json

from entryway.oauth.errors import InvalidToken
from entryway.oauth.keys import ALGORITHM
from entryway.security import jws
from entryway.security.errors import TokenInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from joserfc.jws import CompactSignature

    from entryway.oauth.keys import SigningKey

# Clients refuse larger ones, and no token of ours comes near.
LONGEST = 16 * 1024
_REGISTRY = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
_REGISTRY.max_payload_length = LONGEST


def at_hash(access_token: str) -> str:
    """Return the claim by which an id_token names the access token beside it (OpenID Connect Core §3.1.3.6)."""
    return _encoded(hashlib.sha256(access_token.encode("ascii")).digest()[:16])


class Repeated:
    """Claims that many tokens have: the beginning of the tokens' document, put into JSON and Base64 once."""

    __slots__ = ("claims", "encoded")

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self.claims = claims
        begun = to_json(claims).removesuffix(b"}") + b","
        # Base64 takes three bytes at a time, and JSON does not mind blanks.
        self.encoded = _encoded(begun + b" " * (-len(begun) % 3))


def sign(claims: Mapping[str, Any], key: SigningKey, jku: str, repeated: Repeated | None = None) -> str:
    """Return a signed token; `repeated` are claims that it has besides, none of them among `claims`."""
    content = to_sign(claims, key, jku, repeated)
    return signed(content, key.sign(content))


def to_sign(claims: Mapping[str, Any], key: SigningKey, jku: str, repeated: Repeated | None = None) -> bytes:
    """Return what of a token is signed: its header and its claims (RFC 7515 §5.1)."""
    own = to_json(claims)
    document = _encoded(own) if repeated is None else repeated.encoded + _encoded(own.removeprefix(b"{"))
    return f"{_header(key.kid, jku)}.{document}".encode("ascii")


def signed(content: bytes, signature: bytes) -> str:
    """Return a token: what is signed, and its signature."""
    return f"{content.decode('ascii')}.{_encoded(signature)}"


def verify(token: str, keys: Mapping[str, RSAPublicKey], issuer: str, now: datetime) -> Mapping[str, Any]:
    """Return the claims of a token that one of `keys` signed, that `issuer` issued and that has not expired."""
    try:
        # As applications read it. The algorithm is ours, never the token's: `none` and HMAC with a public key end here.
        parts = jws.take_apart(token)
        key = keys.get(parts.kid)
        if key is None:
            raise InvalidToken(detail="the token names no key of this tenant")
        jws.verify(parts, key)
    except TokenInvalid as error:
        raise InvalidToken(detail=f"the token does not hold: {error.reason}") from error
    claims = parts.claims
    if claims.get("iss") != issuer:
        raise InvalidToken(detail="the token is of another issuer")
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or not math.isfinite(expires) or expires <= now.timestamp():
        raise InvalidToken("Token has expired")
    return claims


@lru_cache(maxsize=1024)
def _header(kid: str, jku: str) -> str:
    return _encoded(json.dumps({"alg": ALGORITHM, "jku": jku, "kid": kid, "typ": "JWT"}).encode())


def _encoded(content: bytes) -> str:
    # As `base64.urlsafe_b64encode` does, without the padding. To look for two letters is cheaper than to translate all.
    padded = binascii.b2a_base64(content, newline=False)
    return padded.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_").decode("ascii")


def claimed_issuer(token: str) -> str:
    """Return who a token says that it is from, without believing it."""
    return _claimed(token, "iss")


def claimed_zone(token: str) -> str:
    """Return which tenant a token says that it is of, without believing it."""
    return _claimed(token, "zid")


def _claimed(token: str, name: str) -> str:
    try:
        claims = json.loads(_parts(token).payload or b"{}")
    except (InvalidToken, ValueError, RecursionError):
        return ""
    value = claims.get(name) if isinstance(claims, dict) else None
    return value if isinstance(value, str) else ""


def _parts(token: str) -> CompactSignature:
    try:
        return extract_compact(token.encode("ascii"), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise InvalidToken(detail="not a signed token") from error
