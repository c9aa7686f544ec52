"""Authorization server, destination service and broker for a test, each on its own port of `localhost`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from entryway.accounts.passwords import Passwords
from entryway.authserver.build import build as build_authserver
from entryway.authserver.settings import AuthServerSettings
from entryway.broker.build import build as build_broker
from entryway.broker.settings import BrokerSettings
from entryway.destinations.build import build as build_destinations
from entryway.destinations.settings import DestinationSettings
from entryway.testing.authority import TestAuthority
from entryway.testing.databases import DatabaseUrl, sqlite_url
from entryway.testing.passwords import CHEAP
from entryway.testing.serving import served

PLATFORM_SECRET = "platform-secret-of-the-test"  # noqa: S105 - of a test
MASTER_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Where everything is; `folder` has a database for each service."""

    uaa_url: str
    destination_url: str
    broker_url: str
    authority: TestAuthority
    folder: Path
    broker_settings: BrokerSettings
    database_url: DatabaseUrl

    def database(self, service: str) -> str:
        """Return the URL of the database of `authserver`, `destinations` or `broker`."""
        return self.database_url(self.folder, service)

    @property
    def tls(self) -> ssl.SSLContext:
        """A context for clients, which believes this control plane's authority alone."""
        return ssl.create_default_context(cafile=str(self.authority.ca_file))


@contextmanager
def running_control_plane(folder: Path, database_url: DatabaseUrl = sqlite_url) -> Iterator[ControlPlane]:
    """Serve the three services; what they keep is in `folder`."""
    authority = TestAuthority.create(folder / "ca")

    def shared(service: str) -> dict[str, Any]:
        return {"database_url": database_url(folder, service), "master_key": MASTER_KEY}

    def authserver(url: str) -> Any:
        settings = AuthServerSettings(public_url=url, platform_client_secret=PLATFORM_SECRET, **shared("authserver"))
        return build_authserver(settings, passwords=Passwords(CHEAP))

    with ExitStack() as stack:
        uaa_url = stack.enter_context(served(authserver, authority))
        known: dict[str, Any] = {"uaa_url": uaa_url, "ca_file": authority.ca_file}

        def destinations(url: str) -> Any:
            return build_destinations(DestinationSettings(public_url=url, **known, **shared("destinations")))

        destination_url = stack.enter_context(served(destinations, authority))
        settings = BrokerSettings(
            public_url="https://localhost",
            platform_client_secret=PLATFORM_SECRET,
            destination_url=destination_url,
            onpremise_proxy_host="proxy.example.com",
            onpremise_proxy_port=20003,
            **known,
            **shared("broker"),
        )
        broker_url = stack.enter_context(served(lambda url: build_broker(replace(settings, public_url=url)), authority))
        yield ControlPlane(uaa_url, destination_url, broker_url, authority, folder, settings, database_url)
