import pytest

from entryway.authserver.tenant_addresses import NamedZone, TenantAddresses, ZoneUnknown
from entryway.errors import BadRequest, ConfigurationError

CLOUD = TenantAddresses(
    "https://{subdomain}.authentication.example.com", ("authentication.example.com", "authentication.cert.example.com")
)
LAPTOP = TenantAddresses("https://localhost:8443/t/{subdomain}", ("localhost",))


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("", NamedZone()),
        ("authentication.example.com", NamedZone()),
        ("authentication.cert.example.com", NamedZone()),
        ("acme.authentication.example.com:443", NamedZone(subdomain="acme")),
        ("ACME.authentication.cert.example.com", NamedZone(subdomain="acme")),
        ("api.authentication.example.com", NamedZone()),
        ("internal-xsuaa.authentication.example.com", NamedZone()),
        ("LOGIN.acme.example:443", NamedZone(domain="login.acme.example")),
        ("authentication.evil.com.", NamedZone(domain="authentication.evil.com")),
    ],
)
def test_hosts_of_both_families_name_tenants(host: str, named: NamedZone) -> None:
    assert CLOUD.named_by(None, None, host) == named


@pytest.mark.parametrize(
    "host",
    [
        "com",
        "a.b.authentication.example.com",
        "-a.authentication.example.com",
        "a_b.example",
        "a..example",
        ":443",
        " ",
    ],
)
def test_other_hosts_do_not(host: str) -> None:
    with pytest.raises(ZoneUnknown):
        CLOUD.named_by(None, None, host)


def test_a_path_names_a_tenant() -> None:
    assert LAPTOP.url_of("acme") == "https://localhost:8443/t/acme"
    assert LAPTOP.named_by(None, None, "localhost:8443", "Acme") == NamedZone(subdomain="acme")


@pytest.mark.parametrize(("header", "query"), [("z", None), (None, "Z"), ("z", "z")])
@pytest.mark.parametrize(("host", "path"), [("localhost", None), ("localhost", "acme"), ("acme.localhost", None)])
def test_an_id_counts_before_the_address(header: str | None, query: str | None, host: str, path: str | None) -> None:
    assert LAPTOP.named_by(header, query, host, path) == NamedZone(id="z")


@pytest.mark.parametrize(
    ("header", "query", "host"),
    [("z", "y", "localhost"), ("z", None, "acme.localhost"), (None, None, "acme.localhost")],
)
def test_two_ids_or_two_addresses_name_none(header: str | None, query: str | None, host: str) -> None:
    with pytest.raises(BadRequest):
        LAPTOP.named_by(header, query, host, "acme")


@pytest.mark.parametrize(
    "template",
    [
        "http://{subdomain}.example.com",
        "https://example.com",
        "https://x.{subdomain}.example.com",
        "https://{subdomain}{subdomain}.example.com",
        "https://example.com/{subdomain}",
        "https://{subdomain}.example.com/path",
        "https://{subdomain}.example.com?x",
        "https://x{subdomain}.example.com",
    ],
)
def test_what_is_no_address_of_tenants(template: str) -> None:
    with pytest.raises(ConfigurationError):
        TenantAddresses(template, ("example.com",))
