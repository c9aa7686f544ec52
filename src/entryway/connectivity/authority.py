"""The tunnel's certificate authority: it issues the certificates that connectors show to the gateway."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from entryway.certificates import FOR_CLIENTS, Certified, common_name, issue, new_authority
from entryway.errors import BadRequest, Unauthorized
from entryway.tunnel.identity import ConnectorIdentity, subject
from entryway.tunnel.pairing import to_sign


class CertificateRequestRefused(BadRequest):
    """The certificate request cannot be signed."""

    code = "certificate_request_refused"
    title = "The certificate request cannot be signed"


class RenewalRefused(Unauthorized):
    """No certificate of ours that is in force, not its key, or a connector that is gone; the caller does not learn."""

    code = "connector_renewal_refused"
    title = "The connector's certificate cannot be renewed: pair it again"


def new_tunnel_authority(now: datetime) -> Certified:
    """Return a new authority."""
    # Chance in the name tells two of them apart.
    return new_authority(x509.Name([common_name(f"Entryway tunnel authority {secrets.token_hex(4)}")]), now)


def read_authority(certificate_pem: str, key_pem: bytes) -> Certified:
    """Return the authority that was stored."""
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not one that this service made")
    return Certified(x509.load_pem_x509_certificate(certificate_pem.encode()), key)


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


def check_holder(
    authority: Certified,
    certificate: x509.Certificate,
    request: x509.CertificateSigningRequest,
    signature: bytes,
    now: datetime,
) -> None:
    """Raise unless a certificate of ours is in force, and whoever sent the request holds its key."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise RenewalRefused("only connectors with a key on an elliptic curve sign for their next one")
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        key.verify(signature, to_sign(request), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, TypeError) as error:
        raise RenewalRefused("not our certificate, or not its key") from error
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        raise RenewalRefused("the certificate has ended")


def issue_identity(
    authority: Certified,
    request: x509.CertificateSigningRequest,
    identity: ConnectorIdentity,
    now: datetime,
    lifetime: timedelta,
) -> x509.Certificate:
    """Return the certificate of one connector; who it is, is ours to say, so the request's own names are ignored."""
    return issue(authority, subject(identity), request.public_key(), usage=FOR_CLIENTS, now=now, lifetime=lifetime)
