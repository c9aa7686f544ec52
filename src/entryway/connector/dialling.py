"""How the connector stays connected: it keeps one control connection, and dials what the gateway asks for over it."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from entryway.connector.configuration import GatewaySection, IdentitySection
from entryway.errors import EntrywayError
from entryway.http import ErrorRenderer, Handler, Limits, Server
from entryway.http.admin_port import Readiness
from entryway.telemetry import get_logger
from entryway.tunnel import backoff
from entryway.tunnel.contexts import CONTROL_PROTOCOL, HTTP_PROTOCOL, KeyPair, connector_context
from entryway.tunnel.control import ControlChannel, ControlLost
from entryway.tunnel.messages import (
    MAX_LINE,
    DialFailed,
    Goodbye,
    MalformedMessage,
    Open,
    Ping,
    Pong,
    Welcome,
    parse_from_gateway,
)
from entryway.tunnel.meters import Gauges, TunnelMeters
from entryway.tunnel.respond import CONNECTOR
from entryway.tunnel.sockets import keep_alive

log = get_logger("connector")

CONNECT_SECONDS = 10.0
MISSED_PINGS = 3
GRACE_SECONDS = 30.0
STOP_SECONDS = 5.0
FOREVER = float("inf")

# The gateway is one peer that we trust and dialled: its connections wait as long as it likes, and it has checked what
# applications sent. Headers have grown by two tokens on the way.
TUNNEL_LIMITS = Limits(
    header_bytes=128 * 1024,
    header_count=300,
    target_bytes=16 * 1024,
    header_timeout=FOREVER,
    idle_timeout=FOREVER,
    body_timeout=180.0,
    write_timeout=180.0,
)


class Superseded(EntrywayError):
    """Another process has connected with the same certificate; two of them would push each other out for ever."""

    code: ClassVar[str] = "connector_superseded"
    title: ClassVar[str] = "Another process has connected with this connector's certificate"


class Revoked(EntrywayError):
    """An administrator has revoked this connector: no certificate of its will be believed again."""

    code: ClassVar[str] = "connector_revoked"
    title: ClassVar[str] = "This connector was revoked: pair it again, if it is to serve"


ENDINGS: Mapping[str, type[EntrywayError]] = {"revoked": Revoked}


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session ended, and whether another one is worth trying."""

    reason: str
    retry: bool = True


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where to dial, and how both kinds of connections are made."""

    host: str
    port: int
    control: ssl.SSLContext
    http: ssl.SSLContext


def gateway_of(section: GatewaySection, identity: IdentitySection) -> Gateway:
    """Return the gateway that pairing wrote into the configuration."""
    own = KeyPair(identity.certificate, identity.private_key.get_secret_value())
    return Gateway(
        section.host,
        section.port,
        connector_context(own, section.trust, CONTROL_PROTOCOL),
        connector_context(own, section.trust, HTTP_PROTOCOL),
    )


class Dialler:
    """Keeps the tunnel open until it is cancelled."""

    def __init__(
        self,
        gateway: Gateway,
        handler: Handler,
        on_error: ErrorRenderer,
        max_connections: int,
        chance: Callable[[], float] = random.random,
        *,
        readiness: Readiness | None = None,
        meters: TunnelMeters | None = None,
    ) -> None:
        self._gateway = gateway
        self._handler = handler
        self._on_error = on_error
        self._max_connections = max_connections
        self._chance = chance
        self._attempt = 0
        self._readiness = readiness or Readiness()
        self._meters = meters or TunnelMeters(CONNECTOR)
        self._serving: Server | None = None

    def use(self, gateway: Gateway) -> None:
        """Dial so from now on; what is connected stays connected."""
        self._gateway = gateway

    def gauges(self) -> Gauges:
        """Return what there is at the moment."""
        connections = 0 if self._serving is None else self._serving.connections
        return {"tunnel_connections": ("Connections to the gateway, idle and busy", connections)}

    async def run(self) -> None:
        """Connect, serve, and connect again; raise when that cannot help any more."""
        async with asyncio.TaskGroup() as leaving:
            while (ending := await self._serve(leaving)).retry:
                self._attempt += 1
                seconds = backoff.delay(self._attempt, self._chance())
                log.warning("connector_disconnected", reason=ending.reason, retry_in_seconds=round(seconds, 2))
                await asyncio.sleep(seconds)
        raise ENDINGS.get(ending.reason, Superseded)

    async def _serve(self, leaving: asyncio.TaskGroup) -> Ending:
        server = self._serving = Server(self._handler, TUNNEL_LIMITS, on_error=self._on_error)
        try:
            ending = await self._session(server)
        except asyncio.CancelledError:
            await server.close(STOP_SECONDS)
            raise
        # Requests under way come to their end while we are already dialling again.
        leaving.create_task(server.close(GRACE_SECONDS))
        return ending

    async def _session(self, server: Server) -> Ending:
        """Serve for as long as one control connection lives."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self._gateway.host,
                    self._gateway.port,
                    ssl=self._gateway.control,
                    server_hostname=self._gateway.host,
                    limit=MAX_LINE,
                )
        except TimeoutError:
            return Ending("no connection to the gateway in time")
        except OSError as error:
            return Ending(str(error))
        channel = ControlChannel(reader, writer)
        dials: set[asyncio.Task[None]] = set()
        try:
            async with asyncio.TaskGroup() as tasks:
                try:
                    return await self._converse(channel, server, tasks, dials)
                except (ControlLost, MalformedMessage) as error:
                    return Ending(error.detail)
                finally:
                    for dial in dials:
                        dial.cancel()
        finally:
            if self._readiness.ready:
                self._readiness.ready = False
                self._meters.disconnected()
            channel.abort()

    async def _converse(
        self, channel: ControlChannel, server: Server, tasks: asyncio.TaskGroup, dials: set[asyncio.Task[None]]
    ) -> Ending:
        welcome = await channel.receive(parse_from_gateway, CONNECT_SECONDS)
        if isinstance(welcome, Goodbye):
            return Ending(welcome.reason, retry=welcome.retry)
        if not isinstance(welcome, Welcome):
            raise MalformedMessage("the gateway did not begin with a welcome")
        self._attempt = 0
        self._readiness.ready = True
        log.info("connector_connected", gateway=f"{self._gateway.host}:{self._gateway.port}")
        limit = min(self._max_connections, welcome.max_connections)
        while True:
            message = await channel.receive(parse_from_gateway, welcome.ping_seconds * MISSED_PINGS)
            match message:
                case Ping():
                    channel.send(Pong())
                case Open(count=count):
                    possible = max(0, min(count, limit - server.connections - len(dials)))
                    for _ in range(possible):
                        dial = tasks.create_task(self._dial(server, channel))
                        dials.add(dial)
                        dial.add_done_callback(dials.discard)
                    if possible < count:
                        channel.send(DialFailed(count=count - possible))
                case Goodbye():
                    return Ending(message.reason, retry=message.retry)
                case Welcome():
                    raise MalformedMessage("the gateway welcomed twice")

    async def _dial(self, server: Server, channel: ControlChannel) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await server.dial(
                    self._gateway.host,
                    self._gateway.port,
                    ssl=self._gateway.http,
                    server_hostname=self._gateway.host,
                )
        except (OSError, TimeoutError) as error:
            log.warning("dial_failed", reason=str(error) or "no connection in time")
            channel.send(DialFailed(count=1))
            return
        keep_alive(connection.transport.get_extra_info("socket"))
