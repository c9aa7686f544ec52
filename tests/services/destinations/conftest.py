from collections.abc import Iterator

import httpx
import pytest
from destination_caller import MASTER_KEY, Service

from entryway.destinations.build import build
from entryway.destinations.settings import DestinationSettings
from entryway.testing.issuer import Issuer, running_issuer
from entryway.testing.serving import served
from entryway.testing.token_service import TokenService, running_token_service


@pytest.fixture
def issuer(tmp_path) -> Iterator[Issuer]:
    with running_issuer(tmp_path / "ca") as issuer:
        yield issuer


@pytest.fixture
def token_service(issuer) -> Iterator[TokenService]:
    with running_token_service(issuer.authority) as service:
        yield service


@pytest.fixture
def service(tmp_path, issuer) -> Iterator[Service]:
    def application(url: str):
        return build(
            DestinationSettings(
                public_url=url,
                uaa_url=issuer.url,
                database_url=f"sqlite+aiosqlite:///{tmp_path}/destinations.db",
                master_key=MASTER_KEY,
                ca_file=issuer.ca_file,
                entities=20,
            )
        )

    with served(application, issuer.authority) as url, httpx.Client(verify=issuer.tls, trust_env=False) as http:
        yield Service(url, issuer, http, f"{tmp_path}/destinations.db")
