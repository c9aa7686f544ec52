from collections.abc import Iterator

import httpx
import pytest
from broker_platform import INSTANCE, OTHER_INSTANCE, Platform

from entryway.testing.control_plane import ControlPlane, running_control_plane
from entryway.testing.databases import DatabaseUrl, execute


@pytest.fixture(scope="session")
def services(tmp_path_factory, database_url: DatabaseUrl) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("plane"), database_url) as services:
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
    execute(services.database("destinations"), "delete from destination")
