"""The real nginx, Envoy and Caddy carry the bytes: two on the configuration that `entryway export` wrote for them, the
third on the one that the documentation shows.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from application_behind import NOTE, Behind, Person, answer, process, start, start_proxy, wait_for
from websockets import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from entryway.testing.authority import TestAuthority
from entryway.testing.authserver import running_authserver
from entryway.testing.serving import free_port
from entryway.testing.upstream import RecordingUpstream, recording_upstream

pytestmark = pytest.mark.proxies


class BackendInItsThread:
    """A backend on an event loop of its own: the tests talk to the proxy as a client that waits."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.context = recording_upstream(answer, ssl=tls)

    def __enter__(self) -> RecordingUpstream:
        self.thread.start()
        return asyncio.run_coroutine_threadsafe(self.context.__aenter__(), self.loop).result(10)

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.context.__aexit__(None, None, None), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture(scope="module", params=["nginx", "envoy", "caddy"])
def behind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "uaa").mkdir()
    with ExitStack() as stack:
        uaa = stack.enter_context(running_authserver(folder / "uaa"))
        backend = stack.enter_context(BackendInItsThread())
        yield start(request.param, folder, uaa, backend, stack)


@pytest.fixture(scope="module")
def viewer(behind: Behind) -> Person:
    return behind.viewer()


def test_a_page_without_a_session_leads_to_the_login_and_back(behind: Behind):
    before = len(behind.backend.requests)
    person = behind.person()
    assert person.log_in("/api/a%20b?x=1&y", behind.uaa, "vera") == "/api/a%20b?x=1&y"
    assert len(behind.backend.requests) == before
    assert person.page("/api/a%20b?x=1&y").text == "from the backend"


def test_an_allowed_request_reaches_the_backend_with_the_token(behind: Behind, viewer: Person):
    got = viewer.send("GET", "/api/a%2Fb%20c;d?x=%2F&y", x_other="1")
    assert (got.status_code, got.text) == (200, "from the backend")
    seen = behind.last()
    assert (seen.method, seen.target) == ("GET", "/base/in/a%2Fb%20c;d?x=%2F&y")
    assert seen.headers.text("authorization").startswith("Bearer ey")
    assert seen.headers.text("host") == urlsplit(behind.backend.url).netloc
    assert seen.headers.text("tenantid") == "dev"
    assert seen.headers.text("x-correlationid")
    assert seen.headers.text("x-other") == "1"
    assert seen.headers.text("x-forwarded-host") == urlsplit(behind.proxy).netloc
    assert seen.headers.text("x-forwarded-proto") == "http"
    assert seen.headers.text("x-forwarded-path") == "/api/a%2Fb%20c;d"
    assert not [name for name, _ in seen.headers if name.startswith(b"x-entryway")]


def test_the_proxy_carries_the_bytes_and_not_the_router(behind: Behind, viewer: Person):
    """What the router itself sends on gets its request id; what it only decides about does not."""
    carried, routed = viewer.send("GET", "/api/x"), viewer.send("GET", "/api/x", x_csrf_token="fetch")
    assert "x-request-id" not in carried.headers
    assert "x-request-id" in routed.headers


def test_the_session_cookie_does_not_reach_the_backend(behind: Behind, viewer: Person):
    session = viewer.jar["JSESSIONID"]
    assert viewer.send("GET", "/api/x", cookie=f"a=1; JSESSIONID={session}; b=2").status_code == 200
    assert behind.last().headers.all(b"cookie") == [b"a=1; b=2"]
    assert viewer.send("GET", "/api/x", cookie=f"JSESSIONID={session}").status_code == 200
    assert behind.last().headers.all(b"cookie") == []


def test_a_body_reaches_the_backend_whole(behind: Behind, viewer: Person):
    token = viewer.send("GET", "/api/x", x_csrf_token="fetch").headers["x-csrf-token"]
    body = bytes(range(256)) * 4096
    got = viewer.send("PUT", "/api/big", body, x_csrf_token=token)
    assert got.status_code == 200
    assert (behind.last().method, behind.last().body) == ("PUT", body)
    assert behind.last().headers.get(b"x-csrf-token") is None


