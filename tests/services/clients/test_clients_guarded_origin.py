"""Calls to addresses that others name, on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from entryway.clients.http import call, new_http
from entryway.clients.outgoing_addresses import AddressPolicy, AddressRefused

TWO = AddressPolicy((ip_network("127.0.0.2/32"),), https_only=False)


@asynccontextmanager
async def answering(host: str, answer: bytes, port: int = 0) -> AsyncIterator[int]:
    """Serve `answer` on a port, one request per connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer))
        writer.close()

    async with await asyncio.start_server(serve, host, port) as server:
        yield server.sockets[0].getsockname()[1]


class Names:
    """A name server whose answer changes with every question."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.left = list(answers)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.resolve)

    async def resolve(self, host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        if host != "provider.example":
            return [(2, 1, 6, "", (host, port))]
        return [(2, 1, 6, "", (address, port)) for address in self.left.pop(0)]


async def test_a_name_that_leads_elsewhere_later_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering("127.0.0.2", b"right") as port, answering("127.0.0.1", b"inside", port):
        Names(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
        url = f"http://provider.example:{port}/"
        async with new_http(ssl.create_default_context(), policy=TWO) as http:
            assert (await call(http, "GET", url)).content == b"right"
            with pytest.raises(AddressRefused) as refused:
                await call(http, "GET", url)
    assert "127.0.0.1" not in str(refused.value)


async def test_of_several_addresses_the_permitted_ones_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering("127.0.0.2", b"right") as port, answering("127.0.0.1", b"inside", port):
        Names(monkeypatch, ["127.0.0.1", "127.0.0.2"])
        async with new_http(ssl.create_default_context(), policy=TWO) as http:
            assert (await call(http, "GET", f"http://provider.example:{port}/")).content == b"right"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0.0.0.0", "[::ffff:127.0.0.1]"])
async def test_a_server_on_this_machine_is_not_called(host: str) -> None:
    policy = AddressPolicy(https_only=False)
    async with answering("127.0.0.1", b"inside") as port, new_http(ssl.create_default_context(), policy=policy) as http:
        with pytest.raises(AddressRefused):
            await call(http, "GET", f"http://{host}:{port}/")


async def test_services_of_the_operator_are_called_wherever_they_are() -> None:
    async with answering("127.0.0.1", b"ours") as port:
        policy = AddressPolicy(origins=frozenset({f"http://127.0.0.1:{port}"}), https_only=False)
        async with new_http(ssl.create_default_context(), policy=policy) as http:
            assert (await call(http, "GET", f"http://127.0.0.1:{port}/")).content == b"ours"


async def test_without_tls_this_machine_is_called_where_it_is_permitted_and_nothing_else() -> None:
    policy = AddressPolicy((ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))
    async with answering("127.0.0.1", b"ours") as port, new_http(ssl.create_default_context(), policy=policy) as http:
        assert (await call(http, "GET", f"http://127.0.0.1:{port}/")).content == b"ours"
        with pytest.raises(AddressRefused, match="without TLS"):
            await call(http, "GET", "http://10.0.0.1/")
    async with new_http(ssl.create_default_context(), policy=AddressPolicy()) as http:
        with pytest.raises(AddressRefused, match="without TLS"):
            await call(http, "GET", "http://93.184.216.34/")
