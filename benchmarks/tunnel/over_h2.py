"""Carrier (a): one TLS connection that the connector dialled, HTTP/2 with the roles reversed, over `h2`."""

from __future__ import annotations

import asyncio
import typing
from collections.abc import AsyncIterator

import h2.config
import h2.connection
import h2.events
from certificates import Certificates
from h2.settings import SettingCodes
from work import REQUEST_HEADERS, answer

WINDOW = 1 << 20


class Http2(asyncio.Protocol):
    """What both ends share: bytes in, events out, and waiting for a window."""

    client: bool

    def __init__(self) -> None:
        self.http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=self.client, header_encoding=None, validate_inbound_headers=True)
        )
        self.transport: asyncio.Transport
        self.windows: dict[int, asyncio.Future[None]] = {}
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = typing.cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes
        self.http.initiate_connection()
        self.http.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 4096, SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
        self.http.increment_flow_control_window(5 * WINDOW)
        self.flush()

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            if isinstance(event, h2.events.WindowUpdated):
                self.wake(event.stream_id)
            elif isinstance(event, h2.events.RemoteSettingsChanged):
                self.wake(0)
            else:
                self.event(event)
        self.flush()

    def event(self, event: h2.events.Event) -> None:
        raise NotImplementedError

    def wake(self, stream: int) -> None:
        for waiting in [stream] if stream else list(self.windows):
            future = self.windows.pop(waiting, None)
            if future is not None and not future.done():
                future.set_result(None)

    def flush(self) -> None:
        data = self.http.data_to_send()
        if data:
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    async def send(self, stream: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            await self.writable.wait()
            room = min(self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size, len(view))
            if room <= 0:
                self.windows[stream] = asyncio.get_running_loop().create_future()
                await self.windows[stream]
                continue
            self.http.send_data(stream, bytes(view[:room]))
            view = view[room:]
            self.flush()


class ConnectorEnd(Http2):
    client = False

    def __init__(self) -> None:
        super().__init__()
        self.tasks: set[asyncio.Task[None]] = set()
        self.lost = asyncio.Event()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()
        for task in self.tasks:
            task.cancel()

    def event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            path = dict(event.headers)[b":path"].decode()
            task = asyncio.get_running_loop().create_task(self.serve(event.stream_id, path))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def serve(self, stream: int, path: str) -> None:
        body = await answer(path)
        head = [(":status", "200"), ("content-type", "application/json")]
        if isinstance(body, bytes):
            self.http.send_headers(stream, [*head, ("content-length", str(len(body)))])
            await self.send(stream, body)
        else:
            self.http.send_headers(stream, head)
            async for chunk in body:
                await self.send(stream, chunk)
        self.http.end_stream(stream)
        self.flush()


class GatewayEnd(Http2):
    client = True

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[int, asyncio.Queue[tuple[bytes, int]]] = {}
        self.pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "erp.virtual:443")]

    def event(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id].put_nowait((event.data, event.flow_controlled_length))
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id].put_nowait((b"", 0))

    async def fetch(self, path: str) -> AsyncIterator[bytes]:
        stream = self.http.get_next_available_stream_id()
        queue = self.streams[stream] = asyncio.Queue()
        self.http.send_headers(stream, [*self.pseudo, (":path", path), *REQUEST_HEADERS[1:]], end_stream=True)
        self.flush()
        while True:
            data, credit = await queue.get()
            if not data and not credit:
                break
            yield data
            self.http.acknowledge_received_data(credit, stream)
            self.flush()
        del self.streams[stream]


class Gateway:
    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self.connected: asyncio.Future[GatewayEnd] = asyncio.get_running_loop().create_future()

    async def listen(self) -> int:
        def accept() -> GatewayEnd:
            end = GatewayEnd()
            made = end.connection_made

            def connection_made(transport: asyncio.BaseTransport) -> None:
                made(transport)
                self.connected.set_result(end)

            end.connection_made = connection_made
            return end

        server = await asyncio.get_running_loop().create_server(
            accept, "127.0.0.1", 0, ssl=self.certificates.context("gateway", ["h2"])
        )
        return server.sockets[0].getsockname()[1]

    async def ready(self) -> None:
        await self.connected

    def fetch(self, path: str) -> AsyncIterator[bytes]:
        return self.connected.result().fetch(path)


async def connector(port: int, certificates: Certificates) -> None:
    context = certificates.context("connector", ["h2"])
    _, end = await asyncio.get_running_loop().create_connection(
        ConnectorEnd, "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    await end.lost.wait()
