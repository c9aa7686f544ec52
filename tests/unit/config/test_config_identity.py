"""Whom the binding of an identity service trusts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config.identity import IdentityCredentials

CREDENTIALS = IdentityCredentials(
    clientid="c",
    clientsecret="s",
    url="https://t1.accounts.example",
    domains=("accounts.example", "accounts2.example:8443"),
)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://t1.accounts.example",
        "https://T2.Accounts.Example",
        "https://accounts.example",
        "https://t1.accounts2.example:8443",
    ],
)
def test_the_service_and_one_label_below_its_domains_are_trusted(issuer: str):
    assert CREDENTIALS.trusts(issuer)


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "accounts.example",
        "http://t1.accounts.example",
        "https://a.b.accounts.example",
        "https://evilaccounts.example",
        "https://accounts.example.evil.example",
        "https://accounts.example:444",
        "https://t1.accounts.example?x=1",
        "https://t1.accounts.example#x",
        "https://t1.accounts.example@evil.example",
        "https://evil.example\\.accounts.example",
        "https://evil.example/.accounts.example",
        "https://accounts.example:nonsense",
        "https://[::1",
        "https:///accounts.example",
        "https://.accounts.example@",
    ],
)
def test_nobody_else_is(issuer: str):
    assert not CREDENTIALS.trusts(issuer)


@given(st.text(max_size=60))
def test_no_text_is_an_error(text: str):
    CREDENTIALS.trusts(text)
    CREDENTIALS.trusts(f"https://{text}.accounts.example")


def test_without_domains_the_host_of_the_url_alone_is_trusted():
    alone = IdentityCredentials(clientid="c", clientsecret="s", url="https://t1.accounts.example")
    assert alone.trusts("https://t1.accounts.example")
    assert not alone.trusts("https://t2.accounts.example")


def test_plain_http_is_trusted_only_where_the_binding_itself_says_so():
    local = IdentityCredentials(clientid="c", clientsecret="s", url="http://localhost:8080")
    assert local.trusts("http://localhost:8080")
    assert not local.trusts("http://localhost:8081")


def test_the_tenant_has_two_names():
    both = IdentityCredentials(clientid="c", clientsecret="s", url="https://x", app_tid="a", zone_uuid="z")
    assert both.tenant == "a"
    assert both.model_copy(update={"app_tid": ""}).tenant == "z"


def test_the_same_client_at_another_tenant():
    own = CREDENTIALS.model_copy(update={"app_tid": "own", "authorization_endpoint": f"{CREDENTIALS.url}/authorize"})
    here = own.at_tenant("other", f"{own.url}/some/path")
    assert (here.tenant, here.url, here.authorization_endpoint) == ("other", own.url, own.authorization_endpoint)
    there = own.at_tenant("other", "https://t2.accounts.example/oauth2/")
    assert (there.tenant, there.token_url) == ("other", "https://t2.accounts.example/oauth2/token")
    assert (there.clientid, there.secret, there.authorization_endpoint) == (own.clientid, own.secret, None)
