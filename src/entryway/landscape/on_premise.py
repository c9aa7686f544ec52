"""The company's side on this machine: the connector's file, and what a process that plays a system is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from entryway.certificates import Certified
from entryway.clients.platform import PlatformClient
from entryway.config.landscape_file import OnPremiseDocument, SystemDocument
from entryway.connector.file import read_configuration, read_document, write_document
from entryway.connector.pair import PRINCIPAL_ANCHOR, SYSTEM_ANCHOR, pair
from entryway.landscape.authority import ensure_server_certificate
from entryway.landscape.certificates import parse, renewal_due
from entryway.landscape.files import private_folder
from entryway.landscape.output import Output
from entryway.landscape.record import ControlPorts
from entryway.landscape.state import StateFolder
from entryway.tunnel.pairing import CONNECTORS_PATH

if TYPE_CHECKING:
    from entryway.landscape.parts import Probe

GATEWAY_HOST = "localhost"
TRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class CompanyCertificates:
    """What systems must know of the connector."""

    connector_authority: Path
    connector_subject: str
    user_authority: Path


@dataclass(frozen=True, slots=True)
class ConnectorFile:
    """The connector's file of configuration and keys, as `entryway.yaml` wants it."""

    state: StateFolder
    on_premise: OnPremiseDocument
    ports: ControlPorts
    folder: Path

    @property
    def path(self) -> Path:
        return self.state.connector / "connector.yaml"

    async def bring_up_to_date(self, platform: PlatformClient, output: Output, now: datetime) -> CompanyCertificates:
        """Write what `entryway.yaml` says, pair if that is due, and return what systems must know."""
        document = self._without_lost_keys(read_document(self.path) if self.path.exists() else {})
        ca = self.state.ca_certificate.read_text("ascii")
        document["backend_trust"] = [ca, *self._trusted_files()]
        document["principal_propagation"] = {
            "subject_pattern": "CN=${name}",
            "trusted_issuers": [{"issuer": f"{self.ports.public_url}/oauth/token", "ca": ca}],
        }
        document["mappings"] = [mapping(system) for system in self.on_premise.systems]
        write_document(self.path, document)
        if self._pairing_due(document, ca, now) or await _revoked(document, platform):
            output.say("pairing the connector")
            await pair(
                url=self.ports.public_url,
                token=await platform.pairing_token(self.on_premise.location),
                config=self.path,
                location_id=self.on_premise.location,
                ca_file=self.state.ca_certificate,
            )
        configuration = read_configuration(self.path)
        assert configuration.system_certificate is not None  # noqa: S101 - pairing makes it
        system = x509.load_pem_x509_certificate(configuration.system_certificate.certificate.encode())
        return CompanyCertificates(self._system_anchor, system.subject.rfc4514_string(), self._user_anchor)

    @property
    def _system_anchor(self) -> Path:
        return self.path.parent / SYSTEM_ANCHOR

    @property
    def _user_anchor(self) -> Path:
        return self.path.parent / PRINCIPAL_ANCHOR

    def _without_lost_keys(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document without keys whose anchor is gone: no system could believe them any more."""
        lost = {
            section
            for section, anchor in (("system_certificate", self._system_anchor), ("principal_ca", self._user_anchor))
            if section not in document or not anchor.exists()
        }
        # New ones are made by pairing.
        return {name: value for name, value in document.items() if name not in lost | ({"identity"} if lost else set())}

    def _pairing_due(self, document: Mapping[str, Any], ca: str, now: datetime) -> bool:
        return pairing_outdated(
            document,
            gateway=(GATEWAY_HOST, self.ports.gateway, ca),
            location=self.on_premise.location,
            tunnel_authority=self.state.tunnel_authority.read_bytes(),
            now=now,
        )

    def _trusted_files(self) -> list[str]:
        names = [system.trust for system in self.on_premise.systems if system.trust is not None]
        return [(self.folder / name).read_text("ascii") for name in names]


def mapping(system: SystemDocument) -> dict[str, Any]:
    """Return a system as the connector's file describes it."""
    host, _, port = system.virtual.rpartition(":")
    return {
        "virtualHost": host,
        "virtualPort": int(port),
        "localHost": system.internal_host,
        "localPort": system.internal_port,
        "protocol": "HTTPS" if system.is_https else "HTTP",
        "authenticationMode": "X509_GENERAL" if system.principal == "x509" else "NONE",
        "hostInHeader": system.host_header,
        "description": system.description,
        "resources": [
            {
                "id": resource.path,
                "exactMatchOnly": resource.exact,
                "segmentMatch": not resource.exact,
                "websocketUpgradeAllowed": resource.websocket,
            }
            for resource in system.resources
        ],
    }


async def _revoked(document: Mapping[str, Any], platform: PlatformClient) -> bool:
    """Return whether the connector of a document may not come back; another one may take its place."""
    own = document["identity"].get("connector_id")
    return any(each.get("revoked_at") for each in await platform.connectors() if each.get("connector_id") == own)


def pairing_outdated(
    document: Mapping[str, Any],
    *,
    gateway: tuple[str, int, str],
    location: str,
    tunnel_authority: bytes,
    now: datetime,
) -> bool:
    """Return whether the pairing that a document holds is of no use for this gateway and location."""
    identity, held = document.get("identity"), document.get("gateway")
    if not isinstance(identity, Mapping) or not isinstance(held, Mapping):
        return True
    if (held.get("host"), held.get("port")) != gateway[:2] or str(held.get("trust")).strip() != gateway[2].strip():
        return True
    kept = _key_pair(identity)
    if kept is None or identity.get("location_id", "") != location or renewal_due(kept.certificate, now):
        return True
    try:
        kept.certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(tunnel_authority))
    except (ValueError, TypeError, InvalidSignature):
        return True
    return False


