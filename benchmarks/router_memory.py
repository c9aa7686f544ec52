"""How much memory the router takes: idle, while a gigabyte flows through it, and for WebSockets that say nothing.

python benchmarks/router_memory.py [--megabytes 1000] [--sockets 5000]

Idle is RSS and PSS of a router that has answered nothing yet, started as its users do. A body flows from the upstream
to a client and from a client to the upstream, each time once as fast as it goes and once with a receiver that stalls
for two seconds and then reads slowly; growth is the highest RSS meanwhile above the RSS before. For a WebSocket, both
of its connections are the router's; afterwards each says something, and must be answered.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import resource
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

from measure import free_port, process
from neighbours import Neighbours, RunningRouter, application, running_neighbours, running_router

PIECE = bytes(64 * 1024)
STALL_SECONDS = 2.0
SLOW_SECONDS_PER_PIECE = 0.0004
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = base64.b64encode(bytes(16)).decode()
OPENED_AT_ONCE = 100


# -- the upstream, a process of its own -------------------------------------------------------------------------------


async def serve_upstream(port: int) -> None:
    """Send and receive bodies of any size, fast or slowly, and echo what comes over WebSockets."""
    server = await asyncio.start_server(_answer, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            path = lines[0].split()[1]
            if "sec-websocket-key" in fields:
                await _echo(reader, writer, fields["sec-websocket-key"])
                return
            if path.startswith("/download/"):
                await _send(writer, int(path.removeprefix("/download/")))
            else:
                await _receive(reader, int(fields["content-length"]), slowly="slowly" in path)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _send(writer: asyncio.StreamWriter, size: int) -> None:
    writer.write(
        f"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {size}\r\n\r\n".encode()
    )
    for _ in range(size // len(PIECE)):
        writer.write(PIECE)
        await writer.drain()


async def _receive(reader: asyncio.StreamReader, size: int, *, slowly: bool) -> None:
    if slowly:
        await asyncio.sleep(STALL_SECONDS)
    while size:
        size -= len(await reader.read(min(size, len(PIECE))))
        if slowly:
            await asyncio.sleep(SLOW_SECONDS_PER_PIECE)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
    accept = base64.b64encode(hashlib.sha1(f"{key}{GUID}".encode()).digest()).decode()  # as RFC 6455 has it
    answer = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade"
    writer.write(f"{answer}\r\nsec-websocket-accept: {accept}\r\n\r\n".encode())
    while data := await reader.read(1000):
        writer.write(data)


# -- clients ----------------------------------------------------------------------------------------------------------


def download(port: int, size: int, *, slowly: bool) -> None:
    with _connected(port) as connection:
        connection.sendall(f"GET /public/download/{size} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode())
        if slowly:
            time.sleep(STALL_SECONDS)
        got = b""
        while b"\r\n\r\n" not in got:
            got += connection.recv(len(PIECE))
        left = size - len(got.partition(b"\r\n\r\n")[2])
        while left:
            arrived = len(connection.recv(min(left, len(PIECE))))
            if not arrived:
                raise RuntimeError(f"{left} bytes of the download are missing")
            left -= arrived
            if slowly:
                time.sleep(SLOW_SECONDS_PER_PIECE)


def upload(port: int, size: int, *, slowly: bool) -> None:
    path = "/public/slowly" if slowly else "/public/upload"
    with _connected(port) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(size // len(PIECE)):
            connection.sendall(PIECE)
        answer = connection.recv(len(PIECE))
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the upload failed: {answer[:200]!r}")


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.settimeout(60)
        yield connection


async def open_sockets(port: int, count: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    head = (
        f"GET /public/socket HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\norigin: http://127.0.0.1:{port}\r\n"
        f"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
    ).encode()

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"no WebSocket: {answer[:200]!r}")
        return reader, writer

    opened = []
    for _ in range(count // OPENED_AT_ONCE):
        opened += await asyncio.gather(*(open_one() for _ in range(OPENED_AT_ONCE)))
    return opened


async def hold_sockets(router: RunningRouter, count: int) -> tuple[float, float]:
    """Return by how many kB each WebSocket makes the router grow, while they are idle and after each has spoken."""
    before = kilobytes(router.pid, "VmRSS")
    opened = await open_sockets(router.port, count)
    await asyncio.sleep(1)
    idle = (kilobytes(router.pid, "VmRSS") - before) / count
    for reader, writer in opened:
        writer.write(b"hello")
        if await reader.readexactly(5) != b"hello":
            raise RuntimeError("a WebSocket says something else than it was told")
    spoken = (kilobytes(router.pid, "VmRSS") - before) / count
    for _, writer in opened:
        writer.close()
    return idle, spoken


# -- memory -----------------------------------------------------------------------------------------------------------


def kilobytes(pid: int, field: str, file: str = "status") -> float:
    line = next(line for line in Path(f"/proc/{pid}/{file}").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1.024


def highest_growth(pid: int, body: Callable[[], None]) -> tuple[float, float]:
    """Return by how many MB a process grows at most while `body` runs, and how long that takes."""
    before = highest = kilobytes(pid, "VmRSS")
    began = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(body)
        while not running.done():
            time.sleep(0.02)
            highest = max(highest, kilobytes(pid, "VmRSS"))
        running.result()
    return (highest - before) / 1000, time.monotonic() - began


def measure_all(folder: Path, megabytes: int, sockets: int) -> None:
    upstream = free_port()
    size = megabytes * 1_000_000 // len(PIECE) * len(PIECE)
    with (
        running_neighbours(folder) as neighbours,
        process([sys.executable, __file__, "--serve-upstream", str(upstream)], port=upstream),
    ):
        app, env = application(folder / "app", Neighbours(upstream, neighbours.uaa))
        document = json.loads((app / "xs-app.json").read_text())
        (app / "xs-app.json").write_text(json.dumps(document | {"websockets": {"enabled": True}}))
        for command in (["entryway", "router"], ["entryway.router"]):
            with running_router(app, env, command) as router:
                time.sleep(1)
                rss, pss = kilobytes(router.pid, "Rss", "smaps_rollup"), kilobytes(router.pid, "Pss", "smaps_rollup")
                print(f"idle, python -m {' '.join(command)}: RSS {rss / 1000:.1f} MB, PSS {pss / 1000:.1f} MB")
        with running_router(app, env) as router:
            for what, slowly in product((download, upload), (False, True)):
                grown, seconds = highest_growth(router.pid, partial(what, router.port, size, slowly=slowly))
                body = f"{what.__name__} of {size / 1e6:.0f} MB, {'slow' if slowly else 'fast'} receiver"
                print(f"{body}: {grown:+.1f} MB ({size / 1e6 / seconds:.0f} MB/s)")
        with running_router(app, env | {"BACKEND_MAX_SOCKETS": str(2 * sockets)}) as router:
            idle, spoken = asyncio.run(hold_sockets(router, sockets))
            print(f"{sockets} WebSockets: {idle:.1f} kB each while idle, {spoken:.1f} kB after each has spoken")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--sockets", type=int, default=5000)
    parser.add_argument("--serve-upstream", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if arguments.serve_upstream:
        asyncio.run(serve_upstream(arguments.serve_upstream))
        return
    with tempfile.TemporaryDirectory() as name:
        measure_all(Path(name), arguments.megabytes, arguments.sockets)


if __name__ == "__main__":
    main()
