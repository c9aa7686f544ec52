"""What tests of every kind share: both engines that services keep their state in."""

import logging
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from entryway.testing.authority import TestAuthority
from entryway.testing.databases import DatabaseUrl, PostgresServer, running_postgresql, sqlite_url

# On a crowded machine any example may take long; what hangs is ended by pytest's own time-out.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases that ask the second database what one before them has asked it, where a file says so."""
    seen: set[tuple[Path, str]] = set()
    kept, left_out = [], []
    for item in items:
        again = False
        if (
            isinstance(item, pytest.Function)
            and item.get_closest_marker("once_on_postgresql")
            and hasattr(item, "callspec")
            and item.callspec.params.get("database_url") == "postgresql"
        ):
            test = (item.path, item.originalname)
            again = test in seen
            seen.add(test)
        (left_out if again else kept).append(item)
    if left_out:
        items[:] = kept
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", autouse=True)
def system_with_one_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run on a system that believes one authority: reading the usual list costs each router 20 ms."""
    believed = TestAuthority.create(tmp_path_factory.mktemp("system")).ca_file
    paths = ssl.get_default_verify_paths()._replace(openssl_cafile=str(believed), openssl_capath=os.devnull)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "get_default_verify_paths", lambda: paths)
        yield


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
