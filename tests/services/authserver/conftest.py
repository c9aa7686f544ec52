from __future__ import annotations

import uuid

import pytest
from product_descriptor import products

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer, running_authserver
from entryway.testing.databases import DatabaseUrl


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: DatabaseUrl):
    with running_authserver(tmp_path_factory.mktemp("authserver"), database_url=database_url) as running:
        yield running


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
