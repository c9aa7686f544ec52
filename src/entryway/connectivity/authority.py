"""The tunnel's certificate authority: it issues the certificates that connectors show to the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from entryway.errors import BadRequest
from entryway.tunnel.identity import ConnectorIdentity, subject

LIFETIME = timedelta(days=3650)
# Clocks of two companies differ.
BACKDATED = timedelta(minutes=5)


class CertificateRequestRefused(BadRequest):
    """The certificate request cannot be signed."""

    code = "certificate_request_refused"
    title = "The certificate request cannot be signed"


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def new_authority(now: datetime) -> Authority:
    """Return a new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Entryway tunnel authority {serial & 0xFFFFFFFF:08x}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def read_authority(certificate_pem: str, key_pem: bytes) -> Authority:
    """Return the authority that was stored."""
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not one that this service made")
    return Authority(x509.load_pem_x509_certificate(certificate_pem.encode()), key)


def read_request(pem: str) -> x509.CertificateSigningRequest:
    """Return a certificate request that is worth signing: its sender holds the key, and the key is strong."""
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        proven = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateRequestRefused("the certificate request cannot be read") from error
    if not proven:
        raise CertificateRequestRefused("the certificate request is not signed by its own key")
    strong = (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256) or (
        isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 8192
    )
    if not strong:
        raise CertificateRequestRefused("the key must be an elliptic curve of 256 bits or RSA of 2048 bits, at least")
    return request


def issue(
    authority: Authority,
    request: x509.CertificateSigningRequest,
    identity: ConnectorIdentity,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """Return the certificate of one connector; who it is, is ours to say, so the request's own names are ignored."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject(identity))
        .issuer_name(authority.certificate.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
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
