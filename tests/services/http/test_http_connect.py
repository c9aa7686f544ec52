"""An https origin behind a forward proxy: the proxy opens the way, and is believed nothing else."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress

import pytest
from http_certificates import certificates

from entryway.errors import UpstreamUnreachable
from entryway.http import Client, Headers, Origin, OutgoingRequest, Timeouts
from entryway.testing.upstream import recording_upstream


@asynccontextmanager
async def forward_proxy(answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"):
    """A proxy that answers a CONNECT with `answer`, and for a success passes bytes on."""
    asked: list[bytes] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        task.add_done_callback(serving.discard)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        host, _, port = asked[-1].split(b" ")[1].decode().rpartition(":")
        writer.write(answer)
        if answer.startswith(b"HTTP/1.1 200"):
            with suppress(OSError):
                there, back = await asyncio.open_connection(host, int(port))
                await asyncio.gather(pump(reader, back), pump(there, writer))
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2], asked
    finally:
        server.close()
        if serving:
            await asyncio.wait(serving, timeout=2)


@pytest.fixture
async def client():
    client = Client()
    yield client
    await client.close()


def asking(origin: Origin) -> OutgoingRequest:
    return OutgoingRequest("GET", "/orders", origin, Headers(), timeouts=Timeouts(connect=5))


async def test_the_proxy_opens_the_way_and_tls_is_with_the_server(client, tmp_path):
    certified = certificates(tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certified.server_certificate, certified.server_key)
    trusting = ssl.create_default_context(cafile=certified.ca)
    async with recording_upstream(ssl=serving) as upstream, forward_proxy() as (proxy, asked):
        known = {"proxy": proxy, "proxy_authorization": b"Basic dXNlcjpwYXNz"}
        origin = Origin("https", "localhost", upstream.port, tls=trusting, **known)
        for _ in range(2):
            response = await client.send(asking(origin))
            assert (response.status, await response.body.read()) == (200, b'{"ok": true}')
        await client.close()
    assert len(asked) == 1
    assert asked[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\nhost: localhost:%d\r\n" % ((upstream.port,) * 2))
    assert b"\r\nproxy-authorization: Basic dXNlcjpwYXNz\r\n" in asked[0]
    assert [request.target for request in upstream.requests] == ["/orders", "/orders"]
    assert all("proxy-authorization" not in request.headers for request in upstream.requests)


async def test_a_server_that_is_not_trusted_is_not_asked_through_a_proxy_either(client, tmp_path):
    certified = certificates(tmp_path)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certified.server_certificate, certified.server_key)
    async with recording_upstream(ssl=serving) as upstream, forward_proxy() as (proxy, _):
        origin = Origin("https", "localhost", upstream.port, tls=ssl.create_default_context(), proxy=proxy)
        with pytest.raises(UpstreamUnreachable):
            await client.send(asking(origin))
        assert upstream.requests == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answered 407"),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", "answered 403"),
        (b"HTTP/1.1 200 OK\r\n\r\nand bytes that nobody asked for", "sent more than its answer"),
        (b"nonsense\r\n\r\n", "answered no HTTP"),
        (b"x" * 20_000, "answered no HTTP"),
        (b"", "closed the connection"),
    ],
)
async def test_a_proxy_that_refuses_or_talks_nonsense(client, answer, reason):
    tls = ssl.create_default_context()
    async with forward_proxy(answer) as (proxy, _):
        with pytest.raises(UpstreamUnreachable, match=reason):
            await client.send(asking(Origin("https", "localhost", 1, tls=tls, proxy=proxy)))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_what_cannot_be_reached(client, scheme):
    tls = ssl.create_default_context() if scheme == "https" else None
    with pytest.raises(UpstreamUnreachable, match=r"the proxy 127\.0\.0\.1:1: .*Errno"):
        await client.send(asking(Origin(scheme, "localhost", 2, tls=tls, proxy=("127.0.0.1", 1))))
