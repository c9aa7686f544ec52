from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entryway.config import redirect_patterns
from entryway.config.redirect_patterns import RedirectPattern
from entryway.oauth import redirects
from entryway.oauth.errors import InvalidRequest


def patterns(*texts: str) -> list[RedirectPattern]:
    found = [redirect_patterns.parse(text) for text in texts]
    assert all(found)
    return [pattern for pattern in found if pattern]


ALLOWED = [
    ("https://a.example.com/callback", "https://a.example.com/callback"),
    ("https://a.example.com/callback", "https://A.EXAMPLE.COM/callback"),
    ("https://a.example.com/callback", "https://a.example.com:443/callback"),
    ("https://a.example.com/callback", "https://a.example.com/callback?x=1"),
    ("https://a.example.com", "https://a.example.com/"),
    ("https://a.example.com", "https://a.example.com"),
    ("https://a.example.com:8443/x", "https://a.example.com:8443/x"),
    ("https://a.example.com:*/x", "https://a.example.com:12345/x"),
    ("http*://a.example.com/x", "http://a.example.com/x"),
    ("http*://a.example.com/x", "https://a.example.com/x"),
    ("https://*.example.com/callback/**", "https://a.example.com/callback"),
    ("https://*.example.com/callback/**", "https://a.example.com/callback/x/y"),
    ("https://a-*.example.com/x", "https://a-1.example.com/x"),
    ("https://**.example.com/x", "https://a.b.example.com/x"),
    ("https://a.example.com/*/x", "https://a.example.com/y/x"),
    ("https://a.example.com/**", "https://a.example.com/"),
    ("https://a.example.com/x?a=1", "https://a.example.com/x?a=1"),
    ("https://a.example.com/x", "http://localhost:5000/anything"),
    ("https://a.example.com/x", "https://localhost"),
    ("com.example.app://callback/x", "com.example.app://callback/x"),
    ("*://a.example.com/x", "https://a.example.com/x"),
    ("https://*shop.example.com/**", "https://shop.example.com/x"),
    ("https://*shop.example.com/**", "https://tenant-shop.example.com/x"),
    ("https://a.example.com/**/x", "https://a.example.com/x"),
    ("https://a.example.com/**/x", "https://a.example.com/y/z/x"),
    ("https://a.example.com/y/**/x/**", "https://a.example.com/y/x"),
    ("https://a.example.com/**/**", "https://a.example.com/"),
    ("https://a.example.com/call**", "https://a.example.com/call"),
    ("https://a.example.com/call**", "https://a.example.com/callback/x"),
]

REFUSED = [
    ("https://a.example.com/callback", "http://a.example.com/callback"),
    ("https://a.example.com/callback", "https://a.example.com/callback/more"),
    ("https://a.example.com/callback", "https://a.example.com/CALLBACK"),
    ("https://a.example.com/callback", "https://a.example.com:8443/callback"),
    ("https://a.example.com/callback", "https://a.example.com.evil.example/callback"),
    ("https://a.example.com/callback", "https://evil.example/a.example.com/callback"),
    ("https://a.example.com/callback", "https://a.example.com@evil.example/callback"),
    ("https://a.example.com/callback", "https://user:pw@a.example.com/callback"),
    ("https://a.example.com/**", "https://a.example.com/x/../y"),
    ("https://a.example.com/**", "https://a.example.com/x/%2E%2E/y"),
    ("https://a.example.com/**", "https://a.example.com/x/%252e%252e/y"),
    ("https://a.example.com/**", "https://a.example.com/x%2fy"),
    ("https://a.example.com/**", "https://a.example.com/x%5c..%5cy"),
    ("https://a.example.com/**", "https://a.example.com/x\\..\\y"),
    ("https://a.example.com/**", "https://a.example.com/x#y"),
    ("https://a.example.com/**", "https://a.example.com/x y"),
    ("https://a.example.com/**", "https://a.example.com/\u00fc"),
    ("https://a.example.com/**", "https://a.example.com/\n"),
    ("https://a.example.com", "https://a.example.com/callback"),
    ("https://a.example.com/x?a=1", "https://a.example.com/x?a=2"),
    ("https://a.example.com/x?a=1", "https://a.example.com/x"),
    ("https://*.example.com/**", "https://example.com/"),
    ("https://*.example.com/**", "https://a.b.example.com/"),
    ("https://*.example.com/**", "https://evil.example/.example.com/"),
    ("https://*.example.com/**", "https://evil.example?.example.com/"),
    ("https://*.example.com/**", "https://evil.example%2f.example.com/"),
    ("https://*.example.com/**", "https://evil.example:443.example.com/"),
    ("https://*.example.com/**", "https://aexample.com/"),
    ("https://a.example.com/x", "http://localhost.evil.example/"),
    ("https://a.example.com/x", "http://localhost@evil.example/"),
    ("https://a.example.com/x", "http://evil.example/localhost"),
    ("https://a.example.com/x", "javascript://localhost/%0aalert(1)"),
    ("https://a.example.com/x", "//localhost/x"),
    ("https://a.example.com/x", "localhost"),
    ("https://a.example.com/x", ""),
    ("https://a.example.com/x", "https://"),
    ("https://a.example.com/x", "https://a.example.com:99999/x"),
    ("https://a.example.com/x", "https://a.example.com:/x"),
    ("https://a.example.com/**", "https://a.example.com/" + "x" * 3000),
    ("https://a.example.com/**/x", "https://a.example.com/evilx"),
    ("https://a.example.com/y/**", "https://a.example.com/yes"),
    ("https://*shop.example.com/**", "https://evil.shop.example.com/x"),
    ("https://*.shop.example.com/**", "https://.shop.example.com/x"),
    ("https://**.example.com/**", "https://example.com/x"),
    ("*://localhost/x", "javascript://localhost/x"),
    ("*://a.example.com/x", "javascript://a.example.com/x"),
    ("*://a.example.com/x", "data://a.example.com/x"),
    ("https://a.example.com/" + "*x" * 150 + "y", "https://a.example.com/" + "x" * 1900),
    ("https://a.example.com" + "/**" * 100 + "/y", "https://a.example.com" + "/x" * 900),
]


