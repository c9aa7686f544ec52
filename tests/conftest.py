"""What tests of every kind share: both engines that services keep their state in."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from entryway.testing.databases import DatabaseUrl, PostgresServer, running_postgresql, sqlite_url


@pytest.fixture(autouse=True)
def own_log_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command that runs within a test's process sets its logs up for that test alone, and ties no logger for good."""
    configure, root = structlog.configure, logging.getLogger()
    handlers, level = root.handlers[:], root.level
    uncached = {"cache_logger_on_first_use": False}
    monkeypatch.setattr(structlog, "configure", lambda **given: configure(**given | uncached))
    yield
    if structlog.is_configured():
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


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
