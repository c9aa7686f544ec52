"""Whose connections count together, and whose do not."""

from ipaddress import ip_network

import pytest

from entryway.http.address_limit import address_limit


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.1.2.3", "fe80::1%eth0", "::ffff:192.168.1.1", "", "@socket"])
def test_by_default_addresses_that_proxies_have_do_not_count(host: str) -> None:
    assert address_limit(100, None, ()).counted_as(host) is None


def test_by_default_an_address_of_the_internet_has_half_of_the_places() -> None:
    limit = address_limit(100, None, ())
    assert limit.most == 50
    assert limit.counted_as("8.8.8.8") == limit.counted_as("::ffff:8.8.8.8") == "8.8.8.8"


def test_addresses_of_ipv6_count_by_what_one_customer_has() -> None:
    limit = address_limit(100, None, ())
    assert (
        limit.counted_as("2600:1:2:3::1") == limit.counted_as("2600:1:2:3:ffff::9") != limit.counted_as("2600:1:2:4::1")
    )


def test_a_limit_that_was_told_holds_for_all_but_proxies() -> None:
    limit = address_limit(100, 7, [ip_network("10.0.0.0/8")])
    assert limit.most == 7
    assert limit.counted_as("127.0.0.1") == "127.0.0.1"
    assert limit.counted_as("10.1.2.3") is None
