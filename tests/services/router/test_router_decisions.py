"""The decision endpoint on a real port: what proxies ask, what they are told, and whom nobody believes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from router_neighbours import PAGE

from entryway.errors import Forbidden
from entryway.http import Server
from entryway.router.decision import DecisionEndpoint
from entryway.router.hooks import Hooks

if TYPE_CHECKING:
    from router_world import Browser, World

ROUTES = [
    {"source": "^/private/(.*)$", "target": "/in/$1", "destination": "b"},
    {"source": "^/edit/(.*)$", "destination": "b", "scope": "$XSAPPNAME.editor"},
    {"source": "^/public/(.*)$", "target": "$1", "destination": "b", "authenticationType": "none"},
    {"source": "^/far/(.*)$", "destination": "far"},
    {"source": "^/files/(.*)$", "target": "$1", "localDir": "."},
]


@dataclass
class Proxy:
    """Asks as one kind of proxy does; `cookies` are those of the browser behind it."""

    http: httpx.AsyncClient
    url: str
    dialect: str
    browser: Browser

    async def ask(self, method: str, target: str, **headers: str) -> httpx.Response:
        cookie = "; ".join(f"{it.name}={it.value}" for it in self.browser.http.cookies.jar)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            sent.setdefault("cookie", cookie)
        host = urlsplit(self.browser.origin).netloc
        if self.dialect == "auth_request":
            usual = {"x-original-url": f"http://{host}{target}", "x-original-method": method}
            return await self.http.get(f"{self.url}/auth_request", headers=usual | sent)
        if self.dialect == "forward_auth":
            usual = {"x-forwarded-method": method, "x-forwarded-uri": target, "x-forwarded-host": host}
            return await self.http.get(f"{self.url}/forward_auth", headers=usual | {"x-forwarded-proto": "http"} | sent)
        usual = {"host": host, "x-forwarded-proto": "http"}
        return await self.http.request(method, f"{self.url}/{self.dialect}{target}", headers=usual | sent)


@dataclass
class Deciding:
    world: World
    browser: Browser
    http: httpx.AsyncClient
    url: str

    def proxy(self, dialect: str) -> Proxy:
        return Proxy(self.http, self.url, dialect, self.browser)


async def start(world: World, **env: object) -> Deciding:
    far = {"name": "far", "url": "http://far.example", "proxyHost": "127.0.0.1", "proxyPort": 1}
    near = {"name": "b", "url": f"{world.backend.url}/base", "forwardAuthToken": True}
    variables = {"ENTRYWAY_DECISION_PORT": "1", "destinations": [near, far]} | env
    browser = await world.start(*ROUTES, env=variables, welcomeFile="/files/index.html")
    assert world.app is not None
    router = world.app.router
    server = Server(DecisionEndpoint(lambda: router))
    host, port = await server.listen("127.0.0.1", 0)
    world.stack.push_async_callback(server.close, 0)
    http = await world.stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=10))
    return Deciding(world, browser, http, f"http://{host}:{port}")


@pytest.fixture
async def deciding(world: World) -> Deciding:
    return await start(world)


KINDS = ("auth_request", "ext_authz", "ext_authz_routed", "forward_auth")
REFUSED = {"auth_request": 401, "ext_authz": 302, "ext_authz_routed": 302, "forward_auth": 302}


@pytest.mark.parametrize("kind", KINDS)
async def test_an_allowed_request_gets_what_goes_upstream(deciding: Deciding, kind: str):
    await deciding.browser.log_in()
    answer = await deciding.proxy(kind).ask("GET", "/private/a%20b?c=%2F", tenantid="forged", x_csrf_token="none")
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["x-entryway-upstream"] == "=b"
    assert answer.headers["x-entryway-target"] == "/base/in/a%20b?c=%2F"
    assert answer.headers["x-entryway-host"] == urlsplit(deciding.world.backend.url).netloc
    assert answer.headers["authorization"].startswith("Bearer ey")
    assert answer.headers["tenantid"] == "acme"
    assert answer.headers["x-correlationid"]
    assert answer.headers["x-forwarded-path"] == "/private/a%20b"
    assert "x-csrf-token" not in answer.headers
    assert "JSESSIONID" not in answer.headers.get("cookie", "")


@pytest.mark.parametrize("kind", KINDS)
async def test_only_the_routers_own_cookies_are_taken_out(deciding: Deciding, kind: str):
    await deciding.browser.log_in()
    session = deciding.browser.cookie("JSESSIONID")
    answer = await deciding.proxy(kind).ask("GET", "/private/x", cookie=f"a=1; JSESSIONID={session}; b=2")
    assert answer.status_code == 200
    assert answer.headers["cookie"] == "a=1; b=2"


@pytest.mark.parametrize("kind", ["ext_authz", "ext_authz_routed"])
async def test_envoy_is_told_what_to_take_out(deciding: Deciding, kind: str):
    await deciding.browser.log_in()
    answer = await deciding.proxy(kind).ask("GET", "/private/x", ssl_client_cert="forged", sap_connectivity_x="forged")
    removed = answer.headers["x-envoy-auth-headers-to-remove"].split(",")
    assert {"cookie", "x-ias-token", "sap-connectivity-x", "ssl-client-cert", "x-forwarded-port"} <= set(removed)
    assert not {"authorization", "host", "user-agent"} & set(removed)


@pytest.mark.parametrize("kind", ["auth_request", "forward_auth"])
async def test_what_a_proxy_with_a_list_could_not_take_out_goes_through_the_router(deciding: Deciding, kind: str):
    await deciding.browser.log_in()
    answer = await deciding.proxy(kind).ask("GET", "/private/x", sap_connectivity_x="forged")
    assert (answer.status_code, answer.headers["entryway-error"]) == (403, "served_by_router")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_page_without_a_session_is_sent_to_the_login(deciding: Deciding, kind: str):
    answer = await deciding.proxy(kind).ask("GET", "/private/x?y=1&z", accept="text/html")
    assert answer.status_code == REFUSED[kind]
    assert answer.headers["location"] == "/entryway/login?to=/private/x%3Fy%3D1%26z"
    assert "x-entryway-upstream" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
async def test_a_script_or_a_form_without_a_session_is_refused(deciding: Deciding, kind: str):
    proxy = deciding.proxy(kind)
    for method, headers in (("GET", {"x_requested_with": "XMLHttpRequest"}), ("POST", {})):
        answer = await proxy.ask(method, "/private/x", **headers)
        assert (answer.status_code, answer.headers["entryway-error"]) == (401, "login_required")
        assert "location" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
async def test_scopes_and_csrf_tokens_are_looked_at(deciding: Deciding, kind: str):
    await deciding.browser.log_in()
    proxy = deciding.proxy(kind)
    missing = await proxy.ask("GET", "/edit/x")
    assert (missing.status_code, missing.headers["entryway-error"]) == (403, "insufficient_scope")
    forged = await proxy.ask("POST", "/private/x", x_csrf_token="forged")
    assert (forged.status_code, forged.headers["entryway-error"]) == (403, "csrf_token_required")
    token = await deciding.browser.csrf_token()
    right = await proxy.ask("POST", "/private/x", x_csrf_token=token)
    assert right.status_code == 200


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/files/a.txt", {}),
        ("/far/x", {}),
        ("/login/callback?code=x&state=y", {}),
        ("/do/logout", {}),
        ("/", {}),
        ("/private/x", {"x_csrf_token": "fetch"}),
    ],
)
async def test_what_the_router_serves_is_not_let_through(deciding: Deciding, target: str, headers: dict[str, str]):
    await deciding.browser.log_in()
    for kind in KINDS:
        answer = await deciding.proxy(kind).ask("GET", target, **headers)
        if kind == "ext_authz_routed":
            assert (answer.status_code, answer.headers["x-entryway-upstream"]) == (200, "router")
            assert "authorization" not in answer.headers
        else:
            assert (answer.status_code, answer.headers["entryway-error"]) == (403, "served_by_router"), kind
    # Nothing happened: a logout is not what a proxy asks for.
    assert (await deciding.browser.get("/private/x")).status_code == 200


@pytest.mark.parametrize("target", ["/nowhere", "/private/../x", "/private/%2e%2e/x", "/private/%zz"])
async def test_what_has_no_route_or_no_clear_path_is_refused(deciding: Deciding, target: str):
    await deciding.browser.log_in()
    host = urlsplit(deciding.browser.origin).netloc
    headers = {"x-original-url": f"http://{host}{target}", "x-original-method": "GET"}
    assert (await deciding.http.get(f"{deciding.url}/auth_request", headers=headers)).status_code == 403
    forwarded = {
        "x-forwarded-method": "GET",
        "x-forwarded-proto": "http",
        "x-forwarded-host": host,
        "x-forwarded-uri": target,
    }
    assert (await deciding.http.get(f"{deciding.url}/forward_auth", headers=forwarded)).status_code in (400, 404)


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/auth_request", {"x-original-url": "http://h/public/x", "x-original-method": "GET"}),
        ("/ext_authz/public/x", {"x-forwarded-proto": "http"}),
        (
            "/forward_auth",
            {
                "x-forwarded-method": "GET",
                "x-forwarded-proto": "http",
                "x-forwarded-host": "h",
                "x-forwarded-uri": "/public/x",
            },
        ),
    ],
)
async def test_each_part_of_the_question_is_needed(deciding: Deciding, path: str, needed: dict[str, str]):
    url = deciding.url + path
    assert (await deciding.http.get(url, headers=needed)).status_code == 200
    for name, value in needed.items():
        incomplete = {other: text for other, text in needed.items() if other != name}
        answer = await deciding.http.get(url, headers=incomplete)
        assert (answer.status_code, answer.headers["entryway-error"]) == (400, "decision_incomplete"), name
        twice = [*needed.items(), (name, value)]
        assert (await deciding.http.get(url, headers=twice)).status_code == 400, name


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "h/x",
        "http:///x",
        "http://h",
        "http://h x/y",
        "http://h/a b",
        "http://a@h/x",
        "http://h/x#y",
        "//h/x",
    ],
)
async def test_an_address_that_cannot_be_is_refused(deciding: Deciding, url: str):
    headers = {"x-original-url": url, "x-original-method": "GET"}
    answer = await deciding.http.get(f"{deciding.url}/auth_request", headers=headers)
    assert (answer.status_code, answer.headers["entryway-error"]) == (400, "decision_incomplete")


async def test_another_path_is_no_question(deciding: Deciding):
    for path in ("/", "/private/x", "/auth_requests", "/entryway/login?to=/private/x"):
        answer = await deciding.http.get(deciding.url + path)
        assert (answer.status_code, answer.headers["entryway-error"]) == (404, "decision_path_unknown")


async def test_who_is_no_trusted_proxy_is_told_nothing(world: World):
    deciding = await start(world, TRUSTED_PROXIES="192.0.2.1")
    for kind in KINDS:
        answer = await deciding.proxy(kind).ask("GET", "/public/x")
        assert (answer.status_code, answer.headers["entryway-error"]) == (403, "proxy_not_trusted")


async def test_other_words_about_the_address_are_not_believed(deciding: Deciding):
    await deciding.browser.log_in()
    forged = {"x_forwarded_path": "/elsewhere/private/x", "x_custom_host": "evil.example", "forwarded": "host=evil"}
    for kind in ("auth_request", "ext_authz"):
        host = {} if kind == "ext_authz" else {"x_forwarded_proto": "https"}
        answer = await deciding.proxy(kind).ask(
            "GET", "/private/x", x_forwarded_host="evil.example", x_forwarded_for="6.6.6.6, 192.0.2.7", **forged, **host
        )
        assert answer.status_code == 200
        assert answer.headers["x-forwarded-host"] == urlsplit(deciding.browser.origin).netloc
        assert answer.headers["x-forwarded-proto"] == "http"
        assert answer.headers["x-forwarded-for"] == "192.0.2.7"
        assert answer.headers["x-forwarded-path"] == "/private/x"
        assert not {"x-custom-host", "forwarded"} & set(answer.headers)


async def test_the_router_itself_believes_no_question(deciding: Deciding):
    """The headers of a question mean nothing on the port that clients reach."""
    answer = await deciding.browser.get(
        "/private/x", x_original_url="http://h/public/x", x_original_method="GET", x_forwarded_uri="/public/x",
        x_requested_with="XMLHttpRequest",
    )  # fmt: skip
    assert answer.status_code == 401


async def test_a_login_that_begins_at_its_own_address_ends_at_the_page(deciding: Deciding):
    browser = deciding.browser
    refused = await deciding.proxy("forward_auth").ask("GET", "/private/x?y=1", **PAGE)
    start_of_login = refused.headers["location"]
    url = await browser.begin_login(start_of_login)
    browser.set_cookie("locationAfterLogin", "%2Fprivate%2Fx%3Fy%3D1")
    back = await browser.come_back(url)
    assert (back.status_code, back.headers["location"]) == (302, "/private/x?y=1")
    # Who is logged in goes on at once.
    again = await browser.page(start_of_login)
    assert (again.status_code, again.headers["location"]) == (302, "/private/x?y=1")


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 400), ("?to=/private/a&to=/private/b", 400), ("?to=/nowhere", 404), ("?to=/private/%2e%2e/x", 400)],
)
async def test_the_login_begins_for_pages_of_the_application_only(deciding: Deciding, query: str, status: int):
    assert (await deciding.browser.page(f"/entryway/login{query}")).status_code == status


@pytest.mark.parametrize("to", ["//evil.example/private/x", "https://evil.example/", "/\\evil.example/private/x"])
async def test_the_login_never_leads_out_of_the_application(deciding: Deciding, to: str):
    await deciding.browser.log_in()
    answer = await deciding.browser.get(f"/entryway/login?to={to}")
    assert answer.status_code == 404
    public = await deciding.browser.get("/entryway/login?to=//public/x")
    assert (public.status_code, public.headers["location"]) == (302, "/public/x")


async def test_without_a_decision_port_there_is_no_such_address(world: World):
    browser = await world.start(*ROUTES, destination={"name": "far"}, env={"destinations": [
        {"name": "b", "url": world.backend.url}, {"name": "far", "url": world.backend.url},
    ]})  # fmt: skip
    assert (await browser.page("/entryway/login?to=/private/x")).status_code == 404
    assert world.app is not None
    router = world.app.router
    async with AsyncExitStack() as stack:
        server = Server(DecisionEndpoint(lambda: router))
        host, port = await server.listen("127.0.0.1", 0)
        stack.push_async_callback(server.close, 0)
        answer = await browser.http.get(
            f"http://{host}:{port}/ext_authz/public/x", headers={"x-forwarded-proto": "http"}
        )
        assert (answer.status_code, answer.headers["entryway-error"]) == (403, "proxy_not_trusted")


async def test_where_the_applications_own_code_has_a_say_the_router_serves(deciding: Deciding):
    async def refuse(_request: object) -> None:
        raise Forbidden("the application's own rule")

    assert deciding.world.app is not None
    hooked = replace(deciding.world.app.router, hooks=Hooks(before_login=refuse))
    server = Server(DecisionEndpoint(lambda: hooked))
    host, port = await server.listen("127.0.0.1", 0)
    deciding.world.stack.push_async_callback(server.close, 0)
    headers = {"x-forwarded-proto": "http"}
    answer = await deciding.http.get(f"http://{host}:{port}/ext_authz/public/x", headers=headers)
    assert (answer.status_code, answer.headers["entryway-error"]) == (403, "served_by_router")


async def test_decisions_are_in_the_access_log(deciding: Deciding):
    await deciding.browser.log_in()
    await deciding.proxy("auth_request").ask("GET", "/edit/x?secret=1")
    await asyncio.sleep(0)
    line = deciding.world.log_lines()[-1]
    assert (line["method"], line["path"], line["status"], line["user"]) == ("GET", "/edit/x", 403, "alex")
    assert line["route"].endswith("^/edit/(.*)$")
    assert line["error"].startswith("insufficient_scope")
