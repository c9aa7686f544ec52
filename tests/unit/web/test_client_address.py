from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from entryway.web.client_address import certain_address, client_address

PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::/64"))


def request(peer: str, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return Request({"type": "http", "headers": headers, "client": (peer, 40_000)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("10.0.0.1", [], None),
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7:51000"], "203.0.113.7"),
        ("fd00::1", ["[2001:db8::7]:51000"], "2001:db8::7"),
        # Only what the proxies added counts, from the end.
        ("10.0.0.1", ["192.0.2.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("10.0.0.1", ["192.0.2.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, unknown"], None),
        ("10.0.0.1", [""], None),
    ],
)
def test_an_address_that_proxies_say(peer: str, forwarded: list[str], found: str | None) -> None:
    asked = request(peer, *forwarded)
    for address in (client_address(asked, PROXIES), certain_address(asked, PROXIES)):
        assert (address and str(address)) == found


def test_who_is_no_trusted_proxy_says_nothing_that_counts() -> None:
    asked = request("192.0.2.9", "203.0.113.7")
    assert str(client_address(asked, PROXIES)) == "192.0.2.9"
    # It may be a proxy that nobody has named: then everybody comes from its address.
    assert certain_address(asked, PROXIES) is None
