"""The server: listeners, connections, one sweep for every time-out, and a graceful end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Literal

from entryway.errors import EntrywayError
from entryway.http import tls_listener
from entryway.http.connection import ServerConnection
from entryway.http.headers import Headers
from entryway.http.known_heads import REQUESTS, RESPONSES
from entryway.http.limits import Limits
from entryway.http.messages import ErrorRenderer, Handler, Request, Response
from entryway.http.outbox import outbox_of
from entryway.http.places import Places, make_room
from entryway.http.protocols import as_protocol
from entryway.http.tls_listener import TlsListener

if TYPE_CHECKING:
    import ssl

    from entryway.http.splice import RawStream

SWEEP_SECONDS = 0.25
HANDSHAKE_SECONDS = 1.0
"""For the TLS of connections that came while the server was told to end."""
NOTED_EVERY = 60.0
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n"
    b"entryway-error: too_busy\r\nconnection: close\r\n\r\n"
)
_log = logging.getLogger("entryway.http")

ConnectionState = Literal["idle", "busy", "closed"]


class Server:
    """Serves a handler on any number of listeners; belongs to the event loop in which it is made."""

    def __init__(self, handler: Handler, limits: Limits | None = None, on_error: ErrorRenderer | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self.on_error = on_error or plain_error
        self.loop = asyncio.get_running_loop()
        self.outbox = outbox_of(self.loop)
        self.date = b""
        self._connections: set[ServerConnection] = set()
        self._upgraded: set[RawStream] = set()
        self._places = Places(self.limits.per_address)
        self._listeners: list[tuple[asyncio.Server | TlsListener, ssl.SSLContext | None]] = []
        self._ending = False
        self._draining = False
        self._empty = asyncio.Event()
        self._sweeping: asyncio.TimerHandle | None = None
        self._refusals_noted = -NOTED_EVERY
        self._sweep()

    async def listen(
        self,
        host: str,
        port: int,
        *,
        ssl: ssl.SSLContext | None = None,
        reuse_port: bool = False,
        backlog: int = 2048,
    ) -> tuple[str, int]:
        """Accept connections and return the address; port 0 takes a free one, `reuse_port` shares one with others."""
        listener = (
            await self.loop.create_server(
                self._connection,
                host,
                port,
                reuse_port=reuse_port or None,  # not every platform has it, so False is not passed
                backlog=backlog,
            )
            if ssl is None
            else await tls_listener.listen(
                self._connection,
                host,
                port,
                ssl,
                seconds=self.limits.header_timeout,
                most=self.limits.handshakes,
                reuse_port=reuse_port,
                backlog=backlog,
            )
        )
        self._listeners.append((listener, ssl))
        address = listener.sockets[0].getsockname()
        return address[0], address[1]

    async def dial(
        self,
        host: str,
        port: int,
        *,
        ssl: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        on_state: Callable[[ConnectionState], None] | None = None,
    ) -> ServerConnection:
        """Open a connection and serve requests on it; `on_state` hears when it becomes busy, idle or closed.

        Raises OSError when the connection cannot be made.
        """
        connection = ServerConnection(self)
        connection.on_state = on_state
        await self.loop.create_connection(
            lambda: as_protocol(connection),
            host,
            port,
            ssl=ssl,
            server_hostname=(server_hostname or host) if ssl is not None else None,
        )
        return connection

    async def close(self, grace_seconds: float = 10.0, *, idle_seconds: float = 0.0) -> None:
        """Stop accepting, let requests in flight finish, cut off what is left after the grace.

        For `idle_seconds` of it, requests that are on their way on idle connections are still answered, one on each.
        """
        self._ending = True
        listeners, self._listeners = self._listeners, []
        for listener, context in listeners:
            await self._stop_accepting(listener, context)
        for connection in self._connections:
            connection.leave()
        if idle_seconds:
            await self._until_empty(min(idle_seconds, grace_seconds))
        self._draining = True
        for connection in list(self._connections):
            connection.drain()
        if not await self._until_empty(grace_seconds):
            for connection in list(self._connections):
                connection.abort()
            for stream in list(self._upgraded):
                stream.abort()
        await asyncio.sleep(0)  # transports and turns end in the loop's next steps
        await asyncio.sleep(0)
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    async def replace(self, handler: Handler, limits: Limits, on_error: ErrorRenderer) -> None:
        """Serve with these from now on; return when every request that came before has been answered."""
        self.handler, self.limits, self.on_error = handler, limits, on_error
        waiting = [(connection, connection.answering) for connection in self._connections]
        # Looking now and then costs less than an event for every request.
        while waiting := [(c, asked) for c, asked in waiting if asked is not None and c.answering is asked]:  # noqa: ASYNC110
            await asyncio.sleep(SWEEP_SECONDS)

    @property
    def connections(self) -> int:
        """How many connections are open, upgraded ones included."""
        return len(self._connections) + len(self._upgraded)

    def report(self, error: Exception) -> None:
        """Log an answer that was cut off, or that could not be rendered."""
        _log.warning("answer_failed", extra={"reason": repr(error)})

    def _connection(self) -> asyncio.Protocol:
        return as_protocol(ServerConnection(self))

    async def _stop_accepting(self, listener: asyncio.Server | TlsListener, context: ssl.SSLContext | None) -> None:
        """Close a listener, but first take the connections that the system has made already: they would be cut off."""
        # The loop's own listener must go before, or both would take connections from one queue.
        kept = [socket.socket(fileno=os.dup(each.fileno())) for each in listener.sockets]
        listener.close()
        accepted = []
        for queue in kept:
            with queue, suppress(OSError):  # among them the one that says that the queue is empty
                queue.setblocking(False)
                while True:
                    accepted.append(queue.accept()[0])
        for connection in accepted:
            connection.setblocking(False)
            with suppress(OSError):
                await self.loop.connect_accepted_socket(
                    self._connection,
                    connection,
                    ssl=context,
                    ssl_handshake_timeout=HANDSHAKE_SECONDS if context is not None else None,
                )
        if isinstance(listener, TlsListener):
            await listener.settle(HANDSHAKE_SECONDS)

    async def _until_empty(self, seconds: float) -> bool:
        """Wait until every connection has ended, for so long; tell whether they have."""
        if not self._connections and not self._upgraded:
            return True
        self._empty.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    # -- what connections call ----------------------------------------------------------------------------------

    def opened(self, connection: ServerConnection) -> None:
        limit = self.limits.connections
        self._connections.add(connection)
        if self._draining:
            connection.transport.abort()
        elif self._ending:
            connection.leave()
        elif not self._places.take(connection):
            self._refuse(connection, address=connection.peer.host)
        elif limit is not None and self.connections > limit and not make_room(self._connections, connection):
            self._refuse(connection, limit=limit)

    def gone(self, connection: ServerConnection) -> None:
        self._connections.discard(connection)
        self._places.leave(connection)
        self._check_empty()

    def upgraded(self, connection: ServerConnection, stream: RawStream) -> None:
        self._connections.discard(connection)
        self._upgraded.add(stream)

        def ended() -> None:
            self._upgraded.discard(stream)
            self._places.leave(connection)
            self._check_empty()
            if connection.on_state is not None:
                connection.on_state("closed")

        stream.on_closed = ended

    def _refuse(self, connection: ServerConnection, **why: str | int) -> None:
        connection.transport.write(_BUSY)
        connection.drain()
        # Logged once a minute: who causes it must not fill the log, too.
        now = self.loop.time()
        if now >= self._refusals_noted + NOTED_EVERY:
            self._refusals_noted = now
            _log.warning("connections_refused", extra=why)

    def _check_empty(self) -> None:
        if not self._connections and not self._upgraded:
            self._empty.set()

    def _sweep(self) -> None:
        now = self.loop.time()
        self.outbox.sweep()
        REQUESTS.age()
        RESPONSES.age()
        self.date = b"date: %b\r\n" % formatdate(time.time(), usegmt=True).encode("ascii")
        for connection in list(self._connections):
            connection.deadlines.check(now)
        idle_timeout = self.limits.upgraded_idle_timeout
        if idle_timeout is not None:
            for stream in list(self._upgraded):
                if stream.idle_for(now) > idle_timeout:
                    stream.abort()
        self._sweeping = self.loop.call_later(SWEEP_SECONDS, self._sweep)


def plain_error(_request: Request | None, error: Exception) -> Response:
    """Render an error with its code and title, and nothing of what happened inside."""
    if isinstance(error, EntrywayError):
        status, code, title = error.status, error.code, error.title
    else:
        _log.error("handler_failed", exc_info=error)
        status, code, title = 500, EntrywayError.code, EntrywayError.title
    headers = Headers.trusted(
        [(b"content-type", b"text/plain; charset=utf-8"), (b"entryway-error", code.encode("ascii"))]
    )
    return Response(status, headers, title.encode())
