"""Slows down whoever does too often, from one address or through one client, what a name's own lockout never sees.

Passwords of many users, mails to many people. Each process counts for itself. This machine's own addresses are not
counted: behind a proxy that does not say who comes, all people would share one of them.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from entryway.errors import TooManyRequests
from entryway.oauth.errors import BadCredentials
from entryway.web.client_address import client_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from entryway.storage.moments import Clock
    from entryway.web.client_address import Proxies

# A company that shares one address makes mistakes too: one more is forgiven every ten seconds.
FORGIVEN_EVERY = timedelta(seconds=10)
# An application that brings passwords brings those of all its users, so it may be wrong ten times as often.
OF_A_CLIENT = 10
MOST_SOURCES = 10_000
# Who has one address of IPv6 has a whole network of them.
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class _Count:
    """How many tries of a source are not forgiven yet, as of a moment."""

    count: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Tries:
    """Allows `most` tries of one source within a scope, such as a tenant; zero stands for no limit.

    A source is what all of somebody's tries share: the address of a browser, or the client that brings passwords.
    """

    most: int
    clock: Clock
    forgiven_every: timedelta = FORGIVEN_EVERY
    _tries: OrderedDict[tuple[str, str], _Count] = field(default_factory=OrderedDict)

    @contextmanager
    def counted(self, scope: str, source: str | None) -> Iterator[None]:
        """Raise for one try too many; otherwise count it, and take it back unless BadCredentials says it was wrong.

        It is counted before it is decided, so that tries at one moment are all counted. Of no source, none is.
        """
        self.count(scope, source)
        try:
            yield
        except BadCredentials:
            raise
        except BaseException:
            self._take_back(scope, source)
            raise
        self._take_back(scope, source)

    def count(self, scope: str, source: str | None) -> None:
        """Raise for one try too many, otherwise count it for good."""
        if source is None or self.most <= 0:
            return
        key, now = (scope, source), self.clock()
        left = self._left(key, now)
        over = left + 1 - self.most
        if over > 0:
            raise TooManyRequests(math.ceil(over * self.forgiven_every.total_seconds()), "too many tries of one source")
        self._tries[key] = _Count(left + 1, now)
        self._tries.move_to_end(key)
        while len(self._tries) > MOST_SOURCES:
            self._tries.popitem(last=False)

    def _take_back(self, scope: str, source: str | None) -> None:
        if source is not None and (key := (scope, source)) in self._tries:
            now = self.clock()
            self._tries[key] = _Count(max(0.0, self._left(key, now) - 1), now)

    def _left(self, key: tuple[str, str], now: datetime) -> float:
        tries = self._tries.get(key)
        return 0.0 if tries is None else max(0.0, tries.count - (now - tries.at) / self.forgiven_every)


def came_from(request: Request, proxies: Proxies) -> str | None:
    """Return the network that a request is from, None for one of this machine.

    `proxies` are believed when they say in `x-forwarded-for` who came to them.
    """
    address = client_address(request, proxies)
    if address is None or address.is_loopback:
        return None
    length = _IPV6_PREFIX if address.version == 6 else address.max_prefixlen
    return str(ipaddress.ip_network((address, length), strict=False))
