"""Carrier (c): many TLS connections that the connector dialled, each plain HTTP/1.1 with the roles reversed.

This is no prototype but the product's own tunnel: gateway, control connection and HTTP engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from certificates import CONNECTOR_ID, Certificates
from work import REQUEST_HEADERS, answer

from entryway.connectivity.gateway import Gateway as TunnelGateway
from entryway.connectivity.gateway import GatewayLimits
from entryway.connectivity.tunnels import Tunnels
from entryway.connector.configuration import GatewaySection, IdentitySection
from entryway.connector.dialling import Dialler, gateway_of
from entryway.connector.handle import render
from entryway.http import Body, Client, Headers, OutgoingRequest, PoolLimits, Request, Response
from entryway.telemetry import configure_logging
from entryway.tunnel.contexts import KeyPair, gateway_context
from entryway.tunnel.demand import DemandLimits
from entryway.tunnel.identity import TunnelId

TENANT = TunnelId("tenant")
configure_logging(json=False, level="error")


class Gateway:
    def __init__(self, certificates: Certificates) -> None:
        own = KeyPair(certificates.read("gateway.pem"), certificates.read("gateway.key"))
        self.context = gateway_context(own, certificates.read("ca.pem"))
        self.tunnels = Tunnels()
        self.client = Client(PoolLimits(connections_per_origin=1024))
        self.stack = AsyncExitStack()
        self.headers = Headers([(name.encode(), value.encode()) for name, value in REQUEST_HEADERS])

    async def listen(self) -> int:
        limits = GatewayLimits(DemandLimits(), ping_seconds=15, open_seconds=10)
        gateway = TunnelGateway(self.tunnels, self.context, limits, now=lambda: datetime.now(UTC))
        return await (await self.stack.enter_async_context(gateway)).listen("127.0.0.1", 0)

    async def ready(self) -> None:
        while TENANT not in self.tunnels.by_id:  # noqa: ASYNC110 - once, before anything is measured
            await asyncio.sleep(0.01)

    async def fetch(self, path: str) -> AsyncIterator[bytes]:
        tunnel = self.tunnels.resolve(TENANT)
        response = await self.client.send(
            OutgoingRequest("GET", f"http://erp.virtual:443{path}", tunnel, self.headers.copy())
        )
        if isinstance(response.body, bytes):
            yield response.body
            return
        async for chunk in response.body.chunks():
            yield chunk


async def connector(port: int, certificates: Certificates) -> None:
    async def handle(request: Request) -> Response:
        body = await answer(request.target.removeprefix("http://erp.virtual:443"))
        headers = Headers([(b"content-type", b"application/json")])
        return Response(200, headers, body if isinstance(body, bytes) else Body.from_chunks(body))

    gateway = gateway_of(
        GatewaySection(host="localhost", port=port, trust=certificates.read("ca.pem")),
        IdentitySection(
            connector_id=CONNECTOR_ID,
            zid="tenant",
            certificate=certificates.read("connector.pem"),
            private_key=certificates.read("connector.key"),
        ),
    )
    await Dialler(gateway, handle, render, max_connections=1024).run()
