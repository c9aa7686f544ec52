"""The ASGI adapter in real server processes."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets import ConnectionClosed, InvalidStatus
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from entryway.testing.upstream import Wire, dial, recording_upstream, scripted_upstream

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])  # the servers under test run in processes of their own

COMMANDS = {
    "granian": ["granian", "--interface", "asgi", "--no-ws", "--host", "127.0.0.1", "--log-level", "error", "--port"],
    "granian-ws": ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--log-level", "error", "--port"],
    "uvicorn": ["uvicorn", "--host", "127.0.0.1", "--log-level", "critical", "--port"],
}


@asynccontextmanager
async def running(server: str, upstream_port: int, app: str = "app"):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *COMMANDS[server],
        str(port),
        f"http_asgi_app:{app}",
        cwd=Path(__file__).parent,
        env={**os.environ, "UPSTREAM_PORT": str(upstream_port)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                wire = await dial("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                await wire.close()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(params=["granian", "uvicorn"])
def server(request) -> str:
    return request.param


async def test_requests_and_bodies_cross(server):
    async with recording_upstream() as upstream, running(server, upstream.port) as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(
            b"POST /a%20b/%C3%A4?c=d%20e HTTP/1.1\r\nHost: app:80\r\nContent-Length: 4\r\nX-A: 1\r\nX-A: 2\r\n\r\nbody",
        )
        assert (await wire.hear_head()).startswith(b"HTTP/1.1 200 OK\r\n")
        assert await wire.hear(12) == b'{"ok": true}'
        await wire.saying(
            b"POST /chunked HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        )
        await wire.hear_head()
        await wire.hear(12)
        await wire.saying(b"HEAD / HTTP/1.1\r\nHost: app\r\n\r\n")
        assert b"content-length: 12" in (await wire.hear_head()).lower()
        await wire.saying(b"GET /fails HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
        failure = await wire.hear_all()
        assert failure.startswith(b"HTTP/1.1 500 ")
        assert b"password" not in failure
        await wire.close()

        first, second, third = upstream.requests
        assert (first.method, first.target, first.body) == ("POST", "/a%20b/%C3%A4?c=d%20e", b"body")
        assert first.headers.all(b"x-a") == [b"1", b"2"]
        assert first.headers.get(b"host") == b"app:80"
        assert (second.target, second.body) == ("/chunked", b"abc")
        assert (third.method, third.body) == ("HEAD", b"")


async def test_bodies_stream_both_ways(server):
    got_half, release = asyncio.Event(), asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_until(b"half")
        got_half.set()
        await wire.hear_until(b"rest")
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        await release.wait()
        await wire.saying(b"def")
        await wire.closed()

    async with scripted_upstream(script) as upstream, running(server, upstream.port) as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
        await asyncio.wait_for(got_half.wait(), 5)
        await wire.saying(b"rest")
        await wire.hear_until(b"abc")
        release.set()
        assert await wire.hear(3) == b"def"
        await wire.close()


async def test_a_slow_reader_slows_the_upstream_down(server):
    sent = 0
    total = 256 * 1024 * 1024

    async def script(wire: Wire) -> None:
        nonlocal sent
        await wire.hear_head()
        wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            await wire.saying(b"x" * 65536)
            sent += 65536

    async with scripted_upstream(script) as upstream, running(server, upstream.port) as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await wire.hear_head()
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < total / 2
        await wire.close()


@pytest.mark.parametrize("begun", [False, True])
async def test_a_client_that_goes_away_ends_the_upstream_request(server, begun):
    asked, ended = asyncio.Event(), asyncio.Event()

    async def script(wire: Wire) -> None:
        await wire.hear_head()
        if begun:
            await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        asked.set()
        await wire.closed(10)
        ended.set()

    async with scripted_upstream(script) as upstream, running(server, upstream.port) as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(asked.wait(), 5)
        if begun:
            await wire.hear_until(b"some")
        await wire.close()
        await asyncio.wait_for(ended.wait(), 3)


async def test_an_upstream_that_dies_in_the_middle_leaves_the_answer_visibly_incomplete(server):
    async def script(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
        await asyncio.sleep(0.05)

    async with scripted_upstream(script) as upstream, running(server, upstream.port) as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            answer = await wire.hear_all()
        except ConnectionError:
            answer = bytes(wire.heard)
        assert not answer.endswith(b"0\r\n\r\n")
        await wire.close()


@pytest.mark.parametrize("extra", [b"x: " + b"y" * 20_000 + b"\r\n", b"x: y\r\n" * 150])
async def test_a_head_that_is_too_large_is_refused(server, extra):
    async with recording_upstream() as upstream, running(server, upstream.port) as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n" + extra + b"\r\n")
        assert (await wire.hear_head()).startswith(b"HTTP/1.1 431 ")
        await wire.close()
        assert upstream.requests == []


async def test_what_takes_too_long_is_given_up(server):
    cancelled = 0

    async def silent(wire: Wire) -> None:
        nonlocal cancelled
        if b"/begins" in await wire.hear_head():
            await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        await wire.closed(10)
        cancelled += 1

    async def drip(wire: Wire) -> None:
        while True:
            await wire.saying(b"x")
            await asyncio.sleep(0.1)

    async with scripted_upstream(silent) as upstream, running(server, upstream.port, "hasty") as port:
        slow, unanswered, begun = [await dial("127.0.0.1", port) for _ in range(3)]
        await unanswered.saying(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await begun.saying(b"GET /begins HTTP/1.1\r\nHost: x\r\n\r\n")
        await slow.saying(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        dripping = asyncio.create_task(drip(slow))
        assert (await unanswered.hear_head(2)).startswith(b"HTTP/1.1 504 ")
        assert (await slow.hear_head(2)).startswith(b"HTTP/1.1 408 ")
        dripping.cancel()
        await begun.hear_until(b"some")
        await begun.closed(2)
        async with asyncio.timeout(2):
            while cancelled < 3:  # noqa: ASYNC110 - the upstream notices by itself
                await asyncio.sleep(0.02)
        for wire in (slow, unanswered, begun):
            await wire.close()


async def test_what_keeps_moving_is_not_given_up(server):
    async def steady(wire: Wire) -> None:
        await wire.hear_head()
        await wire.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            await asyncio.sleep(0.3)
            await wire.saying(b"x")
        await wire.closed()

    async with scripted_upstream(steady) as upstream, running(server, upstream.port, "hasty") as port:
        wire = await dial("127.0.0.1", port)
        await wire.saying(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await wire.hear_head()
        assert await wire.hear(6) == b"xxxxxx"
        await wire.close()


@asynccontextmanager
async def echo_upstream():
    async def echo(connection):
        async for message in connection:
            if message == "close-me":
                await connection.close(4001, "asked")
            else:
                await connection.send(message)

    def refuse(connection, request):
        return connection.respond(403, "not you\n") if request.path == "/denied" else None

    async with serve(echo, "127.0.0.1", 0, subprotocols=["chat"], process_request=refuse) as upstream:
        yield upstream.sockets[0].getsockname()[1]


@pytest.mark.parametrize("asgi_server", ["granian-ws", "uvicorn"])
async def test_a_websocket_crosses_as_messages(asgi_server):
    async with echo_upstream() as upstream_port, running(asgi_server, upstream_port) as port:
        async with connect(f"ws://127.0.0.1:{port}/ws", subprotocols=["other", "chat"], proxy=None) as client:
            assert client.subprotocol == "chat"
            for message in ("hello", b"\x00\xff", "x" * 200_000):
                await client.send(message)
                assert await client.recv() == message
            await client.send("close-me")
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (4001, "asked")
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/denied", proxy=None)
        assert refused.value.response.status_code == 403
        assert refused.value.response.body == b"not you\n"


async def test_a_server_without_websockets_says_so():
    async with echo_upstream() as upstream_port, running("granian", upstream_port) as port:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{port}/ws", subprotocols=["chat"], proxy=None)
        assert refused.value.response.status_code == 501
        assert refused.value.response.headers["entryway-error"] == "websocket_unsupported"
