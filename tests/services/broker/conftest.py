import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from control_plane import INSTANCE, OTHER_INSTANCE, SECRET, ControlPlane

from entryway.authserver.build import build as build_authserver
from entryway.authserver.settings import AuthServerSettings
from entryway.broker.build import build as build_broker
from entryway.broker.settings import BrokerSettings
from entryway.destinations.build import build as build_destinations
from entryway.destinations.settings import DestinationSettings
from entryway.testing.authority import TestAuthority
from entryway.testing.serving import served

MASTER_KEY = bytes(range(32))


@pytest.fixture
def plane(running_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The control plane without any instance; what a test leaves behind is deleted as a platform would."""
    yield running_plane
    for service in ("xsuaa", "destination", "connectivity"):
        for instance_id in (INSTANCE, OTHER_INSTANCE):
            running_plane.deprovision(service, instance_id)
    with sqlite3.connect(running_plane.databases["destinations"]) as database:
        database.execute("delete from destination")


@pytest.fixture(scope="session")
def running_plane(tmp_path_factory) -> Iterator[ControlPlane]:
    tmp_path = tmp_path_factory.mktemp("plane")
    authority = TestAuthority.create(tmp_path / "ca")
    databases = {name: f"{tmp_path}/{name}.db" for name in ("authserver", "destinations", "broker")}

    def database(name: str) -> str:
        return f"sqlite+aiosqlite:///{databases[name]}"

    def authserver(url: str):
        return build_authserver(
            AuthServerSettings(
                public_url=url,
                database_url=database("authserver"),
                master_key=MASTER_KEY,
                platform_client_secret=SECRET,
            )
        )

    with ExitStack() as stack:
        uaa_url = stack.enter_context(served(authserver, authority))

        def destinations(url: str):
            return build_destinations(
                DestinationSettings(
                    public_url=url,
                    uaa_url=uaa_url,
                    database_url=database("destinations"),
                    master_key=MASTER_KEY,
                    ca_file=authority.ca_file,
                )
            )

        destination_url = stack.enter_context(served(destinations, authority))

        settings = BrokerSettings(
            public_url="https://localhost",
            uaa_url=uaa_url,
            database_url=database("broker"),
            master_key=MASTER_KEY,
            platform_client_secret=SECRET,
            ca_file=authority.ca_file,
            destination_url=destination_url,
            onpremise_proxy_host="proxy.example.com",
            onpremise_proxy_port=20003,
        )
        broker_url = stack.enter_context(served(lambda url: build_broker(replace(settings, public_url=url)), authority))
        context = ssl.create_default_context(cafile=str(authority.ca_file))
        http = stack.enter_context(httpx.Client(verify=context, trust_env=False, timeout=20))
        yield ControlPlane(uaa_url, destination_url, broker_url, authority, http, databases, settings)