@pytest.mark.parametrize(("pattern", "uri"), ALLOWED)
def test_what_is_registered_is_allowed(pattern: str, uri: str) -> None:
    assert redirects.allowed(uri, patterns(pattern))


@pytest.mark.parametrize(("pattern", "uri"), REFUSED)
def test_what_only_looks_registered_is_refused(pattern: str, uri: str) -> None:
    assert not redirects.allowed(uri, patterns(pattern))


TRICKS = st.text(alphabet="abe.x/\\@:?#%25f2cE*[]- \t\n_~&=evilgood", max_size=60)


@given(prefix=st.sampled_from(["https://", "http://", "//", "https:/", ""]), rest=TRICKS)
def test_whatever_is_allowed_is_on_a_registered_host(prefix: str, rest: str) -> None:
    uri = prefix + rest
    if redirects.allowed(uri, patterns("https://*.good.example/**", "https://one.example/x")):
        host = urlsplit(uri).hostname or ""
        assert host in {"one.example", "localhost"} or host.endswith(".good.example")
        assert "@" not in uri
        assert "\\" not in uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nope",
        "https://",
        "https://a b/",
        "https://a/ b",
        "://a",
        "https://a/x#y",
        "https://a:x/",
        "https://a\\b/",
        "javascript://a/x",
        "DATA://a/x",
    ],
)
def test_what_is_no_pattern_is_none(text: str) -> None:
    assert redirect_patterns.parse(text) is None


def test_a_pattern_whose_host_has_an_open_end_is_known() -> None:
    for text in ("https://*/x", "https://**/x", "https://*.*/x", "https://a.example.com**", "https://a.*/x"):
        assert all(redirect_patterns.matches_any_host(pattern) for pattern in patterns(text))
    assert not any(redirect_patterns.matches_any_host(pattern) for pattern in patterns("https://*.example.com/x"))


def test_without_a_redirect_uri_the_only_registered_one_is_used() -> None:
    assert redirects.choose(None, patterns("https://a.example/x")) == "https://a.example/x"


@pytest.mark.parametrize(
    "registered", [[], ["https://a.example/x", "https://b.example/x"], ["https://*.example/x"], ["http*://a.example/x"]]
)
def test_without_a_redirect_uri_there_must_be_exactly_one_without_wildcards(registered: list[str]) -> None:
    with pytest.raises(InvalidRequest):
        redirects.choose(None, patterns(*registered))


def test_a_refused_redirect_uri_is_named() -> None:
    with pytest.raises(InvalidRequest) as refused:
        redirects.choose("https://evil.example/\n", patterns("https://a.example/x"))
    assert refused.value.description == (
        "Invalid redirect https://evil.example/? did not match one of the registered values"
    )
