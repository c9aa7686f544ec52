"""Connections that have not finished their TLS handshake are few, and keep nobody out."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from entryway.http import Headers, Limits, Request, Response, Server
from entryway.testing.authority import TestAuthority

MOST = 3


@pytest.fixture
def authority(tmp_path: Path) -> TestAuthority:
    return TestAuthority.create(tmp_path)


def serving(authority: TestAuthority, test: Callable[[int], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        files = authority.issue_server()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files.certificate, files.key)

        async def hello(_: Request) -> Response:
            return Response(200, Headers([]), b"hello")

        server = Server(hello, Limits(handshakes=MOST, header_timeout=20))
        _, port = await server.listen("127.0.0.1", 0, ssl=context)
        try:
            await test(port)
        finally:
            await server.close(0.1)

    return run


async def answer(port: int, authority: TestAuthority) -> bytes:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    said = await reader.read()
    writer.close()
    return said


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_silent_connections_are_cut_off_the_oldest_first(run: Callable[[Any], None], authority: TestAuthority) -> None:
    async def flood(port: int) -> None:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST)]
        half = await asyncio.open_connection("127.0.0.1", port)
        half[1].write(b"\x16\x03\x01")
        assert await asyncio.wait_for(silent[0][0].read(), 5) == b""
        assert (await answer(port, authority)).endswith(b"hello")
        assert await asyncio.wait_for(silent[1][0].read(), 5) == b""
        # The others may still speak.
        assert not silent[2][0].at_eof()
        assert not half[0].at_eof()
        for _, writer in (*silent, half):
            writer.close()

    run(serving(authority, flood)())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_is_no_handshake_makes_room_at_once(run: Callable[[Any], None], authority: TestAuthority) -> None:
    async def nonsense(port: int) -> None:
        waiting = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3 * MOST):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        assert not waiting[0].at_eof()
        waiting[1].close()

    run(serving(authority, nonsense)())
