"""The door: whoever is not the connector is turned away before a request is read."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from cryptography import x509
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger("products_onpremise")


def connector_only(subject: str) -> type[HttpToolsProtocol]:
    """Return a protocol that serves one client, by the subject of the certificate that TLS has verified."""

    class ConnectorOnly(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            found = peer_subject(transport.get_extra_info("ssl_object"))
            if found != subject:
                # The authority may sign for others, too; this door is for the connector.
                log.warning("connection refused: certificate of %r, not of the connector", found)
                transport.abort()  # type: ignore[attr-defined]
                return
            super().connection_made(transport)  # type: ignore[arg-type]

        def connection_lost(self, exc: Exception | None) -> None:
            if self.transport is not None:
                super().connection_lost(exc)

    return ConnectorOnly


def peer_subject(ssl_object: Any) -> str | None:
    der = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
    return None if der is None else x509.load_der_x509_certificate(der).subject.rfc4514_string()
