"""Which tenant a host and a user name, and where that tenant's authorization server is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.bindings import ConnectivityCredentials, UaaCredentials
from entryway.config.js_regex import compile_js
from entryway.router.errors import TenantMismatch
from entryway.router.sessions import Login
from entryway.router.tenants import Tenants

TENANTS = Tenants(compile_js("^(.*)\\.app\\.local(:\\d+)?$"), False, "acme", "zone-of-acme")


def login(**claims: object) -> Login:
    return Login("t", None, 2.0, None, b"", frozenset(), claims, "alex")


def uaa(**more: object) -> UaaCredentials:
    secret = {"clientid": "c", "clientsecret": "s", "xsappname": "app", "identityzone": "acme"}
    return UaaCredentials.model_validate(secret | {"url": "https://acme.login.example"} | more)


@pytest.mark.parametrize(
    ("host", "tenant"),
    [
        ("t1.app.local", "t1"),
        ("T1.app.local:8080", "t1"),
        ("a.b.app.local", "a.b"),
        ("app.local", None),
        (".app.local", None),
        ("evil.com/x.app.local", None),
        ("user@evil.com#.app.local", None),
        ("a_b.app.local", None),
        ("-a.app.local", None),
        ("a" * 300 + ".app.local", None),
    ],
)
def test_a_host_names_a_tenant(host, tenant):
    assert TENANTS.of_host(host) == tenant


@given(st.text())
def test_no_host_leads_away_from_the_authorization_server(text):
    tenant = TENANTS.of_host(f"{text}.app.local")

    if tenant is not None:
        url = uaa(uaadomain="login.example").at_tenant(tenant).url
        assert url == f"https://{tenant}.login.example"
        assert set(tenant) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def test_a_user_is_of_the_tenant_that_the_token_names():
    TENANTS.check(login(zdn="t1"), "t1")
    TENANTS.check(login(zid="zone-of-acme"), "acme")


@pytest.mark.parametrize(
    ("claims", "tenant"),
    [
        ({"zdn": "t1"}, "t2"),
        ({"zdn": "t1"}, None),
        ({}, None),
        ({}, "t1"),
        ({"zid": "other"}, "acme"),
        ({"zdn": 7}, "7"),
    ],
)
def test_a_user_of_another_tenant_is_refused(claims, tenant):
    with pytest.raises(TenantMismatch):
        TENANTS.check(login(**claims), tenant)


@pytest.mark.parametrize(("tenant", "header"), [("acme", b"acme"), ("t1", b"acme!t1"), (None, None)])
def test_what_backends_learn_of_the_tenant(tenant, header):
    assert TENANTS.header(tenant) == header


@pytest.mark.parametrize(
    ("credentials", "url"),
    [
        ({"uaadomain": "login.example"}, "https://t1.login.example"),
        ({"uaadomain": "login.example", "url": "http://acme.login.example:81"}, "http://t1.login.example:81"),
        ({"uaadomain": "login.example:82", "url": "http://acme.login.example:81"}, "http://t1.login.example:82"),
        ({}, "https://t1.login.example"),
    ],
)
def test_where_a_tenants_authorization_server_is(credentials, url):
    assert uaa(**credentials).at_tenant("t1").url == url
    assert uaa(**credentials).at_tenant(None).url == uaa(**credentials).url


def test_a_client_with_a_certificate_asks_the_tenants_certificate_address():
    credentials = uaa(
        clientsecret=None,
        certificate="c",
        key="k",
        certurl="https://acme.login.cert.example",
        uaadomain="login.example",
    )

    assert credentials.at_tenant("t1").token_url == "https://t1.login.cert.example/oauth/token"


def test_the_connectivity_service_has_an_address_of_its_own_for_tokens():
    credentials = ConnectivityCredentials.model_validate(
        {
            "clientid": "c",
            "clientsecret": "s",
            "url": "https://acme.login.example",
            "token_service_url": "https://acme.login.example",
            "uaadomain": "login.example",
            "onpremise_proxy_host": "h",
            "onpremise_proxy_port": "1",
        }
    )

    assert credentials.at_tenant("t1").token_url == "https://t1.login.example/oauth/token"
