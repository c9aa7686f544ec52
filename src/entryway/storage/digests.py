"""Keyed digests of random secrets (client secrets, codes, refresh tokens, cookies): a stolen table opens nothing.

The secrets are random, at least 256 bits long, so that a fast keyed digest is enough; passwords go to Argon2id.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from entryway.storage.sealing import derive_key

RANDOM_BYTES = 32


class Digests:
    """Digests under one key of a service, different for each purpose."""

    def __init__(self, master_key: bytes, service: str) -> None:
        self._key = derive_key(master_key, f"{service}-digests")

    def of(self, purpose: str, *parts: str) -> bytes:
        """Return the digest of `parts` for `purpose`."""
        framed = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in (purpose, *parts))
        return hmac.digest(self._key, framed, hashlib.sha256)

    def text(self, purpose: str, *parts: str) -> str:
        """Return the digest in hexadecimal."""
        return self.of(purpose, *parts).hex()


def random_text() -> str:
    """Return a value that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)