def test_a_missing_scope_is_403(behind: Behind, viewer: Person):
    before = len(behind.backend.requests)
    got = viewer.page("/edit/x")
    assert (got.status_code, got.headers["entryway-error"]) == (403, "insufficient_scope")
    assert "You do not have the permission" in got.text
    assert len(behind.backend.requests) == before


@pytest.mark.parametrize("headers", [{}, {"x_csrf_token": "forged"}])
def test_a_missing_csrf_token_is_403(behind: Behind, viewer: Person, headers: dict[str, str]):
    before = len(behind.backend.requests)
    got = viewer.send("POST", "/api/x", b"{}", **headers)
    assert (got.status_code, got.headers["x-csrf-token"]) == (403, "Required")
    assert len(behind.backend.requests) == before


def test_scripts_and_forms_without_a_session_get_401(behind: Behind):
    person, before = behind.person(), len(behind.backend.requests)
    assert person.send("GET", "/api/x", x_requested_with="XMLHttpRequest").status_code == 401
    assert person.send("POST", "/api/x", b"{}").status_code == 401
    assert (
        person.send("GET", "/api/x", cookie="JSESSIONID=forged", x_requested_with="XMLHttpRequest").status_code == 401
    )
    assert len(behind.backend.requests) == before


def test_what_a_client_says_of_its_request_is_not_believed(behind: Behind, viewer: Person):
    person, before = behind.person(), len(behind.backend.requests)
    forged = {
        "x_original_url": f"{behind.proxy}/public/x",
        "x_original_method": "GET",
        "x_forwarded_uri": "/public/x",
        "x_forwarded_method": "GET",
        "x_forwarded_host": "evil.example",
        "x_forwarded_path": "/evil/api/x",
        "x_custom_host": "evil.example",
        "x_entryway_upstream": "=b",
        "x_entryway_target": "/base/secret",
        "x_entryway_host": "evil.example",
        "x_requested_with": "XMLHttpRequest",
    }
    assert person.send("GET", "/api/x", **forged).status_code == 401
    assert viewer.send("GET", "/edit/x", **forged).status_code == 403
    assert len(behind.backend.requests) == before
    page = person.send("GET", "/api/x", accept="text/html", **{k: v for k, v in forged.items() if "requested" not in k})
    assert "evil" not in page.text
    assert "evil" not in page.headers.get("location", "")

    assert viewer.send(
        "GET", "/api/x", tenantid="evil", x_ias_token="evil", ssl_client_cert="evil", **forged
    ).is_success
    seen = behind.last()
    assert seen.target == "/base/in/x"
    platform = (
        "tenantid",
        "x-ias-token",
        "ssl-client-cert",
        "x-forwarded-host",
        "x-forwarded-path",
        "x-custom-host",
        "host",
    )
    assert not [name for name in platform if "evil" in (seen.headers.text(name) or "")]


@pytest.mark.parametrize("name", ["ssl_client_cert", "x_forwarded_client_cert", "sap-connectivity-authentication"])
def test_a_header_that_servers_would_believe_does_not_arrive(behind: Behind, viewer: Person, name: str):
    cookie = "; ".join(f"{key}={value}" for key, value in viewer.jar.items())
    got = viewer.http.get(f"{behind.proxy}/api/x", headers={name: "forged", "cookie": cookie})
    assert got.status_code == 200
    assert "forged" not in str(behind.last().headers.raw)


def test_a_client_cannot_bring_its_own_token_to_a_session(behind: Behind, viewer: Person):
    viewer.send("GET", "/api/x", authorization="Bearer forged")
    assert "forged" not in str(behind.last().headers.all(b"authorization"))


@pytest.mark.parametrize(
    "path", ["/entryway/decision", "/auth_request", "/ext_authz/api/x", "/ext_authz_routed/api/x", "/forward_auth"]
)
def test_nobody_gets_a_decision_through_the_proxy(behind: Behind, viewer: Person, path: str):
    """A script of a page that could ask would see the user's token."""
    got = viewer.send("GET", path)
    assert got.status_code == 404
    assert "authorization" not in got.headers


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/public/x", "/base/public/x"),
        ("/q?v=12", "/base/versions/12"),
        ("/ahead/x", "/base/ahead/x"),
        ("/public//x/%2F?y=/files/a.txt", "/base/public//x/%2F?y=/files/a.txt"),
    ],
)
def test_routes_keep_their_meaning(behind: Behind, path: str, expected: str):
    assert behind.person().send("GET", path).text == "from the backend"
    assert behind.last().target == expected


