"""The seal on secrets at rest: AES-256-GCM under a key derived from the landscape's master key.

A sealed value is `version (1 byte) | nonce (12 bytes) | ciphertext and tag`. The purpose is authenticated with it, so
that a value sealed for one column cannot be moved to another.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entryway.errors import ConfigurationError, EntrywayError

MASTER_KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


class SealError(EntrywayError):
    """A sealed value was not sealed by this master key for this purpose, or was changed."""

    code = "seal_broken"
    title = "A stored secret cannot be opened"


def derive_key(master_key: bytes, purpose: str) -> bytes:
    """Return the 32-byte key for one purpose, so that no key of ours has two uses."""
    if len(master_key) != MASTER_KEY_BYTES:
        raise ConfigurationError(f"the master key must have {MASTER_KEY_BYTES} bytes, not {len(master_key)}")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"entryway/{purpose}".encode()).derive(master_key)


class Sealer:
    """Seals and unseals; `purpose` names what the value is for and must be the same both times."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(derive_key(master_key, "seal"))

    def seal(self, plaintext: bytes, purpose: str) -> bytes:
        """Return the sealed form of `plaintext`, different each time."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, _associated(purpose))

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Return the plaintext, or raise SealError."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE_BYTES:
            raise SealError("not a sealed value of a version known here")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, _associated(purpose))
        except InvalidTag as error:
            raise SealError(f"the seal for {purpose!r} does not hold") from error


def _associated(purpose: str) -> bytes:
    return _VERSION + purpose.encode()
