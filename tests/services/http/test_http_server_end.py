"""A server that ends loses no request: not on a connection that was idle, not on one that it has not taken yet."""

import asyncio
import socket
import ssl

import pytest

from entryway.http import Request, Response, Server
from entryway.testing.authority import TestAuthority

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def answer(_: Request) -> Response:
    return Response(200, None, b"here")


async def all_of(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), 5)


async def test_a_request_on_an_idle_connection_is_answered_and_told_that_it_is_the_last():
    server = Server(answer)
    host, port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(GET)
    assert b"connection: keep-alive" in await reader.readuntil(b"here")

    closing = asyncio.create_task(server.close(10, idle_seconds=10))
    await asyncio.sleep(0.05)
    assert not closing.done()
    writer.write(GET)

    last = await all_of(reader)
    assert last.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in last
    writer.close()
    await asyncio.wait_for(closing, 5)  # nobody is left to wait for


async def test_idle_connections_do_not_keep_it_longer_than_they_may():
    server = Server(answer)
    host, port = await server.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(GET)
    await reader.readuntil(b"here")

    await asyncio.wait_for(server.close(10, idle_seconds=0.05), 5)

    assert await all_of(reader) == b""
    writer.close()


@pytest.mark.parametrize("secured", [False, True])
async def test_connections_that_wait_to_be_accepted_are_served(secured, tmp_path):
    authority = TestAuthority.create(tmp_path)
    server = Server(answer)
    host, port = await server.listen("127.0.0.1", 0, ssl=authority.server_context() if secured else None)
    # The system makes these connections; the loop has no turn to take them before the server is told to end.
    waiting = [socket.create_connection((host, port)) for _ in range(5)]

    closing = asyncio.create_task(server.close(10, idle_seconds=10))
    await asyncio.sleep(0)
    context = ssl.create_default_context(cafile=str(authority.ca_file)) if secured else None

    async def ask(connection: socket.socket) -> bytes:
        connection.setblocking(False)
        name = "localhost" if secured else None
        reader, writer = await asyncio.open_connection(sock=connection, ssl=context, server_hostname=name)
        writer.write(GET)
        said = await asyncio.wait_for(reader.readuntil(b"here"), 5)
        writer.close()
        return said

    answers = await asyncio.gather(*map(ask, waiting))
    assert all(said.startswith(b"HTTP/1.1 200") and b"connection: close" in said for said in answers)
    with pytest.raises(OSError):
        await asyncio.open_connection(host, port)
    await asyncio.wait_for(closing, 5)