@pytest.mark.parametrize("path", ["/q?v=x", "/q?v=12&w", "/q", "/ahead/y", "/Public/x", "/files/atxt", "/x/public/y"])
def test_what_no_route_takes_is_404(behind: Behind, path: str):
    before = len(behind.backend.requests)
    assert behind.person().send("GET", path).status_code == 404
    assert len(behind.backend.requests) == before


@pytest.mark.parametrize("path", ["/public/../api/x", "/public/%2e%2e/api/x", "/public/%2E./x", "/public/./x"])
def test_paths_that_climb_are_refused(behind: Behind, path: str):
    before = len(behind.backend.requests)
    assert behind.person().send("GET", path).status_code == 400
    assert len(behind.backend.requests) == before


def test_what_the_router_serves_still_comes_from_it(behind: Behind, viewer: Person):
    assert viewer.send("GET", "/files/a.txt").text == "a file"
    assert viewer.send("GET", "/user/currentUser").json()["email"] == "vera@example.com"
    assert viewer.send("GET", "/").headers["location"] == "/files/a.txt"
    assert viewer.send("GET", "/far/x").text == "from the backend"
    assert behind.last().target == "http://far.example/x"


def test_pages_of_other_origins_are_told_apart(behind: Behind):
    person = behind.person()
    friend = person.send("GET", "/public/x", origin="https://friend.example")
    assert (
        friend.headers["access-control-allow-origin"] == "*"
        or "friend" in friend.headers["access-control-allow-origin"]
    )
    assert person.send("GET", "/public/x", origin="https://evil.example").status_code == 403
    asked = {"origin": "https://friend.example", "access_control_request_method": "GET"}
    assert person.send("OPTIONS", "/public/x", **asked).status_code == 200


def test_headers_of_the_configuration_are_added_where_the_backend_has_none(behind: Behind):
    plain, framed = behind.person().send("GET", "/public/x"), behind.person().send("GET", "/public/framed")
    assert plain.headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert framed.headers.get_list("x-frame-options") == ["DENY"]
    assert plain.headers["x-note"] == NOTE


def test_what_a_backend_refuses_is_its_own_answer(behind: Behind):
    got = behind.person().send("GET", "/public/refused")
    assert (got.status_code, got.text) == (403, "the backend says no")


@pytest.mark.parametrize("path", ["/api/elsewhere", "/far/elsewhere"])
def test_a_backend_does_not_tell_the_proxy_where_to_look(behind: Behind, viewer: Person, path: str):
    """What decisions say is for proxies: with an answer of one, a script of a page would have the user's token."""
    got = viewer.send("GET", path)
    assert (got.status_code, got.text) == (200, "from the backend")
    assert "authorization" not in got.headers


def test_requests_to_switch_protocols_go_to_the_router(behind: Behind):
    """It looks at the page's origin; the proxy would not."""
    address = urlsplit(behind.proxy)
    lines = [
        "GET /public/socket HTTP/1.1", f"Host: {address.netloc}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Origin: https://evil.example", "", "",
    ]  # fmt: skip
    before = len(behind.backend.requests)
    with socket.create_connection(("127.0.0.1", address.port or 80), 10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        status = connection.recv(4096).split(b"\r\n")[0]
    assert b" 403 " in status
    assert len(behind.backend.requests) == before


def test_a_web_socket_passes_after_the_routers_checks(behind: Behind, viewer: Person):
    headers = {"cookie": f"JSESSIONID={viewer.jar['JSESSIONID']}"}
    url = behind.proxy.replace("http:", "ws:") + "/live/socket"
    before = len(behind.sockets.requests)
    chat, page = Subprotocol("chat"), Origin(behind.proxy)
    with connect(url, origin=page, subprotocols=[chat], additional_headers=headers, proxy=None) as client:
        assert client.subprotocol == "chat"
        for message in ("hello", b"\x00\xff", "x" * 200_000):
            client.send(message)
            assert client.recv(10) == message
        client.send("close-me")
        with pytest.raises(ConnectionClosed):
            client.recv(10)
        assert (client.close_code, client.close_reason) == (4001, "asked")
    [seen] = behind.sockets.requests[before:]
    assert (seen.path, seen.headers["authorization"][:9]) == ("/in/socket", "Bearer ey")
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=page, proxy=None)
    assert refused.value.response.status_code == 401
    assert len(behind.sockets.requests) == before + 1


