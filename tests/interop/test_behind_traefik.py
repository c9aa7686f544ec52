"""The real Traefik carries the bytes, on the configuration that the documentation shows."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from application_behind import DOCS, PASSWORD, SECURITY, Behind, Person, SocketBackend, process, wait_for
from test_behind_proxies import BackendInItsThread

from entryway.testing.authserver import running_authserver
from entryway.testing.serving import free_port
from entryway.testing.upstream import RecordingUpstream

pytestmark = pytest.mark.proxies

ROUTES = [
    {"source": "^/orders/edit/", "destination": "orders", "scope": "$XSAPPNAME.editor"},
    {"source": "^/orders/", "destination": "orders", "scope": "$XSAPPNAME.viewer"},
    {"source": "^/files/(.*)$", "target": "$1", "localDir": "resources", "authenticationType": "none"},
]


def documented(addresses: dict[str, str]) -> str:
    [text] = re.findall(r"### Traefik.*?```yaml\n(.*?)```", (DOCS / "behind-a-proxy.md").read_text(), flags=re.DOTALL)
    for shown, used in addresses.items():
        assert shown in text
        text = text.replace(shown, used)
    return str(text)


def start_traefik(folder: Path, backend: RecordingUpstream, router: int, decision: int, stack: ExitStack) -> int:
    dynamic, port = folder / "dynamic.yaml", free_port()
    addresses = {
        "shop.example": "localhost",
        "127.0.0.1:5000": f"127.0.0.1:{router}",
        "127.0.0.1:5001": f"127.0.0.1:{decision}",
        "http://127.0.0.1:7000": backend.url,
    }
    dynamic.write_text(documented(addresses))
    command = [
        str(Path(sys.executable).with_name("traefik")), f"--entrypoints.web.address=127.0.0.1:{port}",
        f"--providers.file.filename={dynamic}", "--providers.file.watch=false", "--global.checknewversion=false",
        "--global.sendanonymoususage=false", "--log.level=ERROR",
    ]  # fmt: skip
    running = stack.enter_context(process(command, {"PATH": os.environ["PATH"]}, folder, "traefik"))
    wait_for(f"http://127.0.0.1:{port}/", running, folder / "traefik.out")
    deadline = time.monotonic() + 30
    # It listens before it has read what it is to do.
    while httpx.get(f"http://localhost:{port}/", trust_env=False).text == "404 page not found\n":
        assert time.monotonic() < deadline, (folder / "traefik.out").read_text()
        time.sleep(0.05)
    return port


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("traefik")
    (folder / "uaa").mkdir()
    (folder / "resources").mkdir()
    (folder / "resources" / "a.txt").write_text("a file")
    with ExitStack() as stack:
        uaa = stack.enter_context(running_authserver(folder / "uaa"))
        backend = stack.enter_context(BackendInItsThread())
        (folder / "xs-app.json").write_text(json.dumps({"routes": ROUTES, "logout": {"logoutEndpoint": "/do/logout"}}))
        uaa_binding = uaa.deploy(SECURITY).credentials
        (folder / "default-services.json").write_text(json.dumps({"uaa": uaa_binding}))
        uaa.user("vera", PASSWORD, ["Shop Viewer"])
        router, decision = free_port(), free_port()
        env = {
            "PORT": str(router),
            "ENTRYWAY_DECISION_PORT": str(decision),
            "TRUSTED_PROXIES": "127.0.0.1",
            "NODE_EXTRA_CA_CERTS": str(uaa.ca_file),
            "PATH": os.environ["PATH"],
            "destinations": json.dumps([{"name": "orders", "url": backend.url, "forwardAuthToken": True}]),
        }
        running = stack.enter_context(
            process([sys.executable, "-m", "entryway.router", "-w", "."], env, folder, "router")
        )
        wait_for(f"http://127.0.0.1:{router}/files/a.txt", running, folder / "router.err")
        port = start_traefik(folder, backend, router, decision, stack)
        sockets = stack.enter_context(SocketBackend())
        yield Behind(folder, f"http://localhost:{port}", uaa, backend, sockets, stack)


@pytest.fixture(scope="module")
def viewer(behind: Behind) -> Person:
    person = behind.person()
    assert person.log_in("/orders/list?x=1&y", behind.uaa, "vera") == "/orders/list?x=1&y"
    return person


def test_an_allowed_request_reaches_the_backend_with_the_token_alone(behind: Behind, viewer: Person) -> None:
    session = viewer.jar["JSESSIONID"]
    forged = {"tenantid": "evil", "x_corporate_idp_token": "evil", "x_custom_host": "evil.example"}
    got = viewer.send(
        "GET", "/orders/a%20b?x=%2F&y", cookie=f"a=1; JSESSIONID={session}", authorization="Bearer evil", **forged
    )
    assert (got.status_code, got.text) == (200, "from the backend")
    seen = behind.last()
    assert (seen.method, seen.target) == ("GET", "/orders/a%20b?x=%2F&y")
    assert seen.headers.all(b"authorization")[0].startswith(b"Bearer ey")
    assert seen.headers.all(b"cookie") == [b"a=1"]
    assert seen.headers.text("tenantid") == "dev"
    assert seen.headers.text("host") == urlsplit(behind.backend.url).netloc
    assert "evil" not in str(seen.headers.raw)


def test_the_bytes_go_past_the_router_both_ways(behind: Behind, viewer: Person) -> None:
    fetched = viewer.send("GET", "/orders/x", x_csrf_token="fetch")
    assert "x-request-id" in fetched.headers
    body = bytes(range(256)) * 4096
    got = viewer.send("PUT", "/orders/big", body, x_csrf_token=fetched.headers["x-csrf-token"])
    assert (got.status_code, behind.last().method, behind.last().body) == (200, "PUT", body)
    assert "x-request-id" not in got.headers
    assert behind.last().headers.get(b"x-csrf-token") is None


@pytest.mark.parametrize(
    ("question", "headers", "status"),
    [
        ("GET /orders/edit/x", {}, 403),
        ("POST /orders/x", {}, 403),
        ("POST /orders/x", {"x_csrf_token": "forged"}, 403),
        ("GET /orders/x", {"ssl_client_cert": "forged"}, 403),
        ("GET /orders/../orders/edit/x", {}, 403),
        ("GET /orders/%2e%2e/orders/edit/x", {}, 403),
        ("GET /forward_auth", {}, 404),
        ("GET /auth_request", {}, 404),
    ],
)
def test_what_is_refused_never_reaches_the_backend(
    behind: Behind, viewer: Person, question: str, headers: dict[str, str], status: int
) -> None:
    method, path = question.split()
    before = len(behind.backend.requests)
    cookie = f"JSESSIONID={viewer.jar['JSESSIONID']}"
    sent = {name if name == "ssl_client_cert" else name.replace("_", "-"): text for name, text in headers.items()}
    got = viewer.http.request(
        method, behind.proxy, headers={"cookie": cookie} | sent, extensions={"target": path.encode()}
    )
    assert got.status_code == status, got.text
    assert "authorization" not in got.headers
    assert len(behind.backend.requests) == before


def test_what_a_client_says_of_its_request_is_not_believed(behind: Behind) -> None:
    before = len(behind.backend.requests)
    forged = {
        "x_forwarded_uri": "/files/a.txt", "x_forwarded_method": "GET", "x_forwarded_host": "evil.example",
        "x_forwarded_proto": "https", "x_forwarded_for": "10.0.0.1", "x_requested_with": "XMLHttpRequest",
    }  # fmt: skip
    person = behind.person()
    assert person.send("GET", "/orders/x", **forged).status_code == 401
    assert person.send("POST", "/orders/x", b"{}").status_code == 401
    page = person.send("GET", "/orders/x", accept="text/html", **{k: v for k, v in forged.items() if "with" not in k})
    assert page.status_code == 302
    assert "evil" not in page.headers["location"]
    assert len(behind.backend.requests) == before


def test_the_rest_comes_from_the_router(behind: Behind) -> None:
    assert behind.person().send("GET", "/files/a.txt").text == "a file"


def test_after_the_logout_nothing_is_let_through(behind: Behind) -> None:
    person = behind.person()
    person.log_in("/orders/x", behind.uaa, "vera")
    session = person.jar["JSESSIONID"]
    assert person.send("GET", "/orders/x").status_code == 200
    assert person.send("GET", "/do/logout").status_code == 302
    again = person.send("GET", "/orders/x", cookie=f"JSESSIONID={session}", x_requested_with="XMLHttpRequest")
    assert again.status_code == 401


def test_without_a_decision_nothing_is_let_through(behind: Behind, tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = start_traefik(tmp_path, behind.backend, free_port(), free_port(), stack)
        before = len(behind.backend.requests)
        got = behind.person().http.get(f"http://localhost:{port}/orders/x")
        assert got.status_code in (500, 502)
        assert len(behind.backend.requests) == before
