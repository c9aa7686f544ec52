"""`entryway idp`: the identity provider, on an HTTPS port of its own."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from entryway.certificates import new_authority
from entryway.clients.outgoing_addresses import outgoing_settings
from entryway.http.asking_tls import AskingContext
from entryway.idp.applications.certificates import ISSUER
from entryway.idp.build import build
from entryway.idp.settings import IdpSettings
from entryway.landscape.admin_listener import counted, read_admin_listener
from entryway.landscape.authority import ensure_certificates
from entryway.landscape.authserver_environment import (
    address_limits,
    audit_settings,
    branding_settings,
    identity_provider_url,
    listener_limits,
    proxy_settings,
)
from entryway.landscape.dispatch import EVERYTHING_ELSE, Dispatcher
from entryway.landscape.mail import mail_settings
from entryway.landscape.ports import WantedPort, check_free
from entryway.landscape.record import load_record, save_record
from entryway.landscape.renewal import Renewal
from entryway.landscape.secrets import load_or_create_secrets
from entryway.landscape.serve import Endpoint, serve
from entryway.landscape.state import open_state
from entryway.telemetry import get_logger
from entryway.tunnel.sockets import allow_many_connections

log = get_logger(__name__)


def run(root: Path, *, host: str, port: int | None, admin_port: int | None = None) -> None:
    """Run the identity provider with this state folder until asked to stop."""
    # The database is for its owner alone, like everything else in the folder.
    os.umask(0o077)
    state = open_state(root)
    record = load_record(state)
    if port is not None and port != record.ports.identity_provider:
        record.ports = record.ports.model_copy(update={"identity_provider": port})
        save_record(state, record)
    ports = record.ports
    admin = read_admin_listener(os.environ, admin_port)
    wanted = WantedPort("the identity provider", ports.identity_provider, "--port", host)
    check_free(wanted, *([admin.wanted] if admin else []))
    ensure_certificates(state, datetime.now(UTC))
    secrets = load_or_create_secrets(state)
    url = identity_provider_url(os.environ, ports.identity_provider_url)
    settings = IdpSettings(
        public_url=url,
        database_url=state.database_url("idp"),
        master_key=secrets.master_key,
        previous_master_keys=secrets.previous_master_keys,
        admin_client_secret=secrets.platform_client_secret,
        mail=mail_settings(os.environ, state.mail),
        **proxy_settings(os.environ),
        ca_file=state.ca_certificate,
        **branding_settings(os.environ),
        **audit_settings(os.environ),
        **address_limits(os.environ),
        **outgoing_settings(os.environ, ports.public_url, url),
    )
    meters = admin.meters("idp") if admin else None
    app = Dispatcher({EVERYTHING_ELSE: ("identity provider", counted(build(settings, meters=meters), meters))})
    limits = listener_limits(os.environ)
    endpoint = Endpoint(host, ports.identity_provider, state.server_certificate, state.server_key, limits)
    log.info("identity_provider_starting", url=settings.public_url, state=str(state.root))
    allow_many_connections()
    asyncio.run(serve(app, endpoint, asking_tls, admin, Renewal(state, lambda: datetime.now(UTC))))
    log.info("identity_provider_stopped")


def asking_tls(endpoint: Endpoint) -> AskingContext:
    """Return TLS that asks applications for their certificates, where people log in: libraries know one address."""
    named = new_authority(ISSUER, datetime.now(UTC)).certificate
    return AskingContext(endpoint.certificate, endpoint.key, [named])
