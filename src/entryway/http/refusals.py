"""Requests that are none: answered with an error in their turn, and nothing after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.http.body import EMPTY
from entryway.http.headers import Headers
from entryway.http.messages import Request

if TYPE_CHECKING:
    from entryway.http.connection import ServerConnection
    from entryway.http.errors import HttpError


class Refusals:
    """Refuses what the reader of one connection cannot accept."""

    __slots__ = ("_connection", "waiting")

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.waiting: HttpError | None = None
        """What is answered when the requests before it have been."""

    def refuse(self, error: HttpError) -> None:
        """Answer nothing more than this on the connection, in its turn."""
        connection = self._connection
        body = connection.reader.stop()
        connection.farewell.unread = True
        current = connection.current
        if body is not None and current is not None and current.body is body:
            connection.closing = True
            if connection.writer.started:
                connection.abort()
            body.fail(error)  # whoever consumes it may now answer with the same error
            if current is connection.current and not connection.writer.started:
                connection.fail(current, error)
            connection.turn.cancel()
            return
        if body is not None:
            body.fail(error)
            connection.queue.pop()
        self.waiting = error
        if current is None and not connection.queue:
            self.answer()

    def answer(self) -> None:
        """Answer what waits."""
        error, self.waiting = self.waiting, None
        connection = self._connection
        if error is None or connection.closed:
            return
        connection.current = Request("GET", "/", Headers(), EMPTY, connection.peer, connection.scheme, keep_alive=False)
        connection.writer.started = False
        connection.closing = True
        connection.fail(None, error)
