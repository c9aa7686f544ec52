"""A token taken apart, before anything in it is believed, and its signature."""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from entryway.security.errors import TokenInvalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# The authorization server refuses to use larger ones, too.
TOKEN_LIMIT = 16 * 1024
# An allow-list of one: "none", or HS256 under the public key's text, never come to a signature check.
ALGORITHM = "RS256"
KEY_BITS = 2048

# From the alphabet of tokens to the one that binascii reads; what only the latter has becomes what neither has.
_ALPHABET = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"!", b"==", b"=")
_ZID = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)


class UnverifiedToken(NamedTuple):
    """What a token says; only `kid` and `zid` may be used before `verify`, to choose the key."""

    text: str
    kid: str
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def zid(self) -> str:
        """The tenant that the token claims, or raise: without it no key can be chosen."""
        zid = self.claims.get("zid")
        if not isinstance(zid, str) or not _ZID.fullmatch(zid):
            raise TokenInvalid("zid_missing")
        return zid


def take_apart(text: str) -> UnverifiedToken:
    """Return the parts of a token whose form and header are acceptable."""
    if not isinstance(text, str):  # `headers.get(…)` of an application that does not look
        raise TokenInvalid("malformed")
    if len(text) > TOKEN_LIMIT:
        raise TokenInvalid("too_large", f"{len(text)} characters")
    signed, _, signature = text.encode(errors="replace").rpartition(b".")
    header, _, claims = signed.partition(b".")
    if not (header and claims and signature):
        raise TokenInvalid("malformed")
    return UnverifiedToken(text, _kid(header), _json_object(claims), signed, _bytes(signature))


def header_of(text: str) -> dict[str, Any]:
    """Return the header of a token that was verified."""
    return _json_object(text.encode().partition(b".")[0])


def claims_of(text: str) -> dict[str, Any]:
    """Return the claims of a token that was verified."""
    return _json_object(text.encode().split(b".")[1])


def verify(token: UnverifiedToken, key: Any) -> None:
    """Return if the token was signed with `key`, else raise."""
    invalid, padding, digest = _rs256()
    try:
        key.verify(token.signature, token.signed, padding, digest)
    except (invalid, ValueError) as error:
        raise TokenInvalid("signature") from error


@lru_cache(maxsize=1)
def _rs256() -> tuple[type[Exception], Any, Any]:
    # Imported with the first token, so that a process starts fast.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    return InvalidSignature, PKCS1v15(), SHA256()


# All tokens that one key signs have the same header; what is refused raises, and is not remembered.
@lru_cache(maxsize=64)
def _kid(part: bytes) -> str:
    header = _json_object(part)
    if header.get("alg") != ALGORITHM:
        raise TokenInvalid("algorithm", repr(header.get("alg"))[:40])
    if "crit" in header:
        # RFC 7515 §4.1.11: what is critical and not understood must be refused; we understand none.
        raise TokenInvalid("critical_header")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 256:
        raise TokenInvalid("kid_missing")
    return kid


def import_key(entry: object) -> tuple[str, Any] | None:
    """Return id and key of one entry of a key set, or None if it is not one that signs our tokens."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA":
        return None
    kid = entry.get("kid")
    if not isinstance(kid, str) or entry.get("use", "sig") != "sig" or entry.get("alg", ALGORITHM) != ALGORITHM:
        return None
    public = _public_key(entry)
    return None if public is None or public.key_size < KEY_BITS else (kid, public)


def _public_key(entry: dict[str, Any]) -> RSAPublicKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        # Nothing but the public numbers: a private part would be a mistake, and is not ours to keep.
        if isinstance(entry.get("n"), str) and isinstance(entry.get("e"), str):
            return RSAPublicNumbers(_number(entry["e"]), _number(entry["n"])).public_key()
        if isinstance(entry.get("value"), str):
            key = load_pem_public_key(with_line_breaks(entry["value"]).encode())
            return key if isinstance(key, RSAPublicKey) else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return None


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def with_line_breaks(pem: str) -> str:
    """Return the PEM text with the line breaks around its body that bindings like to lose."""
    return re.sub(r"\s*(-----(?:BEGIN|END) [A-Z ]+-----)\s*", r"\n\1\n", pem).strip() + "\n"


def _json_object(part: bytes) -> dict[str, Any]:
    try:
        text = _bytes(part).decode()
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            value = _DECODER.decode(text)  # white space may follow, and nothing else
    except (ValueError, RecursionError) as error:
        raise TokenInvalid("malformed") from error
    if not isinstance(value, dict):
        raise TokenInvalid("malformed")
    return value


def _bytes(part: bytes) -> bytes:
    try:
        return binascii.a2b_base64(part.translate(_ALPHABET) + _PADDING[len(part) % 4], strict_mode=True)
    except ValueError as error:
        raise TokenInvalid("malformed") from error


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
