"""A server and a proxy on our engine, driven by raw bytes from both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
import uvloop

from entryway.http import (
    Client,
    ConnectionSource,
    ErrorRenderer,
    Handler,
    Limits,
    OutgoingRequest,
    PoolLimits,
    Request,
    Response,
    Server,
    Timeouts,
    end_to_end,
)
from entryway.testing.upstream import Wire, dial


def pytest_asyncio_loop_factories(config, item):
    """Every test here runs on both loops."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@dataclass
class Place:
    """A running server."""

    server: Server
    host: str
    port: int
    wires: list[Wire] = field(default_factory=list)

    async def dial(self) -> Wire:
        wire = await dial(self.host, self.port)
        self.wires.append(wire)
        return wire

    async def ask(self, data: bytes, seconds: float = 5) -> bytes:
        """Say something on a new connection and return all that comes back until it is closed."""
        wire = await self.dial()
        await wire.saying(data)
        return await wire.hear_all(seconds)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Place]]]:
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, limits: Limits | None = None, on_error: ErrorRenderer | None = None) -> Place:
            server = Server(handler, limits, on_error)
            stack.push_async_callback(server.close, 0)
            host, port = await server.listen("127.0.0.1", 0)
            place = Place(server, host, port)

            async def hang_up() -> None:
                for wire in place.wires:
                    await wire.close()

            stack.push_async_callback(hang_up)
            return place

        yield start


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.close()


@pytest.fixture
async def proxy(serve, client) -> Callable[..., Awaitable[Place]]:
    """Start a plain proxy in front of a source of connections."""

    async def start(origin: ConnectionSource, limits: Limits | None = None, timeouts: Timeouts | None = None) -> Place:
        async def handle(request: Request) -> Response:
            outgoing = OutgoingRequest(
                request.method,
                request.target,
                origin,
                end_to_end(request.headers),
                request.body,
                upgrade=request.upgrade,
                timeouts=timeouts or Timeouts(),
                on_interim=request.send_interim,
            )
            response = await client.send(outgoing)
            response.headers = end_to_end(response.headers)
            return response

        return await serve(handle, limits)

    return start


@pytest.fixture
def make_client():
    clients: list[Client] = []

    def make(**limits) -> Client:
        client = Client(PoolLimits(**limits))
        clients.append(client)
        return client

    return make
