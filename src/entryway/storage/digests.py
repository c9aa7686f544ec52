"""Keyed digests of random secrets (client secrets, codes, refresh tokens, cookies): a stolen table opens nothing.

The secrets are random, at least 256 bits long, so that a fast keyed digest is enough; passwords go to Argon2id.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entryway.storage.keyring import Keyring

RANDOM_BYTES = 32


class Digests:
    """Digests under one key of a service, different for each purpose."""

    def __init__(self, keyring: Keyring, service: str) -> None:
        self._keyring = keyring
        self._service = service
        self._key: bytes | None = None

    def of(self, purpose: str, *parts: str) -> bytes:
        """Return the digest of `parts` for `purpose`."""
        encoded = [part.encode() for part in (purpose, *parts)]
        framed = b"".join([len(part).to_bytes(4) + part for part in encoded])
        if self._key is None:
            self._key = self._keyring.lasting_key(f"{self._service}-digests")
        return hmac.digest(self._key, framed, hashlib.sha256)

    def text(self, purpose: str, *parts: str) -> str:
        """Return the digest in hexadecimal."""
        return self.of(purpose, *parts).hex()


def random_text() -> str:
    """Return a value that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)
