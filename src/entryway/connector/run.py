"""The connector's process: its file in, and it serves until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from entryway.clients.tls import outgoing_context
from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.connector.backends import Backends
from entryway.connector.configuration import ConnectorConfiguration
from entryway.connector.dialling import Dialler, gateway_of
from entryway.connector.file import file_of, read_configuration
from entryway.connector.handle import Connector, render
from entryway.connector.issuing import CertificateIssuer, read_authority
from entryway.connector.mappings import Mappings
from entryway.connector.principal import parse_pattern
from entryway.connector.propagation import Propagation
from entryway.connector.renewal import Renewal, renewed
from entryway.connector.trust import UserTokens
from entryway.http import Client, ErrorRenderer, Handler, Timeouts
from entryway.http.admin_port import Readiness
from entryway.tunnel.admin import AdminAddress, listening
from entryway.tunnel.contexts import load_authorities
from entryway.tunnel.meters import TunnelMeters
from entryway.tunnel.respond import CONNECTOR
from entryway.tunnel.sockets import allow_many_connections


def run(config: Path, admin: AdminAddress | None = None) -> None:
    """Serve until SIGTERM or SIGINT; raise ConfigurationMistakes when the file cannot be used."""
    allow_many_connections()
    uvloop.run(_until_told(config, admin))


async def _until_told(config: Path, admin: AdminAddress | None) -> None:
    configuration = read_configuration(config)
    renewal = Renewal(file_of(config), lambda: datetime.now(UTC))
    serving = asyncio.ensure_future(serve(configuration, file_of(config).name, admin, renewal))
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        if not serving.cancelled():
            raise


async def serve(
    configuration: ConnectorConfiguration,
    file: str,
    admin: AdminAddress | None = None,
    renewal: Renewal | None = None,
) -> None:
    """Keep the tunnel open and answer what comes through it, until cancelled."""
    if configuration.gateway is None or configuration.identity is None:
        rule = "has no gateway and no identity: the connector is not paired"
        raise ConfigurationMistakes([Mistake(file, "", rule, "entryway connector pair --url … --token …")])
    system = configuration.system_certificate
    client = Client()
    connector = Connector(
        Mappings.of(configuration.mappings),
        _propagation(configuration, configuration.identity.zid, file),
        Backends(system, configuration.backend_trust, configuration.timeouts.connect),
        client,
        Timeouts(
            connect=None,  # the origin has its own
            response=configuration.timeouts.response,
            body=configuration.timeouts.between_pieces,
        ),
    )
    gateway = gateway_of(configuration.gateway, configuration.identity)
    readiness, meters = Readiness(), TunnelMeters(CONNECTOR)
    handler: Handler = connector.handle
    renderer: ErrorRenderer = render
    if admin is not None:
        handler, renderer = meters.counting(handler), meters.rendering(renderer)
    dialler = Dialler(gateway, handler, renderer, configuration.max_connections, readiness=readiness, meters=meters)
    try:
        async with listening(admin, readiness, meters, dialler.gauges), renewed(renewal, dialler):
            await dialler.run()
    finally:
        await client.close()


def _propagation(configuration: ConnectorConfiguration, zid: str, file: str) -> Propagation | None:
    authority = configuration.principal_ca
    if authority is None:
        return None
    settings = configuration.principal_propagation
    return Propagation(
        UserTokens(settings, zid, _tls_of, time.time),
        parse_pattern(settings.subject_pattern, file),
        CertificateIssuer(
            read_authority(authority.certificate, authority.private_key.get_secret_value(), file),
            timedelta(minutes=settings.validity_minutes),
            lambda: datetime.now(UTC),
        ),
    )


def _tls_of(authorities: str | None) -> ssl.SSLContext:
    context = outgoing_context(os.environ)
    if authorities is not None:
        load_authorities(context, authorities)
    return context
