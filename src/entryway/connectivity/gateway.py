"""The gateway: accepts what connectors dial, finds out what each connection is for, and converses with connectors."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self, cast

from cryptography import x509

from entryway.certificates import UNREADABLE
from entryway.connectivity.admission import Admission
from entryway.connectivity.tunnels import Tunnel, Tunnels
from entryway.errors import EntrywayError
from entryway.http import Limits, UpstreamConnection, tls_listener
from entryway.http.protocols import as_protocol
from entryway.http.tls_listener import TlsListener
from entryway.telemetry import get_logger
from entryway.tunnel import contexts
from entryway.tunnel.control import ControlChannel, ControlLost
from entryway.tunnel.demand import DemandLimits
from entryway.tunnel.identity import ConnectorIdentity, TunnelId, read_identity
from entryway.tunnel.messages import (
    MAX_LINE,
    DialFailed,
    Goodbye,
    GoodbyeReason,
    MalformedMessage,
    Open,
    Ping,
    Pong,
    Welcome,
    parse_from_connector,
)
from entryway.tunnel.sockets import keep_alive

log = get_logger("gateway")

HANDSHAKE_SECONDS = 10.0
MISSED_PINGS = 3


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """How the gateway treats connectors."""

    demand: DemandLimits
    ping_seconds: float
    open_seconds: float


class Gateway:
    """Fills `tunnels`; used as `async with Gateway(…) as gateway: await gateway.listen(…)`."""

    def __init__(
        self,
        tunnels: Tunnels,
        context: ssl.SSLContext,
        limits: GatewayLimits,
        now: Callable[[], datetime],
        admission: Admission,
    ) -> None:
        self._admission = admission
        admission.on_revoked = self._end_revoked
        self._tunnels = tunnels
        self._context = context
        self._limits = limits
        self._now = now
        self._servers: list[TlsListener] = []
        self._tasks = asyncio.TaskGroup()
        self._conversations: dict[TunnelId, _Conversation] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        for server in self._servers:
            server.close()
        for conversation in list(self._conversations.values()):
            conversation.end("shutting_down", retry=True)
        await self._tasks.__aexit__(None, None, None)

    async def listen(self, host: str, port: int) -> int:
        """Accept connectors on this address; return the port."""
        server = await tls_listener.listen(
            lambda: _Newcomer(self),
            host,
            port,
            self._context,
            seconds=HANDSHAKE_SECONDS,
            most=Limits().handshakes,
            backlog=1024,
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def control_arrived(self, channel: ControlChannel, identity: ConnectorIdentity) -> None:
        """A connector reports."""
        self._tasks.create_task(self._converse(channel, identity))

    def http_arrived(self, connection: UpstreamConnection, identity: ConnectorIdentity) -> None:
        """A connector dialled a connection for requests."""
        tunnel = self._tunnels.by_id.get(identity.tunnel)
        if tunnel is None or tunnel.identity != identity:
            connection.abort()
            return
        tunnel.arrived(connection)

    def _end_revoked(self, connector_ids: frozenset[str]) -> None:
        for tunnel_id, conversation in list(self._conversations.items()):
            if conversation.tunnel.identity.connector_id in connector_ids:
                # Its place is free at once, whether or not it listens to our goodbye.
                del self._conversations[tunnel_id]
                self._tunnels.remove(conversation.tunnel)
                conversation.tunnel.cut()
                conversation.end("revoked", retry=False)

    async def _converse(self, channel: ControlChannel, identity: ConnectorIdentity) -> None:
        if not self._admission.admits(identity.connector_id):
            reason = "revoked" if self._admission.known else "revocations_unknown"
            log.warning("connector_refused", reason=reason, **_names(identity))
            if self._admission.known:
                channel.send(Goodbye(reason="revoked", retry=False))
            await channel.close()
            return
        present = self._conversations.get(identity.tunnel)
        if present is not None and present.tunnel.identity != identity:
            by = present.tunnel.identity.connector_id
            log.warning("connector_refused", reason="location_taken", by=by, **_names(identity))
            channel.send(Goodbye(reason="location_taken", retry=True))
            await channel.close()
            return
        if present is not None:
            # The same connector again: its old connection is dead, or two processes use one certificate.
            present.end("superseded", retry=False)
        tunnel = Tunnel(
            identity,
            self._limits.demand,
            ask=lambda count: channel.send(Open(count=count)),
            open_seconds=self._limits.open_seconds,
            connected_at=self._now(),
        )
        conversation = _Conversation(channel, tunnel, self._limits)
        self._conversations[identity.tunnel] = conversation
        self._tunnels.by_id[identity.tunnel] = tunnel
        log.info("connector_connected", **_names(identity))
        try:
            await conversation.run()
        finally:
            if self._conversations.get(identity.tunnel) is conversation:
                del self._conversations[identity.tunnel]
            self._tunnels.remove(tunnel)
            tunnel.close()
            log.info("connector_disconnected", reason=conversation.reason, **_names(identity))
            await channel.close()


class _Conversation:
    """What is said with one connector, from welcome to goodbye."""

    def __init__(self, channel: ControlChannel, tunnel: Tunnel, limits: GatewayLimits) -> None:
        self.channel = channel
        self.tunnel = tunnel
        self.reason = ""
        self._limits = limits

    async def run(self) -> None:
        """Return when it has ended, for whatever reason."""
        self.channel.send(Welcome(max_connections=self._limits.demand.maximum, ping_seconds=self._limits.ping_seconds))
        self.tunnel.replenish()
        async with asyncio.TaskGroup() as tasks:
            pinging = tasks.create_task(self._ping())
            try:
                while True:
                    await self._hear()
            except ControlLost as error:
                self.reason = self.reason or error.detail
            except MalformedMessage as error:
                self.end("protocol_error", retry=True)
                log.warning("control_message_malformed", detail=error.detail, **_names(self.tunnel.identity))
            finally:
                pinging.cancel()

    def end(self, reason: GoodbyeReason, *, retry: bool) -> None:
        """Say goodbye and hang up; `run` then returns."""
        self.reason = reason
        self.channel.send(Goodbye(reason=reason, retry=retry))
        self.channel.hang_up()

    async def _hear(self) -> None:
        message = await self.channel.receive(parse_from_connector, self._limits.ping_seconds * MISSED_PINGS)
        match message:
            case DialFailed(count=count):
                self.tunnel.dial_failed(count)
            case Pong():
                pass  # that it came is what it says

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._limits.ping_seconds)
            self.channel.send(Ping())
            self.tunnel.tidy()


class _Newcomer(asyncio.Protocol):
    """A connection whose TLS handshake has just ended: its certificate says who, its protocol (ALPN) what for."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's classes
        tls = connection.get_extra_info("ssl_object")
        try:
            identity = read_identity(x509.load_der_x509_certificate(tls.getpeercert(binary_form=True)))
        except (EntrywayError, *UNREADABLE) as error:
            log.warning("connector_refused", reason="identity_unknown", detail=str(error))
            connection.abort()
            return
        keep_alive(connection.get_extra_info("socket"))
        match tls.selected_alpn_protocol():
            case contexts.CONTROL_PROTOCOL:
                self._gateway.control_arrived(_channel(connection), identity)
            case contexts.HTTP_PROTOCOL:
                upstream = UpstreamConnection(f"connector {identity.connector_id}")
                connection.set_protocol(as_protocol(upstream))
                upstream.connection_made(connection)
                self._gateway.http_arrived(upstream, identity)
            case other:
                log.warning("connector_refused", reason="protocol_unknown", protocol=other, **_names(identity))
                connection.abort()


def _channel(transport: asyncio.Transport) -> ControlChannel:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_LINE, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    return ControlChannel(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


def _names(identity: ConnectorIdentity) -> dict[str, str]:
    return {
        "connector_id": identity.connector_id,
        "zid": identity.tunnel.zid,
        "location_id": identity.tunnel.location_id,
    }
