"""A control connection as a conversation: send a message, receive the next one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import ClassVar, TypeVar

from entryway.errors import EntrywayError
from entryway.tunnel.messages import FromConnector, FromGateway, MalformedMessage, build_line

Received = TypeVar("Received")


class ControlLost(EntrywayError):
    """The control connection ended, or its other end fell silent."""

    code: ClassVar[str] = "control_connection_lost"


class ControlChannel:
    """One end of a control connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: FromGateway | FromConnector) -> None:
        """Say something; messages are few and small, so nobody waits for them to leave."""
        if not self._writer.is_closing():
            self._writer.write(build_line(message))

    async def receive(self, parse: Callable[[bytes], Received], silence: float) -> Received:
        """Return the next message, or raise ControlLost when none comes in `silence` seconds."""
        try:
            async with asyncio.timeout(silence):
                line = await self._reader.readline()
        except TimeoutError as error:
            raise ControlLost(f"silent for {silence:.0f} s") from error
        except ValueError as error:  # the reader's limit
            raise MalformedMessage("a line is too long") from error
        except OSError as error:
            raise ControlLost(str(error)) from error
        if not line.endswith(b"\n"):
            raise ControlLost("closed by the other end")
        return parse(line)

    def hang_up(self) -> None:
        """Let what was said leave, and end the connection; whoever waits in `receive` learns of it."""
        self._writer.close()

    async def close(self) -> None:
        """Hang up, and return when the connection has ended."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                await self._writer.wait_closed()
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._writer.transport.abort()
