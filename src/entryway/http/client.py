"""The pooled client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from entryway.http.known_heads import RESPONSES
from entryway.http.limits import PoolLimits
from entryway.http.pool import CautiousPool, Pool
from entryway.http.repeating import NoAnswer, repeatable
from entryway.http.subclassable import mypyc_attr

if TYPE_CHECKING:
    from entryway.http.messages import OutgoingRequest, Response
    from entryway.http.origin import ConnectionSource

SWEEP_SECONDS = 0.25
MOST_TRIES: Final = 3
"""On a kept connection; the last two are on new ones, because an upstream that ends may have begun to accept them."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Client:
    """Sends requests over pooled connections, one pool per source; belongs to one event loop."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self._pools: dict[ConnectionSource, Pool] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(self, request: OutgoingRequest) -> Response:
        """Return the response as soon as its head is there; its body follows at the pace it is consumed.

        Raises UpstreamUnreachable, UpstreamTimeout or UpstreamError.
        """
        pool = self._pools.get(request.origin) or self._new_pool(request.origin)
        connection = pool.take() or await pool.acquire(request.timeouts)
        if connection.reused and not repeatable(request) and connection.has_ended():
            # It is sent once only, so not on a connection of which the system knows already that it is dead.
            connection.abort()
            connection = await pool.acquire(request.timeouts, fresh=True)
        tries = MOST_TRIES if connection.reused else 1
        while True:
            try:
                arrival = connection.send(request)
            except ValueError:  # nothing was sent
                pool.release(connection)
                raise
            try:
                return await arrival
            except NoAnswer:
                # RFC 9112 §9.3.1: an upstream may close an idle connection while a request is on its way to it.
                tries -= 1
                if tries < 1:
                    raise
            except asyncio.CancelledError:
                connection.give_up(arrival)
                raise
            connection = await pool.acquire(request.timeouts, fresh=True)

    def connection_counts(self) -> tuple[int, int, int]:
        """Return how many connections are open, how many of them are idle, and how many requests wait for one."""
        counts = [pool.counts() for pool in self._pools.values()]
        return sum(c[0] for c in counts), sum(c[1] for c in counts), sum(c[2] for c in counts)

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            for connection in list(pool.connections):
                connection.abort()
        await asyncio.sleep(0)  # the transports end in the loop's next step

    def _new_pool(self, source: ConnectionSource) -> Pool:
        if self._closed:
            raise RuntimeError("the client is closed")
        loop = asyncio.get_running_loop()
        kind = CautiousPool if source.cautious else Pool
        pool = self._pools[source] = kind(source, self.limits, loop)
        if self._sweeping is None:
            self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep, loop)
        return pool

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep every time-out, with one timer for all connections."""
        now = loop.time()
        RESPONSES.age()
        for source, pool in list(self._pools.items()):
            for connection in list(pool.connections):
                connection.check_deadline(now)
            pool.close_idle(now)
            if pool.unused:
                del self._pools[source]
        self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep, loop) if self._pools else None
