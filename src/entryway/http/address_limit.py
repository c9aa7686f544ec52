"""How many of a port's connections one address may hold."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Networks = Sequence[IPv4Network | IPv6Network]

# Who has one address of IPv6 has all that begin alike.
OWN_BITS_OF_IPV6 = 64


@dataclass(frozen=True, slots=True)
class AddressLimit:
    """At most `most` connections for each address that counts."""

    most: int
    private: bool
    """Whether addresses count that nobody has on the internet: a proxy, through which many come, mostly has one."""
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose connections are other people's, and do not count."""

    def counted_as(self, host: str) -> str | None:
        """Return under which name the connections of an address count, or None where they do not."""
        return _counted_as(self, host)


def address_limit(connections: int, told: int | None, proxies: Networks) -> AddressLimit:
    """Return the limit that was told, else half of a port's places for an address of the internet."""
    if told is not None:
        return AddressLimit(told, private=True, proxies=tuple(proxies))
    return AddressLimit(max(1, connections // 2), private=False, proxies=tuple(proxies))


@lru_cache(maxsize=4096)
def _counted_as(limit: AddressLimit, host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None  # a socket of this machine has none
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if not (limit.private or address.is_global) or any(address in network for network in limit.proxies):
        return None
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), OWN_BITS_OF_IPV6), strict=False))
