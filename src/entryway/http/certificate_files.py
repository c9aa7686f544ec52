"""A listener's certificate in files that somebody replaces while it is listening: new connections get the new one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

LOOK_SECONDS = 60.0

_log = logging.getLogger("entryway.http")


@dataclass(slots=True)
class CertificateFiles:
    """Two PEM files, and the context that has read them already."""

    certificate: Path
    key: Path
    context: ssl.SSLContext
    _read: bytes = b""

    def __post_init__(self) -> None:
        self._read = self._content()

    def reload(self) -> bool:
        """Give the context what is in the files if it is new and belongs together; say whether it was."""
        content = self._content()
        if content == self._read or not self._fits():
            return False
        self.context.load_cert_chain(self.certificate, self.key)
        self._read = content
        _log.info("certificate_reloaded", extra={"file": str(self.certificate)})
        return True

    async def watch(self, seconds: float = LOOK_SECONDS) -> None:
        """Look now and then until cancelled; what cannot be read leaves everything as it is."""
        while True:
            await asyncio.sleep(seconds)
            try:
                self.reload()
            except OSError as error:  # ssl.SSLError among them
                _log.warning("certificate_not_reloaded", extra={"file": str(self.certificate), "reason": str(error)})

    def _content(self) -> bytes:
        return self.certificate.read_bytes() + self.key.read_bytes()

    def _fits(self) -> bool:
        # A context that was given halves of two pairs would have none.
        try:
            leaf = load_pem_x509_certificates(self.certificate.read_bytes())[0]
            key = load_pem_private_key(self.key.read_bytes(), None)
        except (ValueError, TypeError):
            return False
        return leaf.public_key() == key.public_key()
