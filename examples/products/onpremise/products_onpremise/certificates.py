"""Who the user is: a short-lived certificate that the connector wrote for this request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from products_onpremise.errors import NotAuthenticated

LONGEST_CERTIFICATE = 16_384  # characters of base64


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of this system, and the certificate that says so."""

    user: str
    subject: str
    issuer: str
    serial_number: str
    valid_from: datetime
    valid_until: datetime


def identify(headers: Sequence[str], authority: x509.Certificate, now: datetime) -> Identity:
    """Return the user named by the only `SSL_CLIENT_CERT` header, or raise NotAuthenticated."""
    if len(headers) != 1 or not headers[0].strip():
        # The connector sends the header empty where nobody is logged in: that is nobody, never the connector itself.
        raise NotAuthenticated("A user certificate is required")
    certificate = _parse(headers[0].strip())
    _check_issued_by(certificate, authority)
    _check_valid(certificate, now)
    _check_valid(authority, now)
    return Identity(
        user=_common_name(certificate),
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        serial_number=f"{certificate.serial_number:x}",
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )


def _parse(text: str) -> x509.Certificate:
    if len(text) > LONGEST_CERTIFICATE:
        raise NotAuthenticated("The user certificate is too long")
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise NotAuthenticated("The user certificate cannot be read") from error


def _check_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise NotAuthenticated("The user certificate was issued by somebody else") from error
    if _is_authority(certificate):
        # The authority's own certificate is signed by the authority, too, and is public: it names no user.
        raise NotAuthenticated("The certificate is an authority's, not a user's")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    except ValueError as error:
        raise NotAuthenticated("The user certificate cannot be read") from error


def _check_valid(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise NotAuthenticated("The user certificate is not valid now")


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str) or not names[0].value.strip():
        raise NotAuthenticated("The user certificate does not name one user")
    return names[0].value
