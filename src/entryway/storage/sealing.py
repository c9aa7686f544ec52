"""The seal on secrets at rest: AES-256-GCM under a data key of the database.

A sealed value is `version (1 byte) | id of the data key (4 bytes) | nonce (12 bytes) | ciphertext and tag`. The purpose
is authenticated with it, so that a value sealed for one column cannot be moved to another. Values of version 1 have no
id: they are older than data keys.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entryway.errors import ConfigurationError, EntrywayError

if TYPE_CHECKING:
    from entryway.storage.keyring import Keyring

MASTER_KEY_BYTES = 32
_VERSION, _VERSION_1 = b"\x02", b"\x01"
_ID_BYTES = 4
_LEGACY = bytes(_ID_BYTES)
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


def sealed_with(data_key: str) -> bytes:
    """Return what every value begins with that a data key has sealed."""
    return _VERSION + bytes.fromhex(data_key)


class Sealer:
    """Seals and unseals; `purpose` names what the value is for and must be the same both times."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._ciphers: dict[bytes, AESGCM] = {}
        self._state: object = None

    def seal(self, plaintext: bytes, purpose: str) -> bytes:
        """Return the sealed form of `plaintext`, different each time."""
        nonce, data_key = os.urandom(_NONCE_BYTES), bytes.fromhex(self._keyring.newest)
        sealed = self._cipher(data_key).encrypt(nonce, plaintext, _VERSION + data_key + purpose.encode())
        return _VERSION + data_key + nonce + sealed

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Return the plaintext, or raise SealError."""
        if sealed[:1] == _VERSION_1:
            data_key, rest, associated = _LEGACY, sealed[1:], _VERSION_1 + purpose.encode()
        elif sealed[:1] == _VERSION:
            data_key, rest = sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES :]
            associated = _VERSION + data_key + purpose.encode()
        else:
            raise SealError("not a sealed value of a version known here")
        if len(rest) < _NONCE_BYTES:
            raise SealError("not a whole sealed value")
        try:
            return self._cipher(data_key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], associated)
        except InvalidTag as error:
            raise SealError(f"the seal for {purpose!r} does not hold") from error

    def _cipher(self, data_key: bytes) -> AESGCM:
        if self._state is not self._keyring.state:
            # A data key may have ended since.
            self._ciphers, self._state = {}, self._keyring.state
        cipher = self._ciphers.get(data_key)
        if cipher is None:
            cipher = self._ciphers[data_key] = AESGCM(self._keyring.key(data_key.hex(), "seal"))
        return cipher
