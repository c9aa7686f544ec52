"""What a platform made is still there when all keys of the databases have been replaced."""

from __future__ import annotations

import pytest
from broker_platform import Platform

from entryway.authserver.schema import SCHEMA as AUTHSERVER
from entryway.broker.schema import SCHEMA as BROKER
from entryway.destinations.schema import SCHEMA as DESTINATIONS
from entryway.testing.control_plane import MASTER_KEY
from entryway.testing.databases import reseal_everything


@pytest.mark.once_on_postgresql
def test_credentials_and_destinations_are_as_before(plane: Platform) -> None:
    erp = {"Name": "erp", "Type": "HTTP", "URL": "https://erp.example.com", "Authentication": "NoAuthentication"}
    parameters = {"init_data": {"instance": {"destinations": [erp], "existing_destinations_policy": "update"}}}
    assert plane.provision("destination", parameters).status_code == 201
    credentials = plane.bind("destination").json()["credentials"]
    for schema, values in ((BROKER, 3), (DESTINATIONS, 1), (AUTHSERVER, 2)):
        done = reseal_everything(plane.services.database(schema.service), MASTER_KEY, schema)
        assert (done.values >= values, done.unopened) == (True, 0), schema.service
    assert plane.bind("destination").json()["credentials"] == credentials
    found = plane.destinations(credentials, "destinations/erp")
    assert found.json()["destinationConfiguration"]["URL"] == erp["URL"]
