"""Messages of a web socket, put together from its frames (RFC 6455 §5.4)."""

from __future__ import annotations

from websockets.frames import CTRL_OPCODES, Frame, Opcode

LARGEST_MESSAGE = 16 * 1024 * 1024
"""ASGI takes messages whole, so one is held in memory until it has arrived."""


class Gathering:
    """Puts one message together at a time."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._kind = Opcode.TEXT

    def add(self, frame: object) -> dict[str, str | bytes] | None:
        """Return the message that a frame completes, by ASGI's name for its content; raise UnicodeDecodeError."""
        if not isinstance(frame, Frame) or frame.opcode in CTRL_OPCODES:
            return None
        if frame.opcode is not Opcode.CONT:
            self._kind = frame.opcode
        self._pieces.append(bytes(frame.data))
        if not frame.fin:
            return None
        data, self._pieces = b"".join(self._pieces), []
        return {"bytes": data} if self._kind is Opcode.BINARY else {"text": data.decode()}
