"""X.509 certificates that Entryway issues itself: authorities, and what they sign (RFC 5280)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME = timedelta(days=3650)
# Clocks of two machines differ, and those of two companies differ more.
BACKDATED = timedelta(minutes=5)
COMMON_NAME_LENGTH = 64  # RFC 5280, upper bound ub-common-name

# What bytes of others that are no certificate, or none that can be worked with, make `cryptography` raise.
UNREADABLE = (ValueError, x509.InvalidVersion, UnsupportedAlgorithm)

FOR_SERVERS = ExtendedKeyUsageOID.SERVER_AUTH
FOR_CLIENTS = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        return pem(self.certificate)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new key on the curve that every part of Entryway uses."""
    return ec.generate_private_key(ec.SECP256R1())


def common_name(text: str) -> x509.NameAttribute[str]:
    """Return the attribute, cut to what a certificate may hold."""
    return x509.NameAttribute(NameOID.COMMON_NAME, text[:COMMON_NAME_LENGTH])


def new_authority(subject: x509.Name, now: datetime, *extensions: x509.ExtensionType) -> Certified:
    """Return a new authority that signs its own certificate; `extensions` are added as critical ones."""
    key = new_key()
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_LIFETIME)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return Certified(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Certified,
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    *,
    usage: x509.ObjectIdentifier,
    now: datetime,
    lifetime: timedelta,
    names: Sequence[x509.GeneralName] = (),
) -> x509.Certificate:
    """Return a certificate for the key; `usage` is FOR_SERVERS or FOR_CLIENTS, `names` what a server answers to."""
    builder = (
        _builder(subject, authority.certificate.subject, public_key, now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    """Return the certificate as people pass it on."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the private key, unencrypted: whoever stores it seals it or keeps its file for the owner alone."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def rsa_key_pem(key: RSAPrivateKey) -> bytes:
    """Return an RSA key in PKCS#1, the form that libraries of bindings have always been given."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: CertificatePublicKeyTypes, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
