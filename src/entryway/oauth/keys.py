"""RSA keys that sign tokens, and how their public halves are published."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc.jwk import RSAKey

ALGORITHM = "RS256"
KEY_BITS = 2048
_PADDING, _HASH = padding.PKCS1v15(), hashes.SHA256()


@dataclass(frozen=True)
class SigningKey:
    """A key pair with its published name."""

    kid: str
    private_pem: bytes = field(repr=False)

    @cached_property
    def key(self) -> RSAKey:
        """The pair in the form that signing wants."""
        return RSAKey.import_key(self.private_pem)

    @cached_property
    def _private(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self.private_pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("a signing key is an RSA key")
        return key

    @cached_property
    def public(self) -> rsa.RSAPublicKey:
        """The public half, to verify with."""
        return self._private.public_key()

    def sign(self, content: bytes) -> bytes:
        """Return the RS256 signature (RFC 7518 §3.3)."""
        return self._private.sign(content, _PADDING, _HASH)

    @cached_property
    def public_pem(self) -> str:
        """The public half as PEM (SubjectPublicKeyInfo)."""
        return self.key.as_pem(private=False).decode().strip()

    @cached_property
    def public_jwk(self) -> dict[str, Any]:
        """The public half as published; some clients read only `value`, others only `n` and `e`."""
        public = self.key.as_dict(private=False)
        return {
            "kty": "RSA",
            "e": public["e"],
            "use": "sig",
            "kid": self.kid,
            "alg": ALGORITHM,
            "value": self.public_pem,
            "n": public["n"],
        }


def generate(kid_suffix: str) -> SigningKey:
    """Return a new key pair named `default-jwt-key-<suffix>`."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey(f"default-jwt-key-{kid_suffix}", pem)
