"""Certificates of a landscape on one machine, as plain values: what to issue, and when to issue it anew.

The authority can speak for this machine only (RFC 5280 §4.2.1.10, name constraints): whoever trusts it in a browser
gives nobody the power to imitate other sites, not even with its key.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
SERVER_LIFETIME = timedelta(days=397)  # the longest that browsers accept
RENEW_AHEAD = timedelta(days=30)
# Clocks of a machine and its virtual machines differ.
BACKDATED = timedelta(minutes=5)
SUBDOMAIN = "dev"
"""The tenant's subdomain: some clients ask `https://<subdomain>.<uaadomain>` for its tokens."""
# Node.js matches no wildcard directly below a top-level name, so the tenant's name stands there in full.
LOCAL_NAMES = ("localhost", f"{SUBDOMAIN}.localhost", "*.localhost", "127.0.0.1", "::1")
LOCAL_NETWORKS = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def new_authority(now: datetime, machine: str) -> Certified:
    """Return a new certificate authority for one landscape."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Two authorities of one name confuse browsers and key chains; the serial number in the name tells them apart.
    serial = x509.random_serial_number()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Entryway development"),
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"Entryway local authority {machine[:20]} {serial & 0xFFFFFFFF:08x}"
            ),
        ]
    )
    networks = [x509.IPAddress(ipaddress.ip_network(network)) for network in LOCAL_NETWORKS]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.NameConstraints([x509.DNSName("localhost"), *networks], None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certified(certificate, key)


def new_server_certificate(authority: Certified, names: Sequence[str], now: datetime) -> Certified:
    """Return a certificate with which a server on this machine proves the given names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + SERVER_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Certified(certificate, key)


def renewal_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Return whether a certificate is, or soon will be, out of date."""
    return not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_AHEAD


def serves(certificate: x509.Certificate, names: Sequence[str], authority: Certified) -> bool:
    """Return whether the authority issued this certificate for (at least) these names."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return all(_general_name(name) in held for name in names)


def parse(certificate_pem: bytes, key_pem: bytes) -> Certified | None:
    """Return certificate and key as one, or None if they are damaged or do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Certified(certificate, key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
