"""Accepts connections that begin with TLS, of which only so many may be in their handshake at one moment.

Until then a connection counts nowhere else, and who opens many and says nothing would have our descriptors and memory.
With one more than allowed the oldest is cut off: a client that means it needs a moment, not seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

_log = logging.getLogger("entryway.http")

# So many are taken from the queue before others have their turn.
AT_ONCE = 64
# Without free descriptors, accepting is no use for a while.
PAUSE_SECONDS = 0.25

MakeProtocol = Callable[[], asyncio.Protocol]


class TlsListener:
    """Listens on the sockets it is given; used like a server of the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: list[socket.socket],
        context: ssl.SSLContext,
        make: MakeProtocol,
        *,
        seconds: float,
        most: int,
    ) -> None:
        self.sockets = sockets
        self._loop = loop
        self._context = context
        self._make = make
        self._seconds = seconds
        self._most = most
        # The oldest first.
        self._arriving: dict[asyncio.Task[None], None] = {}
        for each in sockets:
            loop.add_reader(each, self._accept, each)

    def close(self) -> None:
        """Accept nobody any more; handshakes go on."""
        sockets, self.sockets = self.sockets, []
        for each in sockets:
            self._loop.remove_reader(each)
            each.close()

    async def settle(self, seconds: float) -> None:
        """Return when those have come in who are in their handshake, or after so many seconds."""
        if self._arriving:
            await asyncio.wait(self._arriving, timeout=seconds)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connection = listener.accept()[0]
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.warning("connection_not_accepted", extra={"reason": str(error)})
                self._loop.remove_reader(listener)
                self._loop.call_later(PAUSE_SECONDS, self._go_on, listener)
                return
            connection.setblocking(False)
            self._begin(connection)

    def _go_on(self, listener: socket.socket) -> None:
        if listener in self.sockets:
            self._loop.add_reader(listener, self._accept, listener)

    def _begin(self, connection: socket.socket) -> None:
        if len(self._arriving) >= self._most:
            oldest = next(iter(self._arriving))
            del self._arriving[oldest]
            oldest.cancel()
        task = self._loop.create_task(self._shake_hands(connection))
        self._arriving[task] = None
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._arriving.pop(task, None)

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make, connection, ssl=self._context, ssl_handshake_timeout=self._seconds
            )
        except OSError:
            # Clients that do not like our certificate, speak something else, or are gone: nothing to be told about.
            connection.close()


async def listen(
    make: MakeProtocol,
    host: str,
    port: int,
    context: ssl.SSLContext,
    *,
    seconds: float,
    most: int,
    reuse_port: bool = False,
    backlog: int = 2048,
) -> TlsListener:
    """Listen on every address of a host; a handshake may take so many seconds."""
    loop = asyncio.get_running_loop()
    # The loop knows how to bind; whom it would accept is not for it to say.
    bound = await loop.create_server(make, host, port, reuse_port=reuse_port or None, start_serving=False)
    sockets = [socket.socket(fileno=os.dup(each.fileno())) for each in bound.sockets]
    bound.close()
    for each in sockets:
        each.setblocking(False)
        each.listen(backlog)
    return TlsListener(loop, sockets, context, make, seconds=seconds, most=most)
