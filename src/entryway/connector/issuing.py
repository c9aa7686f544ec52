"""Short-lived certificates that say who a user is, issued by an authority that only the company's systems believe."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from entryway.certificates import FOR_CLIENTS, Certified, issue, new_key
from entryway.config.mistakes import ConfigurationMistakes, Mistake

KEPT = 1000


@dataclass(frozen=True, slots=True)
class UserCertificate:
    """A user's certificate, as it travels in a header: DER in base64 on one line."""

    header: bytes = field(repr=False)
    serial: str
    subject: str
    not_after: datetime


def read_authority(certificate_pem: str, key_pem: str, file: str) -> Certified:
    """Return the authority that the configuration holds, or raise if it could not sign certificates."""
    where = "/principal_ca"
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        key = serialization.load_pem_private_key(key_pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise ConfigurationMistakes([Mistake(file, where, "is not a certificate and its key in PEM")]) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationMistakes([Mistake(file, where, "must have an elliptic-curve key")])
    if key.public_key() != certificate.public_key():
        raise ConfigurationMistakes([Mistake(file, where, "the key is not the certificate's")])
    if not _may_sign(certificate):
        rule = "is not allowed to sign certificates (basic constraints CA, key usage keyCertSign)"
        raise ConfigurationMistakes([Mistake(file, where, rule)])
    return Certified(certificate, key)


class CertificateIssuer:
    """Issues a certificate for a subject, and the same one again until it comes near its end."""

    def __init__(self, authority: Certified, validity: timedelta, now: Callable[[], datetime]) -> None:
        self._authority = authority
        self._validity = validity
        self._now = now
        self._issued: OrderedDict[bytes, UserCertificate] = OrderedDict()

    def find(self, subject: x509.Name) -> UserCertificate | None:
        """Return the subject's certificate if there is one that will be good for a while."""
        kept = self._issued.get(subject.public_bytes())
        # A request that begins now must not arrive with a certificate that has just ended.
        if kept is None or kept.not_after - self._now() < min(timedelta(minutes=2), self._validity / 2):
            return None
        self._issued.move_to_end(subject.public_bytes())
        return kept

    def issue(self, subject: x509.Name) -> UserCertificate:
        """Return a new certificate for the subject; nobody keeps its key, so it proves nothing by itself."""
        now = self._now()
        key = new_key()
        certificate = issue(
            self._authority, subject, key.public_key(), usage=FOR_CLIENTS, now=now, lifetime=self._validity
        )
        issued = UserCertificate(
            base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)),
            f"{certificate.serial_number:x}",
            subject.rfc4514_string(),
            now + self._validity,
        )
        self._issued[subject.public_bytes()] = issued
        while len(self._issued) > KEPT:
            self._issued.popitem(last=False)
        return issued


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return constraints.ca and usage.key_cert_sign
