"""What instances with the same secret share: how cookies are signed, how values are sealed, and names in the store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import zlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = b"entryway:1:"  # the number changes with the format of what is stored
NONCE_BYTES = 12
COMPRESS_FROM = 128
LARGEST_VALUE = 1024 * 1024
_PLAIN, _COMPRESSED = b"\x00", b"\x01"


class Unreadable(Exception):
    """A stored value was not sealed with our secret for this place."""


@dataclass(frozen=True, slots=True)
class SharedKeys:
    """Keys derived from the session secret, one for each use."""

    cookie: bytes = field(repr=False)
    login: bytes = field(repr=False)
    names: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False)

    def login_secret(self, client_id: str) -> str:
        """Return what stands for the client's own secret in its logins, which may differ from instance to instance."""
        return hmac.digest(self.login, client_id.encode(), hashlib.sha256).hex()

    def backend_cookies(self) -> bytes:
        """Return the secret behind the cookies that calling services keep for us."""
        return hmac.digest(self.login, b"backend cookies", hashlib.sha256)

    def name(self, kind: bytes, text: bytes) -> bytes:
        """Return the name that something has in the store; nobody without the secret can tell what it stands for."""
        digest = hmac.digest(self.names, kind + b"|" + text, hashlib.sha256)[:18]
        return base64.urlsafe_b64encode(digest)

    def seal(self, value: bytes, place: bytes) -> bytes:
        """Return the value compressed and encrypted, good in this place of the store only."""
        packed = _COMPRESSED + zlib.compress(value, 1) if len(value) >= COMPRESS_FROM else _PLAIN + value
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, packed, place)

    def unseal(self, sealed: bytes, place: bytes) -> bytes:
        """Return the value, or raise Unreadable."""
        try:
            packed = self.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise Unreadable("the seal does not hold") from error
        if packed[:1] == _PLAIN:
            return packed[1:]
        unpacking = zlib.decompressobj()
        try:
            value = unpacking.decompress(packed[1:], LARGEST_VALUE)
        except zlib.error as error:
            raise Unreadable("the value is not compressed as ours are") from error
        if not unpacking.eof:
            raise Unreadable("the value is larger than any of ours")
        return value


def derive_shared_keys(secret: str) -> SharedKeys:
    """Derive every key from the session secret."""
    base = secret.encode()

    def key(purpose: str) -> bytes:
        return hmac.digest(base, f"entryway router shared sessions {purpose}".encode(), hashlib.sha256)

    return SharedKeys(key("cookie"), key("login"), key("names"), AESGCM(key("seal")))
