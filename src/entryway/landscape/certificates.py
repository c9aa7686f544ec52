"""Certificates of a landscape on one machine, as plain values: what to issue, and when to issue it anew.

The authority can speak for this machine only (RFC 5280 §4.2.1.10, name constraints): whoever trusts it in a browser
gives nobody the power to imitate other sites, not even with its key.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from entryway.certificates import FOR_SERVERS, Certified, common_name, issue, new_authority, new_key

SERVER_LIFETIME = timedelta(days=397)  # the longest that browsers accept
RENEW_AHEAD = timedelta(days=30)
SUBDOMAIN = "dev"
"""The tenant's subdomain: some clients ask `https://<subdomain>.<uaadomain>` for its tokens."""
# No client matches a wildcard directly below a top-level name, and some refuse a certificate that has one: the tenant's
# name stands there in full, and those of further tenants get certificates of their own.
LOCAL_NAMES = ("localhost", f"{SUBDOMAIN}.localhost", "127.0.0.1", "::1")
LOCAL_NETWORKS = ("127.0.0.0/8", "::1/128")


def new_local_authority(now: datetime, machine: str) -> Certified:
    """Return a new certificate authority for one landscape."""
    # Two authorities of one name confuse browsers and key chains; chance in the name tells them apart.
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Entryway development"),
            common_name(f"Entryway local authority {machine[:20]} {secrets.token_hex(4)}"),
        ]
    )
    networks = [x509.IPAddress(ipaddress.ip_network(network)) for network in LOCAL_NETWORKS]
    return new_authority(subject, now, x509.NameConstraints([x509.DNSName("localhost"), *networks], None))


def new_server_certificate(authority: Certified, names: Sequence[str], now: datetime) -> Certified:
    """Return a certificate with which a server on this machine proves the given names and addresses."""
    key = new_key()
    subject = x509.Name([common_name(names[0])])
    general_names = [_general_name(name) for name in names]
    certificate = issue(
        authority, subject, key.public_key(), usage=FOR_SERVERS, now=now, lifetime=SERVER_LIFETIME, names=general_names
    )
    return Certified(certificate, key)


def renewal_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Return whether a certificate is, or soon will be, out of date."""
    return not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_AHEAD


def half_over(credentials: Mapping[str, Any], now: datetime) -> bool:
    """Return whether half of the time of a certificate that was made for a binding is over, or all of it."""
    # What an application brings along is the application's to renew; it has no key in its credentials.
    if not credentials.get("key") or not credentials.get("certificate"):
        return False
    leaf = x509.load_pem_x509_certificates(str(credentials["certificate"]).encode())[0]
    return now >= leaf.not_valid_before_utc + (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 2


def serves(certificate: x509.Certificate, names: Sequence[str], authority: Certified) -> bool:
    """Return whether the authority issued this certificate for these names and no others."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return set(held) == {_general_name(name) for name in names}


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
