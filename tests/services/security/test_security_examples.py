"""The applications in docs/backends.md, each as a process of its own, before the real authorization server."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from entryway.testing.authserver import running_authserver

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "backends"
DESCRIPTOR = {
    "xsappname": "shop",
    "scopes": [{"name": "$XSAPPNAME.Display"}, {"name": "$XSAPPNAME.Edit"}],
    "attributes": [{"name": "country", "valueType": "string"}],
    "role-templates": [
        {"name": "Viewer", "scope-references": ["$XSAPPNAME.Display"]},
        {
            "name": "Editor",
            "scope-references": ["$XSAPPNAME.Display", "$XSAPPNAME.Edit"],
            "attribute-references": [{"name": "country", "default-values": ["DE"]}],
        },
        {
            "name": "FrenchEditor",
            "scope-references": ["$XSAPPNAME.Edit"],
            "attribute-references": [{"name": "country", "default-values": ["FR"]}],
        },
    ],
    "role-collections": [
        {"name": f"{name}s", "role-template-references": [f"$XSAPPNAME.{name}"]}
        for name in ("Viewer", "Editor", "FrenchEditor")
    ],
}
PASSWORD = "correct horse battery"
USERS = {"vera@example.com": "Viewers", "erin@example.com": "Editors", "fleur@example.com": "FrenchEditors"}
SERVE = {
    "with_fastapi": "import uvicorn; uvicorn.run('with_fastapi:app', port={port}, log_level='warning')",
    "with_flask": "from with_flask import app; app.run(port={port})",
    "with_django": "from wsgiref.simple_server import make_server; import with_django\n"
    "make_server('127.0.0.1', {port}, with_django.app).serve_forever()",
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    with running_authserver(tmp_path_factory.mktemp("authserver")) as server:
        application = server.deploy(DESCRIPTOR)
        for name, collection in USERS.items():
            server.user(name, PASSWORD, [collection])
        yield server, application


@contextmanager
def running(example: str, server, application) -> Iterator[str]:
    """Run an example as the documentation says; the platform gives it its binding and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binding = {"name": "uaa", "plan": "application", "tags": ["xsuaa"], "credentials": application.credentials}
    environ = os.environ | {
        "VCAP_SERVICES": json.dumps({"xsuaa": [binding]}),
        "SSL_CERT_FILE": str(server.ca_file),
        "NO_PROXY": "localhost,127.0.0.1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", SERVE[example].format(port=port)]
    started = subprocess.Popen(command, cwd=EXAMPLES, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not listening(port):
            assert started.poll() is None, started.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.communicate(timeout=30)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("example", SERVE)
def test_the_example_does_what_it_says(example, deployed):
    server, application = deployed
    with running(example, server, application) as url, httpx.Client(base_url=url, trust_env=False) as http:

        def answer(method: str, path: str, user: str | None) -> httpx.Response:
            headers = {}
            if user:
                tokens = server.token(application, grant_type="password", username=user, password=PASSWORD)
                headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
            return http.request(method, path, headers=headers)

        assert answer("GET", "/products", "vera@example.com").json() == ["Bread", "Milk"]
        assert answer("GET", "/me", "vera@example.com").json() == "Vera Example"
        assert answer("POST", "/products/Eggs", "erin@example.com").json() == ["Bread", "Milk", "Eggs"]
        assert answer("POST", "/products/Eggs", "vera@example.com").status_code == 403
        assert answer("POST", "/products/Eggs", "fleur@example.com").status_code == 403
        assert answer("GET", "/products", "fleur@example.com").status_code == 403
        for path in ("/products", "/me"):
            assert answer("GET", path, None).status_code == 401
        forged = http.get("/products", headers={"authorization": "Bearer a.b.c"})
        assert (forged.status_code, forged.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


@pytest.mark.parametrize("example", SERVE)
def test_the_documentation_shows_the_example_as_it_is(example):
    page = (ROOT / "docs" / "backends.md").read_text(encoding="utf-8")
    assert f"```python\n{(EXAMPLES / f'{example}.py').read_text(encoding='utf-8')}```" in page
