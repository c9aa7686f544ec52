"""TLS certificates that clients prove themselves with (RFC 8705), to us or to a proxy in front that passes them on.

Nothing here trusts anybody: whoever reads a header has made sure that it comes from a proxy of ours, which has seen the
client prove that it has the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from entryway.certificates import UNREADABLE
from entryway.oauth.certificate_paths import leads_to_authority
from entryway.oauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

LONGEST_HEADER = 24 * 1024
MOST_IN_A_CHAIN = 5
# A certificate may be in use before the news of it has reached everybody.
FRESH_FOR = timedelta(minutes=10)
_XFCC = re.compile(r'(?:^|[;,])\s*Cert=(?:"([^"]*)"|([^;,"]*))', re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AcceptedCertificate:
    """What a binding says about the certificate that proves it."""

    thumbprint: str
    pinned: bool
    subject: str
    issuer: str
    issued_at: datetime
    # PEM of what came with it when it was registered, between it and its authority.
    intermediates: str = ""


def of_connection(scope: Mapping[str, Any]) -> x509.Certificate | None:
    """Return the certificate that the connection of an ASGI request was made with, None without one."""
    chain = ((scope.get("extensions") or {}).get("tls") or {}).get("client_cert_chain") or ()
    try:
        return x509.load_pem_x509_certificate(chain[0].encode()) if chain else None
    except UNREADABLE as error:
        raise InvalidRequest("The client certificate cannot be read") from error


def from_header(value: str) -> x509.Certificate:
    """Return the certificate in a proxy's header: PEM (URL-encoded or not), base64 of DER, RFC 9440's or Envoy's."""
    if len(value) > LONGEST_HEADER:
        raise InvalidRequest("The client certificate is too large")
    named = _XFCC.findall(value)
    if len(named) > 1:
        # A proxy that appends would put what the client wrote itself in front.
        raise InvalidRequest("The request names several client certificates")
    text = unquote("".join(named[0]) if named else value)
    try:
        if "-----BEGIN" in text:
            if text.count("-----BEGIN") > 1:
                raise InvalidRequest("The request names several client certificates")
            # Some proxies fold the lines of the PEM into one.
            return x509.load_pem_x509_certificate(_unfolded(text).encode())
        if text.startswith(":") and text.endswith(":"):  # RFC 9440 §2.1
            text = text[1:-1]
        return x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
    except UNREADABLE as error:  # binascii.Error among them
        raise InvalidRequest("The client certificate cannot be read") from error


def chain_from_pem(text: str) -> Sequence[x509.Certificate]:
    """Return a chain of certificates, the leaf first; raise ValueError if it is none."""
    try:
        certificates = x509.load_pem_x509_certificates(_unfolded(text).encode())
    except UNREADABLE as error:
        raise ValueError("no certificates that can be read") from error
    if len(certificates) > MOST_IN_A_CHAIN:
        raise ValueError("too many certificates")
    return certificates


def thumbprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as tokens carry it: base64url without padding."""
    digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_current(certificate: x509.Certificate, now: datetime) -> bool:
    """Say whether the certificate is valid at this time."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def accepts(
    binding: AcceptedCertificate,
    presented: x509.Certificate,
    now: datetime,
    authorities: Sequence[x509.Certificate],
) -> bool:
    """Say whether a certificate proves a binding.

    A pinned binding takes this one certificate. One that is not pinned takes every certificate of the same subject from
    the same issuer that is not older, as long as an authority that we trust vouches for it: anybody can write names.
    """
    if not is_current(presented, now):
        return False
    if binding.pinned:
        return hmac.compare_digest(binding.thumbprint, thumbprint(presented))
    return (
        presented.subject.rfc4514_string() == binding.subject
        and presented.issuer.rfc4514_string() == binding.issuer
        and presented.not_valid_before_utc >= binding.issued_at - FRESH_FOR
        and leads_to_authority(presented, _certificates(binding.intermediates), authorities, now)
    )


@lru_cache(maxsize=256)
def _certificates(text: str) -> Sequence[x509.Certificate]:
    return x509.load_pem_x509_certificates(text.encode()) if text else ()


def _unfolded(text: str) -> str:
    """Return PEM whose line ends may have become blanks, or gone, in the form that parsers take."""
    folded = _PEM.findall(text)
    return "\n".join(_lines(block) for block in folded) if folded else text


def _lines(block: str) -> str:
    body = "".join(block.removeprefix("-----BEGIN CERTIFICATE-----").removesuffix("-----END CERTIFICATE-----").split())
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
