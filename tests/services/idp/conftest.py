from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from entryway.testing.databases import DatabaseUrl
from entryway.testing.idp import Person, RunningIdp, running_idp


@pytest.fixture(scope="session")
def idp(tmp_path_factory: pytest.TempPathFactory, database_url: DatabaseUrl):
    with running_idp(tmp_path_factory.mktemp("idp"), database_url=database_url) as running:
        yield running


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
