"""Web sockets over ASGI: messages on the client's side, the frames of RFC 6455 on the upstream's.

A handler approves an upgrade and gives the raw stream of the upstream. Here it is spoken to as a client would, so the
handshake is ours: the key, and the extension towards the upstream. Subprotocols, text, binary messages, close codes and
reasons cross. Pings do not, because ASGI has no place for them: each side's are answered where they arrive.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from entryway.errors import UpstreamError
from entryway.http.headers import Headers, end_to_end
from entryway.http.websocket_messages import LARGEST_MESSAGE, Gathering

if TYPE_CHECKING:
    from entryway.http.asgi_request import Event, Receive, Scope, Send
    from entryway.http.messages import Request, Response
    from entryway.http.splice import RawStream

CLOSE_SECONDS = 5.0
_ANY_ADDRESS = parse_uri("ws://upstream/")  # where the request goes is the handler's to say
_NO_CODE_SENT = frozenset({CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE})


def begin_handshake(request: Request, scope: Scope) -> ClientProtocol:
    """Return the protocol towards the upstream, and put its handshake in the place of the client's."""
    deflates = b"permessage-deflate" in (request.headers.get(b"sec-websocket-extensions") or b"")
    protocol = ClientProtocol(
        _ANY_ADDRESS,
        extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)] if deflates else None,
        subprotocols=[Subprotocol(name) for name in scope.get("subprotocols") or ()] or None,
        max_size=LARGEST_MESSAGE,
    )
    asked = protocol.connect()
    protocol.send_request(asked)
    protocol.data_to_send()  # the engine writes the request
    kept = [(name, value) for name, value in request.headers.raw if not name.startswith(b"sec-websocket-")]
    ours = [(name.lower().encode(), value.encode()) for name, value in asked.headers.raw_items()]
    kept += [(name, value) for name, value in ours if name.startswith(b"sec-websocket-")]
    request.headers = Headers.trusted(kept)
    return protocol


def finish_handshake(protocol: ClientProtocol, response: Response) -> Headers:
    """Return the headers for the client; raise UpstreamError unless the upstream agreed to what was asked."""
    answered = [header for header in response.headers.raw if header[0].startswith(b"sec-websocket-")]
    lines = [b"%b: %b\r\n" % header for header in answered]
    # The other two the engine has seen already, and taken away.
    switching = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    protocol.receive_data(b"".join([switching, *lines, b"\r\n"]))
    protocol.events_received()
    if protocol.handshake_exc is not None:
        raise UpstreamError("the upstream", f"its handshake is wrong: {protocol.handshake_exc}")
    raw = [header for header in end_to_end(response.headers).raw if not header[0].startswith(b"sec-websocket-")]
    return Headers.trusted(raw)


class Crossing:
    """One open web socket, between ASGI's events and the upstream's stream."""

    def __init__(self, protocol: ClientProtocol, upstream: RawStream, receive: Receive, send: Send) -> None:
        self._protocol = protocol
        self._upstream = upstream
        self._receive = receive
        self._send = send
        self._client_gone = False
        self._gathering = Gathering()

    async def run(self) -> None:
        """Carry messages until either side ends; then neither has the other's connection any more."""
        loop = asyncio.get_running_loop()
        outward = loop.create_task(self._from_client(loop))
        try:
            await self._from_upstream()
        finally:
            outward.cancel()  # servers wait for one thing at a time: a close is not sent while a message is awaited
            await asyncio.wait({outward})
            self._upstream.close()
        if self._client_gone:
            return
        # A client that left just now is told nothing, and some servers would wait for it for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send(self._closing())

    async def _from_client(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while (event := await self._receive())["type"] == "websocket.receive":
                if self._protocol.state is not State.OPEN:
                    continue
                text = event.get("text")
                if text is not None:
                    self._protocol.send_text(text.encode())
                else:
                    self._protocol.send_binary(event["bytes"])
                self._flush()
                await self._upstream.drain()
            self._client_gone = True
            self._pass_on_close(event)
            loop.call_later(CLOSE_SECONDS, self._upstream.abort)
        except Exception:
            self._upstream.abort()  # whoever reads from it learns that it is over
            raise

    def _pass_on_close(self, event: Event) -> None:
        code = event.get("code") or CloseCode.NO_STATUS_RCVD
        if self._protocol.state is not State.OPEN:
            return
        if code in _NO_CODE_SENT:
            self._upstream.abort()
            return
        try:
            if code == CloseCode.NO_STATUS_RCVD:
                self._protocol.send_close()
            else:
                self._protocol.send_close(code, event.get("reason") or "")
        except ProtocolError:  # a code that nobody may send
            self._upstream.abort()
        else:
            self._flush()

    async def _from_upstream(self) -> None:
        while not self._over():
            try:
                data = await self._upstream.read()
            except OSError:
                return
            if not data:
                return
            self._protocol.receive_data(data)
            for frame in self._protocol.events_received():
                await self._pass_on(frame)
            self._flush()  # pongs, and the answer to a close

    async def _pass_on(self, frame: object) -> None:
        try:
            message = self._gathering.add(frame)
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA)
        else:
            if message is not None and not self._client_gone:
                await self._send({"type": "websocket.send", **message})

    def _over(self) -> bool:
        return self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None or self._failed()

    def _failed(self) -> bool:
        return self._protocol.state is not State.OPEN and not self._client_gone

    def _closing(self) -> Event:
        closed = self._protocol.close_rcvd
        if closed is None:
            return {"type": "websocket.close", "code": CloseCode.INTERNAL_ERROR.value, "reason": "the backend is gone"}
        code = CloseCode.NORMAL_CLOSURE.value if closed.code == CloseCode.NO_STATUS_RCVD else closed.code
        return {"type": "websocket.close", "code": code, "reason": closed.reason}

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:  # b"" would end the stream, which `run` does
                self._upstream.write(data)
