"""Who a token speaks for, what a certificate then says, and how long it is used."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.mistakes import ConfigurationMistakes
from entryway.connector.issuing import CertificateIssuer, read_authority
from entryway.connector.keys import new_principal_ca, new_system_identity
from entryway.connector.principal import parse_pattern, principal_name
from entryway.tunnel.failures import PrincipalNotIssued

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"user_name": "a", "email": "b"}, "a"),
        ({"email": "b", "mail": "c"}, "b"),
        ({"mail": "c", "user_uuid": "d"}, "c"),
        ({"user_uuid": "d", "sub": "e"}, "d"),
        ({"sub": "e"}, "e"),
        ({"user_name": "", "sub": "e"}, "e"),
        ({"grant_type": "client_credentials", "client_id": "c", "user_name": "x"}, "c"),
        ({"grant_type": "client_credentials", "cid": "c", "sub": "s"}, "c"),
        ({"grant_type": "client_credentials", "azp": "z"}, "z"),
    ],
)
def test_whom_a_token_names(claims: dict[str, Any], name: str) -> None:
    assert principal_name(claims) == name


@pytest.mark.parametrize("claims", [{}, {"user_name": 1}, {"user_name": ["a"]}, {"grant_type": "client_credentials"}])
def test_a_token_that_names_nobody(claims: dict[str, Any]) -> None:
    with pytest.raises(PrincipalNotIssued):
        principal_name(claims)


def subject(pattern: str, claims: dict[str, Any]) -> str:
    return parse_pattern(pattern, "f").subject(claims).rfc4514_string()


def test_patterns() -> None:
    claims = {"user_name": "alex", "email": "a@x.example", "dept": "root", "xs.user.attributes": {"dept": ["4711"]}}
    assert subject("CN=${name}", claims) == "CN=alex"
    assert "4711" in subject("CN=${name},OU=${dept}", claims)
    assert "root" in subject("CN=${name},OU=${cp.dept}", claims)
    assert "Business" in subject("CN=${name}, O=${user_type}", claims)
    assert subject("CN=u-${name}-x", claims) == "CN=u-alex-x"


@pytest.mark.parametrize(
    "pattern", ["", "CN", "CN=", "X=${name}", "CN=$name", "CN=${na me}", "CN=${name},", "CN=${", ","]
)
def test_patterns_that_mean_nothing(pattern: str) -> None:
    with pytest.raises(ConfigurationMistakes):
        parse_pattern(pattern, "f")


@given(st.text(min_size=1, max_size=80))
def test_a_name_is_one_value_whatever_is_in_it(name: str) -> None:
    try:
        made = parse_pattern("CN=${name},OU=fixed", "f").subject({"user_name": name})
    except PrincipalNotIssued:
        return
    assert [str(each.value) for each in made] == [name, "fixed"]


@pytest.mark.parametrize(
    "name", ["a\nb", "a\x00b", " ", "x" * 300, "alice ", " alice", "ali\u200bce", "\u202eecila", "a\x85b"]
)
def test_a_name_that_would_read_as_something_else(name: str) -> None:
    with pytest.raises(PrincipalNotIssued):
        parse_pattern("CN=${name}", "f").subject({"user_name": name})


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_a_certificate_is_used_until_it_comes_near_its_end() -> None:
    clock = Clock()
    ca = new_principal_ca("c", NOW)
    issuer = CertificateIssuer(read_authority(ca.certificate, ca.private_key, "f"), timedelta(minutes=60), clock)
    alex = parse_pattern("CN=${name}", "f").subject({"user_name": "alex"})
    kim = parse_pattern("CN=${name}", "f").subject({"user_name": "kim"})

    first = issuer.issue(alex)

    assert issuer.find(alex) is first
    assert issuer.find(kim) is None
    clock.now = NOW + timedelta(minutes=57)
    assert issuer.find(alex) is first
    clock.now = NOW + timedelta(minutes=59)
    assert issuer.find(alex) is None
    assert issuer.issue(alex).serial != first.serial
    assert b"\n" not in first.header


def test_only_an_authority_may_sign() -> None:
    ca, system = new_principal_ca("c", NOW), new_system_identity("c", NOW)
    for certificate, key in (
        (system.own.certificate, system.own.private_key),
        (ca.certificate, system.own.private_key),
        (ca.certificate, "nonsense"),
        ("nonsense", ca.private_key),
    ):
        with pytest.raises(ConfigurationMistakes):
            read_authority(certificate, key, "f")


def test_the_anchor_of_systems_believes_the_connector() -> None:
    system = new_system_identity("c", NOW)
    own = x509.load_pem_x509_certificate(system.own.certificate.encode())
    own.verify_directly_issued_by(x509.load_pem_x509_certificate(system.anchor.encode()))
