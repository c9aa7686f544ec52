"""Carrier (b): one TLS connection that the connector dialled, HTTP/2 with the roles reversed, over httpunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpunk
import httpunk.asyncio
from certificates import Certificates
from work import REQUEST_HEADERS, answer


class ConnectorEnd(httpunk.asyncio.H2ServerProtocol):
    async def _make_server(self) -> httpunk.H2Server:
        # The protocol class takes no options, and its server allows 200 streams.
        return httpunk.H2Server(self, backend=httpunk.Backend.asyncio, max_concurrent_streams=4096)

    async def handle(self, request: httpunk.h2.server.ServerRequest) -> None:
        body = await answer(request.path or "/")
        headers = {"content-type": "application/json"}
        if isinstance(body, bytes):
            headers["content-length"] = str(len(body))
        await request.respond(200, headers=headers, body=body)


class Gateway:
    def __init__(self, certificates: Certificates) -> None:
        self.certificates = certificates
        self.connected: asyncio.Future[httpunk.asyncio.H2ClientProtocol] = asyncio.get_running_loop().create_future()

    async def listen(self) -> int:
        def accept() -> httpunk.asyncio.H2ClientProtocol:
            end = httpunk.asyncio.H2ClientProtocol(authority="erp.virtual:443", scheme="http")
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
        self.connection = await (await self.connected).ready()

    async def fetch(self, path: str) -> AsyncIterator[bytes]:
        request = httpunk.Request("GET", path, headers=REQUEST_HEADERS[1:])
        response = await self.connection.send_request(request)
        async for chunk in response.aiter_bytes():
            yield chunk


async def connector(port: int, certificates: Certificates) -> None:
    context = certificates.context("connector", ["h2"])
    _, end = await asyncio.get_running_loop().create_connection(
        ConnectorEnd, "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    await end.wait_closed()
