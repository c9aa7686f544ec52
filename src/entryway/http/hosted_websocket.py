"""A web socket of an ASGI application that the engine serves: frames (RFC 6455) on one side, events on the other.

Extensions are not agreed to. Pings are answered here, as ASGI has no place for them.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
from typing import TYPE_CHECKING

from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode
from websockets.protocol import Protocol, Side, State
from websockets.utils import accept_key

from entryway.http.hosted_asgi import headers_of
from entryway.http.messages import Request, Response
from entryway.http.splice import RawStream
from entryway.http.websocket_messages import LARGEST_MESSAGE, Gathering

if TYPE_CHECKING:
    from entryway.http.asgi_request import Event, Scope
    from entryway.http.hosted_asgi import AsgiApp

_log = logging.getLogger("entryway.http")
CLOSE_SECONDS = 5.0
KEY_BYTES = 16


def is_handshake(request: Request) -> bool:
    """Tell whether a request opens a web socket as RFC 6455 §4.2.1 has it; any other is an ordinary request."""
    if request.upgrade != "websocket" or request.method != "GET":
        return False
    try:
        key = base64.b64decode(request.headers.get(b"sec-websocket-key") or b"", validate=True)
    except ValueError:
        return False
    return len(key) == KEY_BYTES and request.headers.get(b"sec-websocket-version") == b"13"


class HostedWebSocket:
    """From the handshake until both sides have closed."""

    def __init__(self, request: Request, answer: asyncio.Future[Response]) -> None:
        self._request = request
        self._answer = answer
        self._told = False
        self._denial: Event | None = None
        self._denied_with: list[bytes] = []
        self._protocol = Protocol(Side.SERVER, max_size=LARGEST_MESSAGE)
        self._stream: RawStream | None = None
        self._events: asyncio.Queue[Event] = asyncio.Queue(maxsize=1)  # who does not listen holds the client back
        self._leaving = False
        """Whether the application has ended, and listens no more."""
        self._reading: asyncio.Task[None] | None = None

    async def run(self, app: AsgiApp, scope: Scope) -> None:
        """Let the application speak."""
        offered = b",".join(self._request.headers.all(b"sec-websocket-protocol")).decode("latin-1").split(",")
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if self._request.scheme == "https" else "ws"
        scope["subprotocols"] = [name.strip() for name in offered if name.strip()]
        scope["extensions"] = scope["extensions"] | {"websocket.http.response": {}}
        failed: Exception | None = None
        try:
            await app(scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001 whoever waits for the answer hears of it
            failed = error
        except asyncio.CancelledError:
            if self._stream is not None:
                self._stream.abort()
            raise
        if not self._answer.done():
            self._answer.set_exception(failed or RuntimeError("the application has not answered"))
        elif failed is not None and not isinstance(failed, OSError):
            # An OSError is how an application that speaks learns that it is over.
            _log.error("application_failed", exc_info=failed)
        await self._end(CloseCode.NORMAL_CLOSURE if failed is None else CloseCode.INTERNAL_ERROR)

    async def receive(self) -> Event:
        if not self._told:
            self._told = True
            return {"type": "websocket.connect"}
        return await self._events.get()

    async def send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "websocket.send":
            await self._send_message(event)
        elif kind == "websocket.accept":
            await self._accept(event)
        elif kind == "websocket.http.response.start":
            self._denial = event
        elif kind == "websocket.http.response.body":
            self._denied_with.append(bytes(event.get("body", b"")))
            if self._denial is not None and not event.get("more_body", False):
                headers = headers_of(self._denial.get("headers", ()))
                self._refuse(Response(self._denial["status"], headers, b"".join(self._denied_with)))
        elif kind == "websocket.close":
            if self._stream is None:
                self._refuse(Response(403))
            else:
                self._close(event.get("code", CloseCode.NORMAL_CLOSURE), event.get("reason") or "")
        else:
            raise ValueError(f"an ASGI event that we do not know: {kind}")

    def _refuse(self, response: Response) -> None:
        self._request.keep_alive = False  # whoever wanted a web socket has no other use for the connection
        if not self._answer.done():
            self._answer.set_result(response)

    async def _accept(self, event: Event) -> None:
        key = self._request.headers.text("sec-websocket-key") or ""
        headers = headers_of(event.get("headers") or ())
        headers.set(b"sec-websocket-accept", accept_key(key).encode())
        if event.get("subprotocol"):
            headers.set(b"sec-websocket-protocol", event["subprotocol"].encode("latin-1"))
        near, self._stream = await _pair()
        self._answer.set_result(Response(101, headers, upgrade=near))
        self._reading = asyncio.get_running_loop().create_task(self._read(self._stream))

    async def _send_message(self, event: Event) -> None:
        if self._stream is None:
            raise RuntimeError("a message before websocket.accept")
        if self._protocol.state is not State.OPEN or self._stream.closed:
            raise OSError("the web socket is closed")
        text = event.get("text")
        if text is not None:
            self._protocol.send_text(text.encode())
        else:
            self._protocol.send_binary(event["bytes"])
        self._flush(self._stream)
        await self._stream.drain()

    async def _read(self, stream: RawStream) -> None:
        try:
            await self._hear(stream)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA)
        except OSError:
            pass
        self._flush(stream)
        closed = self._protocol.close_rcvd
        if closed is None:
            self._protocol.receive_eof()
        code, reason = (CloseCode.ABNORMAL_CLOSURE, "") if closed is None else (closed.code, closed.reason)
        await self._tell({"type": "websocket.disconnect", "code": int(code), "reason": reason})

    async def _hear(self, stream: RawStream) -> None:
        gathering = Gathering()
        protocol = self._protocol
        while protocol.close_rcvd is None and protocol.parser_exc is None and (data := await stream.read()):
            protocol.receive_data(data)
            for frame in protocol.events_received():
                message = gathering.add(frame)
                if message is not None:
                    await self._tell({"type": "websocket.receive", **message})
            self._flush(stream)  # pongs, and the answer to a close

    async def _tell(self, event: Event) -> None:
        if not self._leaving:
            await self._events.put(event)

    def _close(self, code: int, reason: str) -> None:
        if self._stream is None or self._protocol.state is not State.OPEN:
            return
        try:
            self._protocol.send_close(code, reason)
        except ProtocolError:  # a code that nobody may send
            self._protocol.fail(CloseCode.INTERNAL_ERROR)
        self._flush(self._stream)

    async def _end(self, code: int) -> None:
        """Close, wait for the client to agree, and let go of the connection."""
        if self._stream is None or self._reading is None:
            return
        self._close(code, "")
        self._leaving = True
        if not self._events.empty():
            self._events.get_nowait()  # what waits behind it can go on to the client's close
        await asyncio.wait({self._reading}, timeout=CLOSE_SECONDS)
        self._reading.cancel()
        await asyncio.wait({self._reading})
        self._stream.close()

    def _flush(self, stream: RawStream) -> None:
        for data in self._protocol.data_to_send():
            if data:  # b"" would end the stream, which `_end` does
                stream.write(data)


async def _pair() -> tuple[RawStream, RawStream]:
    """Return the two ends of a connection within this process, of which the engine ties one to the client's."""
    loop = asyncio.get_running_loop()
    ends = socket.socketpair()
    streams = [RawStream() for _ in ends]
    try:
        for end, stream in zip(ends, streams, strict=True):
            end.setblocking(False)
            await loop.create_unix_connection(lambda stream=stream: stream, sock=end)  # type: ignore[misc]
    except BaseException:  # among others, the client is gone
        for end in ends:
            end.close()
        raise
    return streams[0], streams[1]
