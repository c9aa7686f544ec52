from __future__ import annotations

from ipaddress import ip_network

import pytest

from entryway.clients.outgoing_addresses import INSIDE, VARIABLE, AddressPolicy, outgoing_settings
from entryway.errors import ConfigurationError

PUBLIC = ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822"]
LOOPBACK = ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::"]
PRIVATE = ["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b:1::a00:1"]
NEVER = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "fe80::1",
    "fe80::1%eth0",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "255.255.255.255",
    "fec0::1",
]


def test_public_addresses_alone_may_be_called() -> None:
    assert AddressPolicy().permitted([*LOOPBACK, *PRIVATE, *PUBLIC, *NEVER]) == PUBLIC


def test_what_nobody_may_call_stays_so_in_ones_own_network() -> None:
    assert INSIDE.permitted([*NEVER, *LOOPBACK, *PRIVATE, *PUBLIC]) == [*LOOPBACK, *PRIVATE, *PUBLIC]


def test_an_operator_names_networks() -> None:
    policy = outgoing_settings({VARIABLE: "10.1.0.0/16, fd12::/16"}, "https://idp.example")["outgoing"]
    assert policy.permitted(["10.1.2.3", "10.2.0.1", "fd12::5", "127.0.0.1"]) == ["10.1.2.3", "fd12::5"]
    assert policy.origins == {"https://idp.example"}
    assert policy.https_only


def test_words_stand_for_networks() -> None:
    assert outgoing_settings({VARIABLE: "loopback,private"})["outgoing"].networks == INSIDE.networks
    assert outgoing_settings({})["outgoing"] == AddressPolicy()
    assert AddressPolicy((ip_network("169.254.0.0/16"),)).permitted(["169.254.169.254"]) == []


@pytest.mark.parametrize("value", ["any", "10.0.0.1/8", "10.0.0.0/8;fd00::/8", "localhost"])
def test_what_is_no_network_is_refused_at_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match=VARIABLE):
        outgoing_settings({VARIABLE: value})
