from collections.abc import Iterator

import httpx
import pytest
from destination_caller import MASTER_KEY, Service

from entryway.destinations.build import build
from entryway.destinations.settings import DestinationSettings
from entryway.testing.databases import DatabaseUrl, execute
from entryway.testing.issuer import ZONE, Issuer, running_issuer
from entryway.testing.serving import served
from entryway.testing.token_service import TokenService, running_token_service


@pytest.fixture(scope="session")
def running(tmp_path_factory, database_url: DatabaseUrl) -> Iterator[Service]:
    """One service for all tests: it has nothing that is not in its database but the tokens of token services."""
    folder = tmp_path_factory.mktemp("destinations")
    database = database_url(folder, "destinations")

    def application(url: str):
        return build(
            DestinationSettings(
                public_url=url,
                uaa_url=issuer.url,
                database_url=database,
                master_key=MASTER_KEY,
                ca_file=issuer.ca_file,
                entities=20,
            )
        )

    with (
        running_issuer(folder / "ca") as issuer,
        served(application, issuer.authority) as url,
        httpx.Client(verify=issuer.tls, trust_env=False) as http,
    ):
        yield Service(url, issuer, http, database)


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    yield running
    execute(running.database, "delete from destination")


@pytest.fixture
def issuer(running: Service) -> Iterator[Issuer]:
    yield running.issuer
    running.issuer.zone = ZONE


@pytest.fixture
def token_service(issuer: Issuer) -> Iterator[TokenService]:
    """A token service of its own for each test, on its own port: tokens of others do not count."""
    with running_token_service(issuer.authority) as service:
        yield service
