"""An upstream that ended or began anew while connections to it were kept."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import pytest

from entryway.errors import UpstreamUnreachable
from entryway.http import Client, Headers, Origin, OutgoingRequest

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Upstream:
    """One whose sockets close at once when told so, before this process's loop can hear of it."""

    listener: socket.socket
    kept: socket.socket | None = None

    @property
    def origin(self) -> Origin:
        return Origin("http", *self.listener.getsockname())

    async def answer_one(self) -> None:
        """Accept a connection, answer one request, keep the connection."""
        self.kept = await self.accept()
        await asyncio.get_running_loop().sock_sendall(self.kept, ANSWER)

    async def accept(self) -> socket.socket:
        """Accept a connection and hear the request on it."""
        loop = asyncio.get_running_loop()
        accepted, _ = await loop.sock_accept(self.listener)
        accepted.setblocking(False)
        assert await loop.sock_recv(accepted, 4096)
        return accepted

    def drops_connection(self) -> None:
        assert self.kept is not None
        self.kept.close()

    def dies(self) -> None:
        if self.kept is not None:
            self.kept.close()
        self.listener.close()


@pytest.fixture
def upstream():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    upstream = Upstream(listener)
    yield upstream
    upstream.dies()


def request(origin: Origin, method: str) -> OutgoingRequest:
    return OutgoingRequest(method, "/", origin, Headers(), b"x" if method == "POST" else b"")


async def use_once(client: Client, upstream: Upstream) -> None:
    response, _ = await asyncio.gather(client.send(request(upstream.origin, "GET")), upstream.answer_one())
    assert await response.body.read() == b"ok"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_right_after_the_upstream_died_finds_it_unreachable(make_client, upstream, method):
    client = make_client()
    await use_once(client, upstream)
    origin = upstream.origin

    upstream.dies()

    with pytest.raises(UpstreamUnreachable):
        await client.send(request(origin, method))
    await client.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_right_after_the_upstream_dropped_the_connection_is_answered_on_another(
    make_client, upstream, method
):
    client = make_client()
    await use_once(client, upstream)

    upstream.drops_connection()

    response, _ = await asyncio.gather(client.send(request(upstream.origin, method)), upstream.answer_one())
    assert response.status == 200
    await client.close()


async def test_an_upstream_that_accepts_one_connection_more_while_it_ends_is_unreachable(make_client, upstream):
    client = make_client()
    await use_once(client, upstream)
    origin = upstream.origin

    async def end_slowly() -> None:
        (await upstream.accept()).close()
        upstream.dies()

    upstream.drops_connection()
    with pytest.raises(UpstreamUnreachable):
        await asyncio.gather(client.send(request(origin, "GET")), end_slowly())
    await client.close()


async def test_the_third_connection_is_the_last(make_client, upstream):
    client = make_client()
    await use_once(client, upstream)
    accepted = []

    async def drop_every_request() -> None:
        while True:
            accepted.append(await upstream.accept())
            accepted[-1].close()

    upstream.drops_connection()
    dropping = asyncio.create_task(drop_every_request())
    with pytest.raises(Exception, match="closed before the response") as raised:
        await client.send(request(upstream.origin, "GET"))
    dropping.cancel()
    await asyncio.gather(dropping, return_exceptions=True)
    assert raised.value.code == "upstream_failed"
    assert len(accepted) == 2
    await client.close()
