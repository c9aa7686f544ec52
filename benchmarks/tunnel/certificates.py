"""A certificate authority for one run: both ends of the tunnel show a certificate of it."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CONNECTOR_ID = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Certificates:
    folder: Path

    def read(self, file: str) -> str:
        return (self.folder / file).read_text()

    def context(self, end: str, protocols: list[str]) -> ssl.SSLContext:
        """Return mutual TLS for one end (`gateway` accepts, `connector` dials)."""
        side = ssl.PROTOCOL_TLS_SERVER if end == "gateway" else ssl.PROTOCOL_TLS_CLIENT
        context = ssl.SSLContext(side)
        context.load_cert_chain(self.folder / f"{end}.pem", self.folder / f"{end}.key")
        context.load_verify_locations(self.folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(protocols)
        return context


def create(folder: Path) -> Certificates:
    """Write `ca.pem` and a certificate with its key for `gateway` and `connector`."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark")])
    ca = _certificate(ca_name, ca_name, ca_key, ca_key, authority=True)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    for end in ("gateway", "connector"):
        key = ec.generate_private_key(ec.SECP256R1())
        # The tunnel reads a connector's tenant and id from its subject.
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tenant"),
                x509.NameAttribute(NameOID.COMMON_NAME, CONNECTOR_ID),
            ]
        )
        certificate = _certificate(name, ca_name, key, ca_key, authority=False)
        (folder / f"{end}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{end}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    return Certificates(folder)


def _certificate(
    name: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
