from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from entryway.idp.schema import SCHEMA
from entryway.testing.databases import DatabaseUrl, PostgresServer, reseal_everything, sqlite_url
from entryway.testing.idp import MASTER_KEY, Person, RunningIdp, running_idp


@pytest.fixture(scope="session")
def idp_on_sqlite(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("idp")
    with running_idp(folder) as running:
        yield running
    # Whatever the tests left there opens, and can be sealed with another key.
    assert reseal_everything(sqlite_url(folder, "idp"), MASTER_KEY, SCHEMA).unopened == 0


@pytest.fixture(scope="session")
def idp_on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresServer):
    with running_idp(tmp_path_factory.mktemp("idp"), database_url=postgresql.url) as running:
        yield running


@pytest.fixture(scope="session")
def idp(request: pytest.FixtureRequest, database_url: DatabaseUrl) -> RunningIdp:
    """The server on one database or the other: both run to the end, for tests go from one to the other file by file."""
    running: RunningIdp = request.getfixturevalue(
        "idp_on_sqlite" if database_url is sqlite_url else "idp_on_postgresql"
    )
    return running


@pytest.fixture(autouse=True)
def real_time(idp: RunningIdp):
    """Undo what a test does to the clock: tokens of the future are nobody's."""
    yield
    idp.clock.ahead = timedelta()


@pytest.fixture
def person(idp: RunningIdp):
    made = idp.person()
    yield made
    made.http.close()


@pytest.fixture
def other_person(idp: RunningIdp):
    made: Person = idp.person()
    yield made
    made.http.close()


@pytest.fixture
def name() -> str:
    """A user name that no other test has."""
    return f"user-{uuid.uuid4().hex[:8]}"
