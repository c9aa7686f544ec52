from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from entryway.errors import ConfigurationError
from entryway.http.address_limit import AddressLimit
from entryway.landscape.authserver_environment import (
    address_limits,
    audit_settings,
    branding_settings,
    certificate_settings,
    identity_provider_url,
    limit_settings,
    listener_limits,
)


def test_nothing_said_keeps_the_defaults() -> None:
    assert certificate_settings({"ENTRYWAY_CERTIFICATE_PROXIES": ""}) == {}


def test_what_is_said_reaches_the_settings(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    assert certificate_settings(
        {
            "ENTRYWAY_CERTIFICATE_URL": "https://cert.example.com",
            "ENTRYWAY_CERTIFICATE_PROXIES": "10.0.0.0/8, 192.0.2.1",
            "ENTRYWAY_CERTIFICATE_HEADER": "SSL-Client-Cert",
            "ENTRYWAY_CERTIFICATE_AUTHORITIES": str(tmp_path / "ca.pem"),
        }
    ) == {
        "certificate_url": "https://cert.example.com",
        "certificate_proxies": ("10.0.0.0/8", "192.0.2.1"),
        "certificate_header": "ssl-client-cert",
        "certificate_authorities": b"pem",
    }


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ENTRYWAY_CERTIFICATE_AUTHORITIES"):
        certificate_settings({"ENTRYWAY_CERTIFICATE_AUTHORITIES": str(tmp_path / "none")})


def test_connections_of_a_port_are_limited() -> None:
    assert listener_limits({}).connections == 2000
    limits = listener_limits({"ENTRYWAY_CONNECTIONS": "50", "ENTRYWAY_CONNECTIONS_PER_ADDRESS": "5"})
    assert (limits.connections, limits.per_address) == (50, AddressLimit(5, private=True))
    with pytest.raises(ConfigurationError, match="ENTRYWAY_CONNECTIONS"):
        listener_limits({"ENTRYWAY_CONNECTIONS": "many"})


def test_limits_are_whole_numbers() -> None:
    assert limit_settings({}) == {}
    assert limit_settings({"ENTRYWAY_TOKEN_RATE": "0", "ENTRYWAY_CLIENT_FAILURES": "5"}) == {
        "token_requests_per_second": 0,
        "client_failures": 5,
    }
    rates = ("ENTRYWAY_AUTHORIZATION_RATE", "ENTRYWAY_IDENTITY_PROVIDER_RATE", "ENTRYWAY_SCIM_RATE")
    assert limit_settings({name: str(number) for number, name in enumerate(rates)}) == {
        "authorization_requests_per_second": 0,
        "identity_provider_requests_per_second": 1,
        "scim_requests_per_second": 2,
    }


def test_limits_of_one_address_are_the_identity_providers_too() -> None:
    assert address_limits({}) == {}
    given = {"ENTRYWAY_ADDRESS_FAILURES": "5", "ENTRYWAY_ADDRESS_MAILS": "0"}
    assert address_limits(given) == {"address_failures": 5, "address_mails": 0}


@pytest.mark.parametrize("value", ["-1", "many", "1.5", "1" * 9])
def test_other_limits_are_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="ENTRYWAY_TOKEN_RATE"):
        limit_settings({"ENTRYWAY_TOKEN_RATE": value})


def test_branding_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "branding.yaml"
    file.write_text("name: Muster AG\n", "utf-8")
    assert branding_settings({"ENTRYWAY_BRANDING": str(file)})["branding"].name == "Muster AG"
    assert branding_settings({}) == {}


def test_the_audit_trail_is_kept_for_days() -> None:
    assert audit_settings({}) == {}
    assert audit_settings({"ENTRYWAY_AUDIT_DAYS": "400"}) == {"audit_kept_for": timedelta(days=400)}
    with pytest.raises(ConfigurationError, match="ENTRYWAY_AUDIT_DAYS"):
        audit_settings({"ENTRYWAY_AUDIT_DAYS": "a year"})


def test_the_identity_provider_has_another_address_where_the_environment_says_so() -> None:
    usual = "https://localhost:8445"
    assert identity_provider_url({"ENTRYWAY_IDENTITY_PROVIDER_URL": ""}, usual) == usual
    for url in ("https://dev.localhost:8445", "https://accounts.example.com"):
        assert identity_provider_url({"ENTRYWAY_IDENTITY_PROVIDER_URL": url}, usual) == url


@pytest.mark.parametrize(
    "rest", ["", "a.example/", "a.example/path", "u@a.example", "A.example", "a.example:0", "a.example\n", "a b"]
)
def test_an_address_of_the_identity_provider_is_an_https_origin(rest: str) -> None:
    for url in (f"https://{rest}", "http://a.example"):
        with pytest.raises(ConfigurationError, match="ENTRYWAY_IDENTITY_PROVIDER_URL must be"):
            identity_provider_url({"ENTRYWAY_IDENTITY_PROVIDER_URL": url}, "https://localhost:8445")
