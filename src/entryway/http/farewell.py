"""How a client's connection ends: gently after its last answer, or cut off so that nobody takes a part for all."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from entryway.http.errors import ClientGone

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 1024 * 1024
_RESET = struct.pack("ii", 1, 0)


class Farewell:
    """Ends one connection."""

    __slots__ = ("_connection", "answered_eof", "lingering", "unread")

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.lingering = False
        """Whether our side is closed, and the client's is still read for a while."""
        self.unread = False
        """Whether something came that is not going to be read as a request."""
        self.answered_eof = False
        """Whether the client's side is closed, and it still waits for its answer."""

    def close(self) -> None:
        """Close so that the client can read the answer first, even when it is still sending."""
        connection = self._connection
        request = connection.current
        reader = connection.reader
        unread = self.unread or reader.incoming is not None or (request is not None and not request.body.complete)
        connection.current = None
        connection.server.outbox.flush()
        if self.answered_eof or not unread:
            connection.transport.close()
            return
        # RFC 9112 §9.6: closed with unread bytes it would be reset, so half-close, then read on for a while.
        body, reader.incoming = reader.incoming, None
        if body is not None:
            body.abandon()
        reader.resume_reading()
        reader.held = None
        reader.incoming_size = 0
        reader.last = True
        self.lingering = True
        reader.deadline = connection.loop.time() + _LINGER_SECONDS
        if connection.transport.can_write_eof():
            connection.transport.write_eof()

    def discard(self, data: bytes) -> None:
        """Bytes after the last request that is answered here."""
        self.unread = True
        reader = self._connection.reader
        reader.incoming_size += len(data)
        if reader.incoming_size > _LINGER_BYTES:
            self._connection.abort()

    def cut_off(self) -> None:
        """End at once; an answer that has begun must not look complete."""
        connection = self._connection
        transport = connection.transport
        sock = transport.get_extra_info("socket")
        if sock is not None and connection.writer.started:
            # RST instead of FIN: the only visible sign when the end of the connection is the end of the body.
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.server.outbox.flush()
        transport.abort()
        self.gone(None)  # at once: a transport that was cut off takes no more writes

    def gone(self, exc: Exception | None) -> None:
        """The connection is no more: tell everybody who has to do with it."""
        connection = self._connection
        if connection.closed:
            return
        connection.closed = True
        connection.deadlines.clear()
        connection.server.gone(connection)
        error = ClientGone(str(exc) if exc is not None else "")
        reader, writer = connection.reader, connection.writer
        body, reader.incoming = reader.incoming, None
        if body is not None:
            body.fail(error)
        flowing, writer.flowing = writer.flowing, None
        if flowing is not None:
            flowing.abandon()
        connection.queue.clear()
        reader.held = None
        connection.turn.end()
        connection.current = None
        if connection.on_state is not None:
            connection.on_state("closed")
