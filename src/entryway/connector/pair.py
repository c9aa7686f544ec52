"""Pairing, once in a connector's life: a one-time token becomes its certificate."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from entryway.certificates import key_pem, new_key
from entryway.clients.http import Answer, call, new_http
from entryway.clients.tls import outgoing_context
from entryway.connector.file import file_of, parse_configuration, read_document, write_document
from entryway.connector.keys import certificate_request, new_principal_ca, new_system_identity
from entryway.errors import Unauthorized, UpstreamError
from entryway.telemetry import get_logger
from entryway.tunnel.pairing import PAIRING_PATH, Pairing, PairingRequest

log = get_logger("connector")

# Public, for the systems to believe: who certifies users here, and who the connector is.
PRINCIPAL_ANCHOR = "principal-ca.pem"
SYSTEM_ANCHOR = "system-ca.pem"


class PairingRefused(Unauthorized):
    """The pairing API did not accept the token."""

    code: ClassVar[str] = "pairing_refused"
    title: ClassVar[str] = "The pairing token was not accepted: it is used once, and for a few minutes only"


async def pair(
    *,
    url: str,
    token: str,
    config: Path,
    location_id: str | None = None,
    ca_file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """Exchange the token for a certificate and return the file of configuration that it was written into.

    What the file says already stays: mappings, trust, and keys that systems have learned to believe.
    """
    path = file_of(config)
    document = read_document(path) if path.exists() else {}
    parse_configuration(document, path)  # a mistake must not cost the token
    key = new_key()
    context = outgoing_context(environ, ca_files=[ca_file] if ca_file is not None else [])
    pairing = await _redeem(
        url, PairingRequest(token=token, csr=certificate_request(key), location_id=location_id), context
    )
    note_identity(document, pairing, key)
    document["pairing"] = _where(url, ca_file)
    _add_own_keys(document, pairing.connector_id, path.parent)
    parse_configuration(document, path)
    write_document(path, document)
    log.info(
        "connector_paired",
        connector_id=pairing.connector_id,
        zid=pairing.zid,
        location_id=pairing.location_id,
        expires_at=pairing.expires_at.isoformat(),
        file=str(path),
    )
    return path


async def _redeem(url: str, request: PairingRequest, context: Any) -> Pairing:
    async with new_http(context) as http:
        answer = await call(http, "POST", url.rstrip("/") + PAIRING_PATH, json=request.model_dump(mode="json"))
    if answer.status == 401:
        raise PairingRefused
    return read_pairing(answer)


def _where(url: str, ca_file: Path | None) -> dict[str, str]:
    return {"url": url.rstrip("/")} | ({} if ca_file is None else {"trust": ca_file.read_text(encoding="ascii")})


def note_identity(document: dict[str, Any], pairing: Pairing, key: ec.EllipticCurvePrivateKey) -> None:
    """Write who the connector is now, and where it dials, into its document."""
    document["gateway"] = {"host": pairing.gateway.host, "port": pairing.gateway.port, "trust": pairing.gateway.trust}
    document["identity"] = {
        "connector_id": pairing.connector_id,
        "zid": pairing.zid,
        "location_id": pairing.location_id,
        "certificate": pairing.certificate,
        "private_key": key_pem(key).decode(),
    }


def read_pairing(answer: Answer) -> Pairing:
    """Return what the pairing API has answered, or raise UpstreamError."""
    if answer.status != 201:
        raise UpstreamError(answer.origin, f"pairing was answered with {answer.status}")
    try:
        pairing = Pairing.model_validate(answer.json_object())
        x509.load_pem_x509_certificate(pairing.certificate.encode())
    except (ValidationError, ValueError) as error:
        raise UpstreamError(answer.origin, "pairing was answered with something that is no certificate") from error
    return pairing


def _add_own_keys(document: dict[str, Any], connector_id: str, folder: Path) -> None:
    now = datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    if document.get("principal_ca") is None:
        made = new_principal_ca(connector_id, now)
        document["principal_ca"] = {"certificate": made.certificate, "private_key": made.private_key}
        (folder / PRINCIPAL_ANCHOR).write_text(made.certificate, encoding="ascii")
    if document.get("system_certificate") is None:
        system = new_system_identity(connector_id, now)
        document["system_certificate"] = {
            "certificate": system.own.certificate,
            "private_key": system.own.private_key,
        }
        (folder / SYSTEM_ANCHOR).write_text(system.anchor, encoding="ascii")
