import sqlite3
from collections.abc import Iterator

import httpx
import pytest
from broker_platform import INSTANCE, OTHER_INSTANCE, Platform

from entryway.testing.control_plane import ControlPlane, running_control_plane


@pytest.fixture(scope="session")
def services(tmp_path_factory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane")) as services:
        yield services


@pytest.fixture
def plane(services: ControlPlane) -> Iterator[Platform]:
    """The platform without any instance; what a test leaves behind is deleted as a platform would."""
    with httpx.Client(verify=services.tls, trust_env=False, timeout=20) as http:
        platform = Platform(services, http, services.broker_url)
        yield platform
        for service in ("xsuaa", "destination", "connectivity"):
            for instance_id in (INSTANCE, OTHER_INSTANCE):
                platform.deprovision(service, instance_id)
    with sqlite3.connect(services.database("destinations")) as database:
        database.execute("delete from destination")