def system_environment(
    state: StateFolder, system: SystemDocument, company: CompanyCertificates, authority: Certified, now: datetime
) -> dict[str, str]:
    """Return what a process that plays a system is given; its server certificate is on disk afterwards."""
    environment = {
        "PORT": str(system.internal_port),
        "HOST": system.internal_host,
        "ENTRYWAY_CONNECTOR_CA": str(company.connector_authority),
        "ENTRYWAY_CONNECTOR_SUBJECT": company.connector_subject,
        "ENTRYWAY_USER_CA": str(company.user_authority),
    }
    if not system.is_https:
        return environment
    folder = private_folder(state.on_premise / system.name)
    certificate, key = folder / "server.pem", folder / "server.key"
    names = dict.fromkeys([system.internal_host, "localhost", "127.0.0.1"])
    ensure_server_certificate(authority, tuple(names), certificate, key, now)
    return {**environment, "ENTRYWAY_TLS_CERTIFICATE": str(certificate), "ENTRYWAY_TLS_KEY": str(key)}


def connected_probe(platform: PlatformClient, proxy_port: int, location: str) -> Probe:
    """Return whether a connector of this location is connected to the gateway."""

    async def connected() -> bool:
        token = await platform.caller.token.value()
        async with httpx.AsyncClient(trust_env=False, timeout=TRY_SECONDS) as http:
            try:
                answer = await http.get(
                    f"http://127.0.0.1:{proxy_port}{CONNECTORS_PATH}", headers={"authorization": f"Bearer {token}"}
                )
            except httpx.HTTPError:
                return False
        found = answer.json() if answer.status_code == 200 else []
        return any(connector.get("location_id", "") == location for connector in found)

    return connected


def _key_pair(section: Any) -> Certified | None:
    if not isinstance(section, Mapping):
        return None
    certificate, key = section.get("certificate"), section.get("private_key")
    if not isinstance(certificate, str) or not isinstance(key, str):
        return None
    return parse(certificate.encode(), key.encode())