def test_after_the_logout_nothing_is_let_through(behind: Behind):
    person = behind.viewer()
    session = person.jar["JSESSIONID"]
    assert person.send("GET", "/api/x").status_code == 200
    assert person.send("GET", "/do/logout").status_code == 302
    before = len(behind.backend.requests)
    again = person.send("GET", "/api/x", cookie=f"JSESSIONID={session}", x_requested_with="XMLHttpRequest")
    assert again.status_code == 401
    assert len(behind.backend.requests) == before


def test_the_export_says_what_goes_through_the_router(behind: Behind, request: pytest.FixtureRequest):
    kind, written = request.node.callspec.params["behind"], behind.folder / "remarks"
    if kind == "caddy":  # its file is written by hand
        assert not written.exists()
        return
    remarks = written.read_text()
    assert (
        "through the router: /routes/6 ^/far/(.*)$ (the destination is reached through a proxy of its own)" in remarks
    )
    assert ("which asks the router: /routes/4 ^/ahead(?=/x) (RE2 has no looking ahead or behind)" in remarks) == (
        kind == "envoy"
    )


@pytest.mark.parametrize("kind", ["nginx", "envoy", "caddy"])
def test_a_proxy_that_gets_no_decision_lets_nothing_through(kind: str, tmp_path: Path):
    with ExitStack() as stack:
        backend = stack.enter_context(BackendInItsThread())
        (tmp_path / "xs-app.json").write_text(
            json.dumps({"routes": [{"source": "^/", "destination": "b", "authenticationType": "none"}]})
        )
        env = {"PATH": os.environ["PATH"], "destinations": json.dumps([{"name": "b", "url": backend.url}])}
        env |= {"PORT": str(free_port()), "ENTRYWAY_DECISION_PORT": str(free_port())}
        port = start_proxy(kind, tmp_path, env, stack)
        got = httpx.get(f"http://127.0.0.1:{port}/x", headers={"x-entryway-upstream": "=b"}, trust_env=False)
        assert got.status_code in (500, 502, 503)
        assert backend.requests == []


@pytest.mark.parametrize("believed", [True, False])
@pytest.mark.parametrize("kind", ["nginx", "envoy"])
def test_a_backend_behind_tls_is_believed_only_with_its_authority(kind: str, tmp_path: Path, *, believed: bool):
    authority, other = TestAuthority.create(tmp_path / "ca"), TestAuthority.create(tmp_path / "other")
    with ExitStack() as stack:
        backend = stack.enter_context(BackendInItsThread(authority.server_context()))
        (tmp_path / "xs-app.json").write_text(
            json.dumps({"routes": [{"source": "^/", "destination": "b", "authenticationType": "none"}]})
        )
        port, decision = free_port(), free_port()
        env = {
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "ENTRYWAY_DECISION_PORT": str(decision),
            "TRUSTED_PROXIES": "127.0.0.1",
            "destinations": json.dumps([{"name": "b", "url": f"https://localhost:{backend.port}/base"}]),
        }
        router = stack.enter_context(
            process([sys.executable, "-m", "entryway.router", "-w", str(tmp_path)], env, tmp_path, "router")
        )
        wait_for(f"http://127.0.0.1:{decision}/", router, tmp_path / "router.err")
        env["SSL_CERT_FILE"] = str((authority if believed else other).ca_file)
        proxy = start_proxy(kind, tmp_path, env, stack)
        backend.requests.clear()
        got = httpx.get(f"http://127.0.0.1:{proxy}/x?y", trust_env=False, timeout=20)
        if believed:
            assert (got.status_code, got.text) == (200, "from the backend")
            assert backend.requests[-1].target == "/base/x?y"
            assert backend.requests[-1].headers.text("host") == f"localhost:{backend.port}"
        else:
            assert got.status_code in (502, 503)
            assert backend.requests == []
