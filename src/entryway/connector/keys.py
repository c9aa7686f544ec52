"""The keys that a connector makes for itself when it is paired; none of them ever leaves its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entryway.certificates import AUTHORITY_LIFETIME, FOR_CLIENTS, Certified, common_name, issue, new_authority, new_key


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: str
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SystemIdentity:
    """What the connector proves itself with to systems, and the anchor that they believe it by."""

    own: Pair
    anchor: str


def certificate_request(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a request (PEM) that proves that we hold the key; who we are is the pairing API's to say."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([common_name("entryway connector")]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def new_principal_ca(connector_id: str, now: datetime) -> Pair:
    """Return the authority for users' certificates."""
    authority = new_authority(x509.Name([common_name(f"Entryway connector {connector_id} users")]), now)
    return _pair(authority)


def new_system_identity(connector_id: str, now: datetime) -> SystemIdentity:
    """Return the connector's certificate for systems.

    It has an authority of its own, whose key is forgotten here: what systems are told to believe can never certify
    anybody else.
    """
    anchor = new_authority(x509.Name([common_name(f"Entryway connector {connector_id} system anchor")]), now)
    key = new_key()
    subject = x509.Name([common_name(f"entryway-connector-{connector_id}")])
    certificate = issue(anchor, subject, key.public_key(), usage=FOR_CLIENTS, now=now, lifetime=AUTHORITY_LIFETIME)
    return SystemIdentity(_pair(Certified(certificate, key)), anchor.certificate_pem.decode())


def _pair(certified: Certified) -> Pair:
    return Pair(certified.certificate_pem.decode(), certified.key_pem.decode())
