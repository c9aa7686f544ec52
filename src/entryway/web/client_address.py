"""From which address a request comes: of the connection, or as a trusted proxy says it in `x-forwarded-for`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

Address = IPv4Address | IPv6Address
Proxies = Sequence[IPv4Network | IPv6Network]

# Some proxies name the port as well.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+")


def client_address(request: Request, proxies: Proxies) -> Address | None:
    """Return the address of the nearest hop that is no trusted proxy; None where that cannot be read."""
    return _nearest([_peer(request), *reversed(_forwarded(request))], proxies)


def certain_address(request: Request, proxies: Proxies) -> Address | None:
    """Return the client's address, None where a proxy that nobody trusts may stand between.

    The connection's address would be that proxy's then, the same for everybody: nothing may be granted for it.
    """
    forwarded = _forwarded(request)
    if forwarded and _nearest([_peer(request)], proxies) is not None:
        return None
    return _nearest([_peer(request), *reversed(forwarded)], proxies)


def _nearest(hops: Sequence[str], proxies: Proxies) -> Address | None:
    for hop in hops:
        address = _address(hop)
        if address is None or not any(address in network for network in proxies):
            return address
    return None


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _forwarded(request: Request) -> list[str]:
    headers = request.headers.getlist("x-forwarded-for")
    return [hop.strip() for hop in ",".join(headers).split(",")] if headers else []


def _address(hop: str) -> Address | None:
    if with_port := _WITH_PORT.fullmatch(hop):
        hop = with_port["v6"] or with_port["v4"]
    try:
        address = ipaddress.ip_address(hop)
    except ValueError:
        return None
    # How a socket that takes both versions names a client of IPv4.
    return (address.version == 6 and address.ipv4_mapped) or address
