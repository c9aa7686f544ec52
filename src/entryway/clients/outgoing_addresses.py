"""Which addresses may be called where somebody else names them: a tenant's administrator, or what a provider publishes.

Decided of the addresses that a host resolves to, not of its name (server-side request forgery).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

from entryway.errors import ConfigurationError, UpstreamUnreachable

IpAddress: TypeAlias = IPv4Address | IPv6Address
IpNetwork: TypeAlias = IPv4Network | IPv6Network

VARIABLE = "ENTRYWAY_OUTGOING_NETWORKS"
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
# RFC 1918, RFC 6598 (behind carriers, and what container networks use), RFC 4193.
PRIVATE = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    IPv6Network("fc00::/7"),
)
_WORDS: Mapping[str, tuple[IpNetwork, ...]] = {"loopback": LOOPBACK, "private": PRIVATE}
# Where clouds tell a machine its own credentials, besides the link-local addresses.
_METADATA = frozenset(
    ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")
)
# Addresses of IPv6 that are another way to write one of IPv4: RFC 6052, RFC 8215, RFC 4291 §2.5.5.1, RFC 3056.
_LAST_FOUR_BYTES = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
_6TO4 = IPv6Network("2002::/16")


class AddressRefused(UpstreamUnreachable):
    """What was to be called has an address that the operator does not want to be called."""

    title = "This address may not be called from here"


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Public addresses, and those of `networks`. `origins` are of the operator's own services, wherever they are.

    With `https_only`, nothing is called without TLS but this machine, where it is permitted.
    """

    networks: tuple[IpNetwork, ...] = ()
    origins: frozenset[str] = frozenset()
    https_only: bool = True

    def permitted(self, addresses: Iterable[str], *, encrypted: bool = True) -> list[str]:
        """Return those that may be called, in their order."""
        everywhere = encrypted or not self.https_only
        return [
            address
            for address in addresses
            if self._permits(found := ip_address(address)) and (everywhere or _meant(found).is_loopback)
        ]

    def _permits(self, address: IpAddress) -> bool:
        meant = _meant(address)
        if meant in _METADATA or meant.is_link_local or meant.is_multicast or meant.is_unspecified:
            return False
        site_local = isinstance(meant, IPv6Address) and meant.is_site_local
        return (meant.is_global and not site_local) or any(meant in network for network in self.networks)


INSIDE = AddressPolicy((*LOOPBACK, *PRIVATE), https_only=False)
"""For services in one's own network, and on a developer's machine."""


def outgoing_settings(environ: Mapping[str, str], *own: str) -> dict[str, Any]:
    """Return what the environment says of calls, for the authorization server and the identity provider alike."""
    words = [word.strip() for word in environ.get(VARIABLE, "").split(",")]
    networks = tuple(network for word in words if word for network in _WORDS.get(word) or (_network(word),))
    return {"outgoing": AddressPolicy(networks, frozenset(own))}


def _network(text: str) -> IpNetwork:
    try:
        return ip_network(text)
    except ValueError as error:
        rule = f"networks (10.0.0.0/8) or {', '.join(_WORDS)}, separated by commas"
        raise ConfigurationError(f"{VARIABLE} must be {rule}, not {text!r}") from error


def _meant(address: IpAddress) -> IpAddress:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _6TO4:
        return IPv4Address(address.packed[2:6])
    if int(address) > 1 and any(address in network for network in _LAST_FOUR_BYTES):
        return IPv4Address(address.packed[12:])
    return address
