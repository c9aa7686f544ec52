"""An upstream on real sockets that records what reaches it, and one that says exactly the bytes it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.http import Body, Handler, Headers, Limits, Origin, Request, Response, Server

if TYPE_CHECKING:
    import ssl as tls


@dataclass(frozen=True)
class Recorded:
    """A request as it arrived, with its whole body."""

    method: str
    target: str
    headers: Headers
    body: bytes
    trailers: Headers | None = None
    certificate: bytes | None = None


@dataclass
class RecordingUpstream:
    """Answers 200 with a small JSON document, or whatever `handler` says, and keeps every request."""

    host: str
    port: int
    server: Server
    scheme: str = "http"
    handler: Handler | None = None
    requests: list[Recorded] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def origin(self) -> Origin:
        """The upstream as an origin; for https make one with a TLS context that trusts it."""
        return Origin("http", self.host, self.port)

    async def handle(self, request: Request) -> Response:
        body = await request.body.read()
        self.requests.append(
            Recorded(
                request.method, request.target, request.headers, body, request.body.trailers, request.peer.certificate
            )
        )
        if self.handler is None:
            return Response(200, Headers([(b"content-type", b"application/json")]), b'{"ok": true}')
        replay = Request(
            request.method,
            request.target,
            request.headers,
            Body.of(body),
            request.peer,
            request.scheme,
            request.upgrade,
        )
        return await self.handler(replay)


@asynccontextmanager
async def recording_upstream(
    handler: Handler | None = None, *, ssl: tls.SSLContext | None = None, limits: Limits | None = None
) -> AsyncIterator[RecordingUpstream]:
    """Run a recording upstream on a free loopback port."""
    upstream: RecordingUpstream

    async def handle(request: Request) -> Response:
        return await upstream.handle(request)

    server = Server(handle, limits)
    host, port = await server.listen("127.0.0.1", 0, ssl=ssl)
    upstream = RecordingUpstream(host, port, server, "http" if ssl is None else "https", handler)
    try:
        yield upstream
    finally:
        await server.close(grace_seconds=0)


@dataclass
class Wire:
    """One raw connection: what was said on it is in `heard`."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: bytearray = field(default_factory=bytearray)

    async def hear_until(self, marker: bytes, seconds: float = 5) -> bytes:
        """Read until `marker` has come, and return everything up to its end."""
        async with asyncio.timeout(seconds):
            data = await self.reader.readuntil(marker)
        self.heard += data
        return data

    async def hear(self, size: int, seconds: float = 5) -> bytes:
        """Read exactly `size` bytes."""
        async with asyncio.timeout(seconds):
            data = await self.reader.readexactly(size)
        self.heard += data
        return data

    async def hear_head(self, seconds: float = 5) -> bytes:
        """Read one message head."""
        return await self.hear_until(b"\r\n\r\n", seconds)

    async def hear_all(self, seconds: float = 5) -> bytes:
        """Read until the other side ends its stream; a reset raises ConnectionResetError."""
        async with asyncio.timeout(seconds):
            data = await self.reader.read()
        self.heard += data
        return data

    def say(self, data: bytes) -> None:
        """Say something; a connection that is closed swallows it."""
        if not self.writer.is_closing():
            self.writer.write(data)

    async def saying(self, data: bytes) -> None:
        """Say something and wait until it is on its way."""
        self.say(data)
        await self.writer.drain()

    async def closed(self, seconds: float = 5) -> None:
        """Wait until the other side has closed, in whatever manner."""
        async with asyncio.timeout(seconds):
            with suppress(ConnectionError):
                while await self.reader.read(65536):
                    pass

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Go away without a word."""
        self.writer.transport.abort()


Script = Callable[[Wire], Awaitable[None]]


def says(answer: bytes) -> Script:
    """Return the script of an upstream that hears one request, says these bytes, and waits for the end."""

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(answer)
        await wire.closed()

    return script


@dataclass
class ScriptedUpstream:
    """Plays a script on each connection and keeps the connections; a script that raises fails the test at the end."""

    host: str = "127.0.0.1"
    port: int = 0
    connections: list[Wire] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        return Origin("http", self.host, self.port)


@asynccontextmanager
async def scripted_upstream(script: Script, *, ssl: tls.SSLContext | None = None) -> AsyncIterator[ScriptedUpstream]:
    """Run an upstream that says the bytes of `script`."""
    upstream = ScriptedUpstream()
    tasks: set[asyncio.Task[None]] = set()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        upstream.connections.append(wire)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await script(wire)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side went away, which is often the point
        except asyncio.CancelledError:
            pass  # the test is over
        except Exception as error:  # noqa: BLE001 reported below
            upstream.failures.append(error)
        finally:
            tasks.discard(task)
            await wire.close()

    server = await asyncio.start_server(play, "127.0.0.1", 0, ssl=ssl)
    upstream.host, upstream.port = server.sockets[0].getsockname()[:2]
    try:
        yield upstream
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
    if upstream.failures:
        raise upstream.failures[0]


async def dial(host: str, port: int, ssl: tls.SSLContext | None = None) -> Wire:
    """Open a raw connection."""
    reader, writer = await asyncio.open_connection(host, port, ssl=ssl, limit=1 << 20)
    return Wire(reader, writer)
