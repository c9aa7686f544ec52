"""Keyed digests of random secrets (client secrets, codes, refresh tokens, cookies): a stolen table opens nothing.

The secrets are random, at least 256 bits long, so that a fast keyed digest is enough; passwords go to Argon2id.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

if TYPE_CHECKING:
    from entryway.storage.keyring import Keyring

RANDOM_BYTES = 32


class Digests:
    """Digests under one key of a service, different for each purpose."""

    def __init__(self, keyring: Keyring, service: str) -> None:
        self._keyring = keyring
        self._service = service
        self._keyed: HMAC | None = None

    def of(self, purpose: str, *parts: str) -> bytes:
        """Return the digest of `parts` for `purpose`."""
        framed = b"".join([len(part := text.encode()).to_bytes(4) + part for text in (purpose, *parts)])
        if self._keyed is None:
            self._keyed = HMAC(self._keyring.lasting_key(f"{self._service}-digests"), SHA256())
        # A copy has taken in the key already, which is half of the work.
        digest = self._keyed.copy()
        digest.update(framed)
        return digest.finalize()

    def text(self, purpose: str, *parts: str) -> str:
        """Return the digest in hexadecimal."""
        return self.of(purpose, *parts).hex()


def random_text() -> str:
    """Return a value that nobody can guess."""
    return secrets.token_urlsafe(RANDOM_BYTES)
