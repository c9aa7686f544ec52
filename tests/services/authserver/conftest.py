from __future__ import annotations

import uuid

import pytest
from product_descriptor import products

from entryway.authserver.schema import SCHEMA
from entryway.testing.authserver import MASTER_KEY, BoundApplication, Browser, RunningAuthServer, running_authserver
from entryway.testing.databases import DatabaseUrl, PostgresServer, reseal_everything, sqlite_url


@pytest.fixture(scope="session")
def server_on_sqlite(tmp_path_factory: pytest.TempPathFactory):
    with running_authserver(tmp_path_factory.mktemp("authserver")) as running:
        yield running
    # Whatever the tests left there opens, and can be sealed with another key.
    assert reseal_everything(running.database_url, MASTER_KEY, SCHEMA).unopened == 0


@pytest.fixture(scope="session")
def server_on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgresServer):
    with running_authserver(tmp_path_factory.mktemp("authserver"), database_url=postgresql.url) as running:
        yield running


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, database_url: DatabaseUrl) -> RunningAuthServer:
    """The server on one database or the other: both run to the end, for tests go from one to the other file by file."""
    running: RunningAuthServer = request.getfixturevalue(
        "server_on_sqlite" if database_url is sqlite_url else "server_on_postgresql"
    )
    return running


@pytest.fixture
def browser(server: RunningAuthServer):
    made = server.browser()
    yield made
    made.http.close()


@pytest.fixture
def app(server: RunningAuthServer) -> BoundApplication:
    return server.deploy(products(f"products-{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def editor(server: RunningAuthServer, app: BoundApplication) -> str:
    name = f"erin-{uuid.uuid4().hex[:8]}@example.com"
    server.user(name, "correct horse", [f"{app.name.partition('!')[0]} Editor"])
    return name


@pytest.fixture
def viewer(server: RunningAuthServer, app: BoundApplication) -> str:
    name = f"vic-{uuid.uuid4().hex[:8]}@example.com"
    server.user(name, "correct horse", [f"{app.name.partition('!')[0]} Viewer"])
    return name


@pytest.fixture
def code(browser: Browser, app: BoundApplication, editor: str) -> str:
    return browser.log_in(app, editor, "correct horse")
