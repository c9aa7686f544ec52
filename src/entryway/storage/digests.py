"""Keyed digests of random secrets (client secrets, codes, refresh tokens, cookies): a stolen table opens nothing.

The secrets are random, at least 256 bits long, so that a fast keyed digest is enough; passwords go to Argon2id.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entryway.storage.keyring import Keyring

RANDOM_BYTES = 32
# HMAC-SHA256 (RFC 2104): what the key is combined with on its way into the inner and the outer hash.
_BLOCK = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class Digests:
    """Digests under one key of a service, different for each purpose."""

    def __init__(self, keyring: Keyring, service: str) -> None:
        self._keyring = keyring
        self._service = service
        self._keyed: tuple[hashlib._Hash, hashlib._Hash] | None = None

    def of(self, purpose: str, *parts: str) -> bytes:
        """Return the digest of `parts` for `purpose`."""
        framed = b"".join([len(part := text.encode()).to_bytes(4) + part for text in (purpose, *parts)])
        if self._keyed is None:
            key = self._keyring.lasting_key(f"{self._service}-digests").ljust(_BLOCK, b"\0")
            self._keyed = hashlib.sha256(key.translate(_INNER)), hashlib.sha256(key.translate(_OUTER))
        # Copies have taken in the key already, which is half of the work; `hmac` copies in three times the time.
        inner, outer = self._keyed[0].copy(), self._keyed[1].copy()
        inner.update(framed)
        outer.update(inner.digest())
        return outer.digest()

    def text(self, purpose: str, *parts: str) -> str:
        """Return the digest in hexadecimal."""
        return self.of(purpose, *parts).hex()


def random_text() -> str:
    """Return a value that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)
