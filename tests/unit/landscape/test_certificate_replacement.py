from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import DNSName, PolicyBuilder, Store, VerificationError

from entryway.landscape.authority import ensure_certificates, ensure_server_certificate
from entryway.landscape.certificates import (
    LOCAL_NAMES,
    SERVER_LIFETIME,
    SUBDOMAIN,
    new_local_authority,
    new_server_certificate,
    parse,
    renewal_due,
    serves,
)
from entryway.landscape.state import StateUnusable, open_state

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_server_certificate_proves_this_machine():
    authority = new_local_authority(NOW, "laptop")
    server = new_server_certificate(authority, LOCAL_NAMES, NOW)

    assert serves(server.certificate, LOCAL_NAMES, authority)
    assert not serves(server.certificate, (*LOCAL_NAMES, "example.com"), authority)
    assert not serves(server.certificate, LOCAL_NAMES, new_local_authority(NOW, "laptop"))


@pytest.mark.parametrize(
    ("name", "believed"), [("localhost", True), ("tenant.localhost", True), ("example.com", False)]
)
def test_the_authority_can_speak_for_this_machine_only(name: str, *, believed: bool):
    authority = new_local_authority(NOW, "laptop")
    server = new_server_certificate(authority, (name,), NOW)
    verifier = PolicyBuilder().store(Store([authority.certificate])).time(NOW).build_server_verifier(DNSName(name))

    if believed:
        assert verifier.verify(server.certificate, [])
    else:
        with pytest.raises(VerificationError):
            verifier.verify(server.certificate, [])


def test_an_authority_cannot_make_another_authority():
    constraints = new_local_authority(NOW, "laptop").certificate.extensions.get_extension_for_class(
        x509.BasicConstraints
    )

    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)


def test_a_server_proves_whole_names():
    """Clients built on Twisted refuse a certificate with a wildcard directly below a top-level name."""
    certificate = new_server_certificate(new_local_authority(NOW, "laptop"), LOCAL_NAMES, NOW).certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost", "dev.localhost"]


def test_a_certificate_is_renewed_a_month_ahead():
    certificate = new_server_certificate(new_local_authority(NOW, "laptop"), LOCAL_NAMES, NOW).certificate

    assert not renewal_due(certificate, NOW)
    assert not renewal_due(certificate, NOW + SERVER_LIFETIME - timedelta(days=31))
    assert renewal_due(certificate, NOW + SERVER_LIFETIME - timedelta(days=29))
    assert renewal_due(certificate, NOW - timedelta(days=1))


def test_a_certificate_and_the_key_of_another_are_not_one():
    authority = new_local_authority(NOW, "laptop")
    one, other = (new_server_certificate(authority, LOCAL_NAMES, NOW) for _ in range(2))

    assert parse(one.certificate_pem, one.key_pem) is not None
    assert parse(one.certificate_pem, other.key_pem) is None
    assert parse(one.certificate_pem, b"damaged") is None


def test_certificates_on_disk_are_kept_while_they_are_good(tmp_path: Path):
    state = open_state(tmp_path / "state")
    ensure_certificates(state, NOW)
    before = state.ca_certificate.read_bytes(), state.server_certificate.read_bytes()

    ensure_certificates(state, NOW + timedelta(days=300))
    assert (state.ca_certificate.read_bytes(), state.server_certificate.read_bytes()) == before

    ensure_certificates(state, NOW + timedelta(days=380))
    assert state.ca_certificate.read_bytes() == before[0]
    assert state.server_certificate.read_bytes() != before[1]


def test_a_clock_that_is_behind_replaces_no_authority(tmp_path: Path):
    state = open_state(tmp_path / "state")
    ensure_certificates(state, NOW)
    before = state.ca_certificate.read_bytes(), state.server_certificate.read_bytes()

    with pytest.raises(StateUnusable, match=r"counts from .* and the clock says .*: set the clock"):
        ensure_certificates(state, NOW - timedelta(hours=1))
    assert (state.ca_certificate.read_bytes(), state.server_certificate.read_bytes()) == before


def test_a_certificate_with_a_name_too_many_is_replaced(tmp_path: Path):
    """One of before, with a wildcard, would still keep some clients away."""
    state = open_state(tmp_path / "state")
    authority = ensure_certificates(state, NOW)
    names = (*LOCAL_NAMES, "*.localhost")
    ensure_server_certificate(authority, names, state.server_certificate, state.server_key, NOW)

    ensure_certificates(state, NOW)

    assert serves(x509.load_pem_x509_certificate(state.server_certificate.read_bytes()), LOCAL_NAMES, authority)


def test_a_new_authority_brings_a_new_server_certificate(tmp_path: Path):
    state = open_state(tmp_path / "state")
    ensure_certificates(state, NOW)
    before = state.server_certificate.read_bytes()
    state.ca_key.unlink()

    authority = ensure_certificates(state, NOW)

    assert state.server_certificate.read_bytes() != before
    assert serves(x509.load_pem_x509_certificate(state.server_certificate.read_bytes()), LOCAL_NAMES, authority)


def test_the_bundle_holds_the_landscape_and_what_was_believed_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    company = new_local_authority(NOW, "company")
    (tmp_path / "company.pem").write_bytes(company.certificate_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "company.pem"))
    state = open_state(tmp_path / "state")

    authority = ensure_certificates(state, NOW)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(state.ca_bundle)
    bundle = state.ca_bundle.read_bytes()
    assert authority.certificate_pem.strip() in bundle
    assert company.certificate_pem.strip() in bundle
    # The system's own list is in it, too, where there is one.
    if Path("/etc/ssl/certs/ca-certificates.crt").exists():
        assert len(context.get_ca_certs()) > 10


def test_a_bundle_that_names_itself_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state = open_state(tmp_path / "state")
    ensure_certificates(state, NOW)
    size = state.ca_bundle.stat().st_size
    monkeypatch.setenv("SSL_CERT_FILE", str(state.ca_bundle))

    ensure_certificates(state, NOW)

    assert state.ca_bundle.stat().st_size == size


def test_the_tenants_own_host_name_needs_no_wildcard():
    """Node.js accepts no wildcard directly below a top-level name."""
    certificate = new_server_certificate(new_local_authority(NOW, "laptop"), LOCAL_NAMES, NOW).certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert f"{SUBDOMAIN}.localhost" in names.get_values_for_type(x509.DNSName)
