"""The connections to one source: reused last in, first out, bounded, waited for in order; or else in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from entryway.errors import UpstreamTimeout, UpstreamUnreachable

if TYPE_CHECKING:
    from entryway.http.limits import PoolLimits, Timeouts
    from entryway.http.origin import ConnectionSource
    from entryway.http.upstream import UpstreamConnection


CAUTIOUS_SECONDS = 5.0


class Pool:
    """Every operation costs the same at one connection and at a thousand."""

    __slots__ = ("_idle", "_limits", "_loop", "_open", "_waiters", "connections", "source")

    def __init__(self, source: ConnectionSource, limits: PoolLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.source = source
        self.connections: set[UpstreamConnection] = set()
        self._limits = limits
        self._loop = loop
        # A dict is a stack from which an entry in the middle can be taken at once.
        self._idle: dict[UpstreamConnection, None] = {}
        self._open = 0
        self._waiters: deque[asyncio.Future[UpstreamConnection | None]] = deque()

    def take(self) -> UpstreamConnection | None:
        """Return an idle connection, if there is one."""
        return self._idle.popitem()[0] if self._idle else None

    async def acquire(self, timeouts: Timeouts, *, fresh: bool = False) -> UpstreamConnection:
        """Return a connection, new or handed on by another request; `fresh` insists on a new one."""
        while True:
            if not fresh and (connection := self.take()) is not None:
                return connection
            if self._open < self._limits.connections_per_origin:
                return await self._connect(timeouts)
            if fresh and self._idle:
                # The idle ones are suspected to be dead; one of them makes room.
                self._idle.popitem()[0].close()
                continue
            handed_on = await self._wait(timeouts)
            if handed_on is not None:
                return handed_on

    def release(self, connection: UpstreamConnection) -> None:
        """Take back a connection that is ready for another request."""
        if not self._limits.reuse:
            connection.close()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        connection.idle_since = self._loop.time()
        self._idle[connection] = None

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop a connection that is closed; one who waits may open another."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._idle.pop(connection, None)
            self._make_room()

    def close_idle(self, now: float) -> None:
        """Close what has been idle for too long."""
        self._close_older(now - self._limits.idle_seconds)

    def _close_older(self, since: float) -> None:
        for connection in [idle for idle in self._idle if idle.idle_since <= since]:
            self._idle.pop(connection, None)
            connection.close()

    def counts(self) -> tuple[int, int, int]:
        """Return how many connections are open, how many of them are idle, and how many wait for one."""
        return self._open, len(self._idle), len(self._waiters)

    async def _connect(self, timeouts: Timeouts) -> UpstreamConnection:
        self._open += 1
        try:
            async with asyncio.timeout(timeouts.connect):
                connection = await self.source.connect()
        except BaseException as error:
            self._make_room()
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout(self.source.label, "no connection in time") from error
            # A ValueError says that the host is none that could be looked up.
            if isinstance(error, OSError | ValueError):
                raise UpstreamUnreachable(self.source.label, str(error)) from error
            raise
        if connection.closed:
            self._make_room()
            raise UpstreamUnreachable(self.source.label, "it closed the connection at once")
        connection.pool = self
        connection.limits = self._limits
        self.connections.add(connection)
        return connection

    async def _wait(self, timeouts: Timeouts) -> UpstreamConnection | None:
        waiter: asyncio.Future[UpstreamConnection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeouts.pool):
                connection = await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                # It was handed on just as we stopped waiting: pass it further.
                handed_on = waiter.result()
                if handed_on is None:
                    self._wake_one()
                elif not handed_on.closed:
                    self.release(handed_on)
            else:
                waiter.cancel()
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout(self.source.label, "all connections are busy") from error
            raise
        return None if connection is not None and connection.closed else connection

    def _make_room(self) -> None:
        self._open -= 1
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    @property
    def unused(self) -> bool:
        """Whether nothing would be lost if the pool were forgotten."""
        return self._open == 0 and not self._waiters


class CautiousPool(Pool):
    """For an upstream that is strict about connections: each is used in its turn, and none is kept idle for long."""

    __slots__ = ()

    def take(self) -> UpstreamConnection | None:
        """Return the connection that has been idle for longest."""
        for connection in self._idle:
            del self._idle[connection]
            return connection
        return None

    def close_idle(self, now: float) -> None:
        """Close what has been idle for a short while."""
        self._close_older(now - min(CAUTIOUS_SECONDS, self._limits.idle_seconds))
