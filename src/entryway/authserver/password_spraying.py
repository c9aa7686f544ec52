"""Slows down whoever tries passwords of many users from one address: a name's own lockout never sees that.

Each process counts for itself. This machine's own addresses are not counted: behind a proxy that does not say who
comes, all people would share one of them.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from entryway.errors import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from starlette.requests import Request

    from entryway.authserver.moments import Clock

# A company that shares one address makes mistakes too: one more is forgiven every ten seconds.
FORGIVEN_EVERY = timedelta(seconds=10)
MOST_ADDRESSES = 10_000
# Who has one address of IPv6 has a whole network of them.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Tries:
    """How many tries of an address are not forgiven yet, as of a moment."""

    count: float
    at: datetime

    def left(self, now: datetime) -> float:
        """Return how many of them are left now."""
        return max(0.0, self.count - (now - self.at) / FORGIVEN_EVERY)


@dataclass(frozen=True, slots=True)
class PasswordTries:
    """Allows `most` wrong passwords of one address at a tenant; zero stands for no limit.

    `proxies` are believed when they say in `x-forwarded-for` who came to them.
    """

    most: int
    proxies: Sequence[IPv4Network | IPv6Network]
    clock: Clock
    _tries: OrderedDict[tuple[str, str], Tries] = field(default_factory=OrderedDict)

    def begin(self, zid: str, request: Request) -> None:
        """Count a try before it is decided, so that tries at one moment are all counted; raise for one too many."""
        key, now = self._key(zid, request), self.clock()
        if key is None:
            return
        left = self._tries[key].left(now) if key in self._tries else 0.0
        over = left + 1 - self.most
        if over > 0:
            raise TooManyRequests(math.ceil(over * FORGIVEN_EVERY.total_seconds()), "password tries")
        self._tries[key] = Tries(left + 1, now)
        self._tries.move_to_end(key)
        while len(self._tries) > MOST_ADDRESSES:
            self._tries.popitem(last=False)

    def was_right(self, zid: str, request: Request) -> None:
        """Take a try back: the password was right."""
        key, now = self._key(zid, request), self.clock()
        if key is not None and key in self._tries:
            self._tries[key] = Tries(max(0.0, self._tries[key].left(now) - 1), now)

    def _key(self, zid: str, request: Request) -> tuple[str, str] | None:
        address = came_from(request, self.proxies) if self.most > 0 else None
        return (zid, address) if address is not None else None


def came_from(request: Request, proxies: Sequence[IPv4Network | IPv6Network]) -> str | None:
    """Return the network that a request is from, None for one of this machine."""
    hops = [request.client.host] if request.client else []
    hops += reversed([hop.strip() for hop in ",".join(request.headers.getlist("x-forwarded-for")).split(",")])
    for hop in hops:
        try:
            address = ipaddress.ip_address(hop)
        except ValueError:
            return None
        if not any(address in network for network in proxies):
            if address.is_loopback:
                return None
            length = _IPV6_PREFIX if address.version == 6 else address.max_prefixlen
            return str(ipaddress.ip_network((address, length), strict=False))
    return None
