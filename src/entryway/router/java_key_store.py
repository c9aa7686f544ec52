"""Reads Java key stores (JKS): one private key with its chain, and certificates that are believed.

The format is Java's own and older than PKCS #12, which Java itself has preferred since 2017. A digest over the password
and the content vouches for the store; the key is hidden under a stream of SHA-1 digests. Nothing is ever written.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha1

MAGIC, OTHER_MAGIC = b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"
VERSIONS = (1, 2)
KEY, CERTIFICATE = 1, 2
DIGEST = 20
# What goes into the digest over the store besides the password, and how a hidden key names its algorithm.
_PEPPER = b"Mighty Aphrodite"
_ALGORITHM = bytes.fromhex("060a2b060104012a02110101")
MOST = 1000
"""Entries and certificates in a chain."""


@dataclass(frozen=True, slots=True)
class JavaKeyStore:
    """What is in a store, in DER; the key is PKCS #8."""

    key: bytes | None = field(repr=False)
    chain: tuple[bytes, ...]
    trusted: tuple[bytes, ...]


def is_java_key_store(content: bytes) -> bool:
    """Tell whether this is one of Java's own formats, whatever the name of the file says."""
    return content[:4] in (MAGIC, OTHER_MAGIC)


def read_java_key_store(content: bytes, password: str) -> JavaKeyStore:
    """Return what is in the store; raise ValueError if it is none, is damaged, or the password is another one."""
    if content[:4] == OTHER_MAGIC:
        raise ValueError("JCEKS stores cannot be read")
    secret = password.encode("utf-16-be")
    body, digest = content[:-DIGEST], content[-DIGEST:]
    if not hmac.compare_digest(_digest(secret, _PEPPER, body), digest):
        raise ValueError("the password is another one, or the store is damaged")
    reader = _Reader(body)
    if reader.take(4) != MAGIC:
        raise ValueError("no Java key store")
    version = reader.number(4)
    if version not in VERSIONS:
        raise ValueError("the version of the store is not known")
    hidden: list[tuple[bytes, tuple[bytes, ...]]] = []
    trusted: list[bytes] = []
    for _ in range(reader.count()):
        kind = reader.number(4)
        reader.text()  # the alias
        reader.take(8)  # when it was made
        if kind == KEY:
            key = reader.take(reader.number(4))
            hidden.append((key, tuple(reader.certificate(version) for _ in range(reader.count()))))
        elif kind == CERTIFICATE:
            trusted.append(reader.certificate(version))
        else:
            raise ValueError("an entry is neither a key nor a certificate")
    if len(hidden) > 1:
        raise ValueError("there is more than one key in the store, and nothing says which one to show")
    if not hidden:
        return JavaKeyStore(None, (), tuple(trusted))
    key, chain = hidden[0]
    return JavaKeyStore(_uncover(key, secret), chain, tuple(trusted))


def _uncover(hidden: bytes, secret: bytes) -> bytes:
    """Return the key behind an EncryptedPrivateKeyInfo (RFC 5208) with Java's own algorithm."""
    (info,) = _elements(hidden)
    algorithm, sealed = _elements(info)
    if not algorithm.startswith(_ALGORITHM):
        raise ValueError("the key is hidden in a way that is not known")
    salt, covered, check = sealed[:DIGEST], sealed[DIGEST:-DIGEST], sealed[-DIGEST:]
    key, block = bytearray(), salt
    for start in range(0, len(covered), DIGEST):
        block = _digest(secret, block)
        key += bytes(a ^ b for a, b in zip(covered[start : start + DIGEST], block, strict=False))
    if not hmac.compare_digest(_digest(secret, bytes(key)), check):
        raise ValueError("the key has another password than the store")
    return bytes(key)


def _digest(*parts: bytes) -> bytes:
    # The format knows no other digest.
    return sha1(b"".join(parts), usedforsecurity=False).digest()


def _elements(der: bytes) -> list[bytes]:
    """Return what the elements of a piece of DER hold, one after the other."""
    found, at = [], 0
    while at < len(der):
        if at + 1 == len(der):
            raise ValueError("the key is cut off")
        length, start = der[at + 1], at + 2
        if length > 0x80:
            start += length - 0x80
            length = int.from_bytes(der[at + 2 : start], "big")
        at = start + length
        if at > len(der):
            raise ValueError("the key is cut off")
        found.append(der[start:at])
    return found


class _Reader:
    """Takes a store apart from its beginning."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, length: int) -> bytes:
        taken = self._content[self._at : self._at + length]
        if len(taken) != length:
            raise ValueError("the store is cut off")
        self._at += length
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def count(self) -> int:
        count = self.number(4)
        if count > MOST:
            raise ValueError(f"more than {MOST} entries")
        return count

    def text(self) -> bytes:
        return self.take(self.number(2))

    def certificate(self, version: int) -> bytes:
        if version > 1 and self.text() != b"X.509":
            raise ValueError("a certificate is not of X.509")
        return self.take(self.number(4))
