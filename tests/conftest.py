"""What tests of every kind share: both engines that services keep their state in."""

from collections.abc import Iterator

import pytest

from entryway.testing.databases import DatabaseUrl, PostgresServer, running_postgresql, sqlite_url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    with running_postgresql() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> DatabaseUrl:
    """Each test that asks for this, or for what is built on it, runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return sqlite_url
    server: PostgresServer = request.getfixturevalue("postgresql")
    return server.url
