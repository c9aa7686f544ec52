"""`entryway services`: the control plane, all services in one process on one HTTPS port."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from entryway.authserver.build import build as build_authserver
from entryway.authserver.settings import AuthServerSettings
from entryway.broker.build import build as build_broker
from entryway.broker.settings import BrokerSettings
from entryway.clients.outgoing_addresses import outgoing_settings
from entryway.connectivity.build import build as build_pairing
from entryway.connectivity.settings import PairingSettings
from entryway.destinations.build import build as build_destinations
from entryway.destinations.settings import DestinationSettings
from entryway.http.asking_tls import AskingContext
from entryway.landscape.admin_listener import AdminListener, counted, read_admin_listener
from entryway.landscape.authority import ensure_certificates
from entryway.landscape.authserver_environment import (
    audit_settings,
    branding_settings,
    certificate_settings,
    identity_provider_url,
    limit_settings,
    listener_limits,
    tenant_url,
)
from entryway.landscape.certificate_listener import CertificateListener, asking_tls
from entryway.landscape.certificates import SUBDOMAIN
from entryway.landscape.dispatch import EVERYTHING_ELSE, Dispatcher
from entryway.landscape.ports import WantedPort, check_free
from entryway.landscape.record import ControlPorts, load_record, save_record
from entryway.landscape.renewal import Renewal
from entryway.landscape.secrets import Secrets, load_or_create_secrets
from entryway.landscape.serve import Endpoint, serve
from entryway.landscape.state import StateFolder, open_state
from entryway.landscape.tenant_names import TenantNames
from entryway.telemetry import get_logger
from entryway.telemetry.service_meters import ServiceMeters
from entryway.tunnel.sockets import allow_many_connections

ONPREMISE_PROXY_HOST = "127.0.0.1"
GATEWAY_HOST = "localhost"

log = get_logger(__name__)


def run(
    root: Path, *, host: str, port: int | None, certificate_port: int | None = None, admin_port: int | None = None
) -> None:
    """Run the control plane with this state folder, creating in it what is missing, until asked to stop."""
    # Databases are for their owner alone, like everything else in the folder.
    os.umask(0o077)
    state = open_state(root)
    record = load_record(state)
    given = {"services": port, "certificates": certificate_port}
    ports = record.ports.model_copy(update={name: value for name, value in given.items() if value is not None})
    if ports != record.ports:
        record.ports = ports
        save_record(state, record)
    limits = listener_limits(os.environ)
    wanted = [WantedPort("the control plane", ports.services, "--port", host)]
    door = None
    if ports.certificates is not None and not ports.one_for_all:
        door = Endpoint(host, ports.certificates, state.server_certificate, state.server_key, limits)
        wanted.append(WantedPort("the listener for client certificates", door.port, "--certificate-port", host))
    admin = read_admin_listener(os.environ, admin_port)
    check_free(*wanted, *([admin.wanted] if admin else []))
    ensure_certificates(state, datetime.now(UTC))
    names = TenantNames(state, lambda: datetime.now(UTC))
    app = build(state, ports, load_or_create_secrets(state), door, admin, door_tls=names.asking_tls)
    endpoint = Endpoint(host, ports.services, state.server_certificate, state.server_key, limits)
    log.info("services_starting", url=ports.public_url, state=str(state.root))
    allow_many_connections()
    uvloop.run(serve(app, endpoint, tls_at(ports, names), admin, Renewal(state, names.now)))
    log.info("services_stopped")


def tls_at(ports: ControlPorts, names: TenantNames) -> Callable[[Endpoint], ssl.SSLContext]:
    """Return the TLS of the control plane's own port, which asks for certificates where no other does."""
    return names.asking_tls if ports.one_for_all else names.tls


def build(
    state: StateFolder,
    ports: ControlPorts,
    secrets: Secrets,
    door: Endpoint | None = None,
    admin: AdminListener | None = None,
    *,
    door_tls: Callable[[Endpoint], AskingContext] = asking_tls,
) -> Dispatcher:
    """Return all services as one application; at `door` clients of the authorization server show certificates."""
    url = ports.public_url
    people = identity_provider_url(os.environ, ports.identity_provider_url)
    authserver = AuthServerSettings(
        public_url=url,
        database_url=state.database_url("authserver"),
        master_key=secrets.master_key,
        previous_master_keys=secrets.previous_master_keys,
        platform_client_secret=secrets.platform_client_secret,
        subdomain=SUBDOMAIN,
        ca_file=state.ca_certificate,
        identity_providers=(people,),
        tenant_url=tenant_url(os.environ, url),
        **({"certificate_url": ports.certificate_url} if ports.certificates else {}) | certificate_settings(os.environ),
        **limit_settings(os.environ),
        **branding_settings(os.environ),
        **audit_settings(os.environ),
        **outgoing_settings(os.environ, url, people),
    )
    destinations = DestinationSettings(
        public_url=url,
        uaa_url=url,
        database_url=state.database_url("destinations"),
        master_key=secrets.master_key,
        previous_master_keys=secrets.previous_master_keys,
        ca_file=state.ca_certificate,
    )
    broker = BrokerSettings(
        public_url=url,
        uaa_url=url,
        database_url=state.database_url("broker"),
        master_key=secrets.master_key,
        previous_master_keys=secrets.previous_master_keys,
        platform_client_secret=secrets.platform_client_secret,
        ca_file=state.ca_certificate,
        identity_provider_url=people,
        onpremise_proxy_host=ONPREMISE_PROXY_HOST,
        onpremise_proxy_port=ports.onpremise_proxy,
    )
    pairing = PairingSettings(
        public_url=url,
        uaa_url=url,
        database_url=state.database_url("connectivity"),
        master_key=secrets.master_key,
        previous_master_keys=secrets.previous_master_keys,
        ca_file=state.ca_certificate,
        gateway_host=GATEWAY_HOST,
        gateway_port=ports.gateway,
        authority_file=state.tunnel_authority,
    )

    def meters(service: str) -> ServiceMeters | None:
        return admin.meters(service) if admin else None

    counts = meters("authserver")
    tokens = counted(build_authserver(authserver, meters=counts), counts)
    # The authorization server first: the others fetch its keys.
    return Dispatcher(
        {
            EVERYTHING_ELSE: ("authorization server", tokens),
            "/destination-configuration": (
                "destination service",
                counted(build_destinations(destinations), meters("destinations")),
            ),
            "/v2": ("broker", counted(build_broker(broker), meters("broker"))),
            "/connectivity": ("connectivity pairing", counted(build_pairing(pairing), meters("pairing"))),
        },
        CertificateListener(tokens, door, door_tls) if door else None,
    )
