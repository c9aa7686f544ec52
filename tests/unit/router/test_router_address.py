"""The address under which the client knows the application."""

import ipaddress

import pytest

from entryway.http import Body, Headers, Peer, Request
from entryway.router.address import address_of, prefix_of, trust_in


def request(target: str = "/x", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request("GET", target, Headers(raw), Body.of(b""), Peer("h", 1))


def test_the_address_that_the_client_used():
    assert address_of(request(host="h:5000")).origin == "http://h:5000"
    address = address_of(
        request("/x", host="h", x_forwarded_host="out, in", x_forwarded_proto="https,http", x_forwarded_path="/pre/x")
    )
    assert (address.origin, address.prefix, address.secure) == ("https://out", "/pre", True)


@pytest.mark.parametrize("proto", ["javascript", "ftp", ""])
def test_a_scheme_that_is_none_is_not_believed(proto: str):
    assert address_of(request(host="h", x_forwarded_proto=proto)).proto == "http"


def test_the_folder_itself_may_be_asked_for_without_its_slash():
    assert prefix_of(request("/", x_forwarded_path="/pre")) == "/pre"


@pytest.mark.parametrize(
    ("outside", "prefix"),
    [
        ("/pre/x", "/pre"),
        ("/pre/x?y=1", "/pre"),
        ("/x", ""),
        ("/other", ""),
        ("pre/x", ""),
        ("//evil.com/x", "/evil.com"),
        ("/\\evil.com/x", ""),
        ("/a/b/x", "/a/b"),
    ],
)
def test_the_prefix_is_what_stands_before_our_path(outside: str, prefix: str):
    assert prefix_of(request(x_forwarded_path=outside)) == prefix


def test_who_is_believed():
    assert trust_in(None)(Peer("203.0.113.9", 1))
    some = trust_in([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")])
    assert [some(Peer(host, 1)) for host in ("10.1.2.3", "::1", "11.0.0.1", "not-an-address")] == [
        True,
        True,
        False,
        False,
    ]
    assert not trust_in([])(Peer("127.0.0.1", 1))
