"""Keys that sign SAML messages and open encrypted assertions, with the certificates that publish them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from entryway.certificates import UNREADABLE
from entryway.saml.errors import SamlInvalid

KEY_BITS = 2048
LIFETIME = timedelta(days=3650)
_BACKDATED = timedelta(minutes=5)
_LONGEST_NAME = 64  # RFC 5280, upper bound ub-common-name


@dataclass(frozen=True)
class KeyPair:
    """A private key and its certificate, both PEM."""

    certificate_pem: str
    private_pem: bytes = field(repr=False)

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate_pem.encode())

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self.private_pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("a SAML key is an RSA key")
        return key


def new_key_pair(name: str, now: datetime) -> KeyPair:
    """Return a new RSA key with a certificate it signed itself: partners trust the key, nobody looks at the name."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_NAME])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFETIME)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(certificate.public_bytes(serialization.Encoding.PEM).decode(), private)


def certificate_of(text: str) -> x509.Certificate:
    """Return the certificate of a metadata document: base64 of DER, wrapped anyhow; weak keys are refused."""
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        key = certificate.public_key()
    except UNREADABLE as error:
        raise SamlInvalid("a certificate in the metadata cannot be read") from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < KEY_BITS:
            raise SamlInvalid(f"a key in the metadata has fewer than {KEY_BITS} bits")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise SamlInvalid("a key in the metadata is neither RSA nor ECDSA")
    return certificate


def as_text(certificate: x509.Certificate) -> str:
    """Return a certificate as metadata documents write it."""
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
