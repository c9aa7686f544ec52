"""What connectors dialled: one tunnel for each connected connector, and where each is found."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from entryway.errors import UpstreamUnreachable
from entryway.tunnel.demand import DemandLimits, Supply, wanted
from entryway.tunnel.failures import NoConnector, TunnelTimeout
from entryway.tunnel.identity import ConnectorIdentity, TunnelId

if TYPE_CHECKING:
    from entryway.http import UpstreamConnection


class Tunnel:
    """One connector's connections: a source for the HTTP client that asks for more when it runs low."""

    # The names by which the HTTP client knows a source: what it writes for us comes from the request alone.
    authority = b""
    target_prefix = b""
    cautious = False

    def __init__(
        self,
        identity: ConnectorIdentity,
        limits: DemandLimits,
        ask: Callable[[int], None],
        open_seconds: float,
        connected_at: datetime,
    ) -> None:
        self.identity = identity
        self.connected_at = connected_at
        self.label = f"connector {identity.connector_id}"
        self._ended = asyncio.Event()
        self._limits = limits
        self._ask = ask
        self._open_seconds = open_seconds
        self._idle: dict[UpstreamConnection, None] = {}
        self._live: set[UpstreamConnection] = set()
        self._waiting: deque[asyncio.Future[UpstreamConnection]] = deque()
        self._asked = 0
        self._asked_at = 0.0

    @property
    def closed(self) -> bool:
        """Whether the connector is gone."""
        return self._ended.is_set()

    async def ends_within(self, seconds: float) -> bool:
        """Return whether the connector is gone, or goes in the time given."""
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except TimeoutError:
            return False
        return True

    @property
    def connections(self) -> int:
        """How many connections there are, idle and busy."""
        return len(self._live)

    async def connect(self) -> UpstreamConnection:
        """Return a connection that waits for a request; ask the connector for more of them if they run low."""
        if self.closed:
            raise UpstreamUnreachable(self.label, "it has disconnected")
        if self._idle:
            connection = self._idle.popitem()[0]
            self.replenish()
            return connection
        waiter: asyncio.Future[UpstreamConnection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            self.replenish()
            async with asyncio.timeout(self._open_seconds):
                return await waiter
        except BaseException as error:
            self._no_longer_waiting(waiter)
            if isinstance(error, TimeoutError):
                raise TunnelTimeout from error
            raise

    def arrived(self, connection: UpstreamConnection) -> None:
        """The connector dialled one more."""
        if self.closed or len(self._live) >= self._limits.maximum:
            connection.abort()
            return
        self._asked = max(0, self._asked - 1)
        self._live.add(connection)
        connection.on_closed = self._gone
        self._hand_out(connection)
        self.replenish()

    def dial_failed(self, count: int) -> None:
        """The connector could not dial so many; they are asked for again when they are needed, not at once."""
        self._asked = max(0, self._asked - count)

    def replenish(self) -> None:
        """Ask for as many connections as are wanted now."""
        now = asyncio.get_running_loop().time()
        if self._asked and now - self._asked_at > self._open_seconds:
            self._asked = 0  # they will not come any more
        busy = len(self._live) - len(self._idle)
        count = wanted(Supply(len(self._idle), busy, self._asked, len(self._waiting)), self._limits)
        if count and not self.closed:
            self._asked += count
            self._asked_at = now
            self._ask(count)

    def tidy(self) -> None:
        """Close what a burst left behind, and replace what broke."""
        while len(self._idle) > self._limits.spare:
            connection = next(iter(self._idle))
            connection.close()
            self._idle.pop(connection, None)
        self.replenish()

    def close(self) -> None:
        """The connector is gone: nobody waits for it any longer. Requests under way may still come to their end."""
        self._ended.set()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(UpstreamUnreachable(self.label, "it has disconnected"))
        self._waiting.clear()
        for connection in list(self._idle):
            connection.close()
        self._idle.clear()

    def cut(self) -> None:
        """The connector must not serve any longer: requests under way end, too."""
        self.close()
        for connection in list(self._live):
            connection.abort()

    def _hand_out(self, connection: UpstreamConnection) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle[connection] = None

    def _no_longer_waiting(self, waiter: asyncio.Future[UpstreamConnection]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None and not waiter.result().closed:
            # It came just as its request gave up: the next one may have it.
            self._hand_out(waiter.result())

    def _gone(self, connection: UpstreamConnection) -> None:
        self._live.discard(connection)
        self._idle.pop(connection, None)


@dataclass(slots=True)
class Tunnels:
    """Every connected connector, by tenant and location."""

    by_id: dict[TunnelId, Tunnel] = field(default_factory=dict)
    on_removed: Callable[[], None] = lambda: None

    def resolve(self, wanted_id: TunnelId) -> Tunnel:
        """Return the tunnel to a tenant's location, or raise NoConnector."""
        tunnel = self.by_id.get(wanted_id)
        if tunnel is None:
            raise NoConnector(wanted_id.zid, wanted_id.location_id)
        return tunnel

    def remove(self, tunnel: Tunnel) -> None:
        """Forget a tunnel, unless a newer one has its place."""
        if self.by_id.get(tunnel.identity.tunnel) is tunnel:
            del self.by_id[tunnel.identity.tunnel]
            self.on_removed()
