"""How long a client's connection may take: to send a request, to read its answer, or with nothing moving at all.

Nothing here has a timer of its own: the server's sweep asks each connection a few times a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.http.errors import AnswerTimedOut, RequestTimedOut
from entryway.http.request_parser import NEVER

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection


class ClientDeadlines:
    """Keeps one connection's deadlines; those for reading are its reader's."""

    __slots__ = ("_connection", "_moved", "_quiet_since", "received", "total", "write")

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._moved = (0, 0)
        self._quiet_since = 0.0
        self.received = 0
        """How many pieces have come from the client."""
        self.write = NEVER
        """When the client must have read what waits for it."""
        self.total = NEVER
        """When the answer must be out."""

    def check(self, now: float) -> None:
        """End what takes too long."""
        connection = self._connection
        reader = connection.reader
        if now >= reader.deadline or now >= reader.complete_by:
            reader.deadline = reader.complete_by = NEVER
            self._reading_took_too_long()
        if now >= self.write:
            self.write = NEVER
            connection.abort()
        if now >= self.total:
            self.total = NEVER
            self._answering_took_too_long()
        inactivity_timeout = connection.limits.inactivity_timeout
        if inactivity_timeout is not None:
            self._check_activity(now, inactivity_timeout)

    def clear(self) -> None:
        """Wait for nothing any more."""
        reader = self._connection.reader
        reader.deadline = reader.complete_by = self.write = self.total = NEVER

    def _check_activity(self, now: float, timeout: float) -> None:
        connection = self._connection
        way_out = connection.writer.way_out
        moved = (self.received, 0 if way_out is None else way_out.pieces)
        if moved != self._moved or connection.current is None:
            self._moved, self._quiet_since = moved, now
        elif now - self._quiet_since >= timeout:
            connection.abort()

    def _reading_took_too_long(self) -> None:
        connection = self._connection
        connection.server.outbox.flush()
        if connection.farewell.lingering:
            connection.transport.close()
        elif not connection.reader.between_requests:
            connection.refusals.refuse(RequestTimedOut())
        elif connection.current is None:
            connection.transport.close()

    def _answering_took_too_long(self) -> None:
        connection = self._connection
        request = connection.current
        if request is None:
            return
        if connection.writer.started:
            connection.abort()
            return
        connection.closing = True
        connection.fail(request, AnswerTimedOut() if request.body.complete else RequestTimedOut())
        connection.turn.cancel()
