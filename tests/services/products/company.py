"""A company's certificates, made for one test run: who may connect, and who the users are."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOCALHOST = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


@dataclass(frozen=True)
class Holder:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def header(self) -> str:
        """Return the certificate as the connector writes it into `SSL_CLIENT_CERT`."""
        return base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key


def authority(common_name: str) -> Holder:
    return _sign(common_name, None, is_authority=True, begins=timedelta(minutes=-5), ends=timedelta(days=1))


def issue(
    issuer: Holder,
    common_name: str | None,
    *,
    is_authority: bool = False,
    begins: timedelta = timedelta(minutes=-5),
    ends: timedelta = timedelta(hours=1),
) -> Holder:
    return _sign(common_name, issuer, is_authority=is_authority, begins=begins, ends=ends)


def _sign(
    common_name: str | None, issuer: Holder | None, *, is_authority: bool, begins: timedelta, ends: timedelta
) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [] if common_name is None else [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    name = x509.Name(attributes or [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "nobody")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(LOCALHOST, critical=False)
    return Holder(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
