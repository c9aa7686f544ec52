"""Certificates that TLS libraries take and we cannot read: refused as what they are, wherever they come from."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from entryway import certificates
from entryway.federation.configuration import SamlConfig
from entryway.federation.errors import InvalidTrust
from entryway.federation.saml_metadata import check_metadata
from entryway.oauth import client_certificates
from entryway.oauth.errors import InvalidRequest
from entryway.saml.errors import SamlInvalid
from entryway.saml.keys import certificate_of, new_key_pair

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DER = new_key_pair("robot", NOW).certificate.public_bytes(Encoding.DER)
VERSION = b"\xa0\x03\x02\x01\x02"
RSA = bytes.fromhex("2a864886f70d010101")
OF_VERSION_10 = DER.replace(VERSION, VERSION[:-1] + b"\x09", 1)
OF_UNKNOWN_KEY = DER.replace(RSA, RSA[:-1] + b"\x7f", 1)


def pem(der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der)


def of_connection(der: bytes) -> object:
    return client_certificates.of_connection({"extensions": {"tls": {"client_cert_chain": [pem(der)]}}})


def trusted(der: bytes) -> object:
    return check_metadata(SamlConfig(metadata="<x/>", metadata_certificate=pem(der)), NOW)


@pytest.mark.parametrize(
    ("read", "refusal"),
    [
        (of_connection, InvalidRequest),
        (lambda der: client_certificates.from_header(pem(der)), InvalidRequest),
        (lambda der: client_certificates.from_header(base64.b64encode(der).decode()), InvalidRequest),
        (lambda der: client_certificates.chain_from_pem(pem(der)), ValueError),
        (lambda der: certificate_of(base64.b64encode(der).decode()), SamlInvalid),
        (trusted, InvalidTrust),
    ],
)
def test_a_certificate_of_no_known_version_is_refused(
    read: Callable[[bytes], object], refusal: type[Exception]
) -> None:
    with pytest.raises(x509.InvalidVersion):
        x509.load_der_x509_certificate(OF_VERSION_10)
    with pytest.raises(refusal):
        read(OF_VERSION_10)


def test_a_key_of_no_known_kind_is_refused() -> None:
    with pytest.raises(certificates.UNREADABLE):
        x509.load_der_x509_certificate(OF_UNKNOWN_KEY).public_key()
    with pytest.raises(SamlInvalid):
        certificate_of(base64.b64encode(OF_UNKNOWN_KEY).decode())
