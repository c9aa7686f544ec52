"""What every certificate that Entryway issues has in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from entryway.certificates import BACKDATED, FOR_CLIENTS, FOR_SERVERS, common_name, issue, new_authority, new_key

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def name(text: str) -> x509.Name:
    return x509.Name([common_name(text)])


def test_an_authority_signs_certificates_and_no_further_authorities():
    authority = new_authority(name("authority"), NOW)
    constraints = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = authority.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert usage.key_cert_sign
    assert not usage.digital_signature


@pytest.mark.parametrize("usage", [FOR_CLIENTS, FOR_SERVERS])
def test_what_it_signs_is_for_one_use_and_for_its_time(usage):
    authority = new_authority(name("authority"), NOW)
    certificate = issue(authority, name("somebody"), new_key().public_key(), usage=usage, now=NOW, lifetime=DAY)

    certificate.verify_directly_issued_by(authority.certificate)
    extensions = certificate.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
    assert certificate.not_valid_before_utc == NOW - BACKDATED
    assert certificate.not_valid_after_utc == NOW + DAY


def test_an_authority_of_the_same_name_did_not_sign_it():
    authority, other = new_authority(name("authority"), NOW), new_authority(name("authority"), NOW)
    certificate = issue(authority, name("somebody"), new_key().public_key(), usage=FOR_CLIENTS, now=NOW, lifetime=DAY)
    with pytest.raises(InvalidSignature):
        certificate.verify_directly_issued_by(other.certificate)


def test_a_long_name_is_cut_to_what_a_certificate_may_hold():
    assert len(common_name("x" * 200).value) == 64


def test_keys_are_not_shown():
    assert "PrivateKey" not in repr(new_authority(name("authority"), NOW))
