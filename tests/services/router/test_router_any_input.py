"""Laws that hold for whatever a client says: never a 500, never a file from outside, never a redirect elsewhere."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from router_neighbours import running_destinations
from router_world import Browser, World, surroundings

from entryway.http import Request, Response
from entryway.testing.upstream import recording_upstream

quickly = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

SECRET = b"outside of every folder"
ROUTES = [
    {"source": "^/files/(.*)$", "target": "$1", "localDir": "web", "authenticationType": "none"},
    {"source": "^/private/(.*)$", "destination": "b"},
    {"source": "^/to/([^/]*)/(.*)$", "target": "$2", "destination": "$1", "authenticationType": "none"},
    {"source": "^/wl", "service": "sap-approuter-userapi"},
    {"source": "^/only$", "destination": "b", "httpMethods": ["PUT"], "authenticationType": "none"},
    {"source": "^/public/(.*)$", "destination": "b", "authenticationType": "none", "dynamicIdentityProvider": True},
]


@dataclass(frozen=True)
class Served:
    """A router that runs beside the test, in a thread of its own."""

    port: int
    session: bytes
    csrf: bytes

    def ask(self, data: bytes, *, goes_away: bool = False) -> bytes:
        """Return everything that the router answers to these bytes until it closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
            wire.sendall(data)
            if goes_away:
                wire.shutdown(socket.SHUT_WR)
            heard = b""
            try:
                while more := wire.recv(65536):
                    heard += more
            except ConnectionResetError:
                pass
            return heard

    def request(self, method: str, target: bytes, *lines: bytes, body: bytes = b"") -> Answer:
        length = [b"content-length: %d" % len(body)] if body else []
        head = [method.encode() + b" " + target + b" HTTP/1.1", b"host: localhost", b"connection: close", *lines]
        return Answer(self.ask(b"\r\n".join([*head, *length, b"", b""]) + body))


@dataclass(frozen=True)
class Answer:
    """What came back, taken apart just enough."""

    raw: bytes

    @property
    def status(self) -> int:
        found = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", self.raw)
        assert found is not None, self.raw[:200]
        return int(found[1])

    def headers(self, name: bytes) -> list[bytes]:
        head = self.raw.partition(b"\r\n\r\n")[0]
        fields = (line.partition(b": ") for line in head.split(b"\r\n")[1:])
        return [value for key, _, value in fields if key.lower() == name]


async def serve(folder: Path, kind: str, ready: Future[Served], done: asyncio.Event) -> None:
    async with surroundings(folder) as world:
        browser = await (started(world) if kind == "alone" else started_among_services(world))
        await browser.log_in("/private/x")
        token = await browser.csrf_token()
        ready.set_result(Served(world.port, f"JSESSIONID={browser.cookie('JSESSIONID')}".encode(), token.encode()))
        await done.wait()


async def started(world: World) -> Browser:
    cors = [{"uriPattern": "^/public", "allowedOrigin": [{"host": "a.example"}]}]
    env = {
        "CJ_PROTECT_WHITELIST": json.dumps([{"host": "*.example"}]),
        "COOKIES": json.dumps(
            {
                "SameSite": "None",
                "Partitioned": {"supportedPartitionAgents": "Mozilla", "unsupportedPartitionAgents": "PwCoin"},
            }
        ),
    }
    # By POST, so that no request of these tests ends the session by chance.
    logout = {"logoutEndpoint": "/do/logout", "logoutPage": "/public/bye", "logoutMethod": "POST"}
    return await world.start(
        *ROUTES,
        env=env,
        welcomeFile="/files/index.html",
        logout=logout,
        cors=cors,
        whitelistService={"endpoint": "/allowlist"},
        websockets={"enabled": True},
    )


async def started_among_services(world: World) -> Browser:
    """Start a router that asks other services where requests go."""
    destinations = await world.stack.enter_async_context(running_destinations(world.uaa))
    destinations.define("crm", world.backend.url, **{"HTML5.DynamicDestination": "true"})
    repository = await world.stack.enter_async_context(recording_upstream(from_repository))
    credentials = world.uaa.credentials()
    services = {
        "destination": destinations.credentials(),
        "html5-apps-repo": {"sap.cloud.service": "html5-apps-repo-rt", "uri": repository.url, "uaa": credentials},
        "orders": {"sap.cloud.service": "orders", "url": world.backend.url, "uaa": credentials},
        "saas-registry": {"appUrls": {"onSubscription": "https://x.example/callback/v1.0/tenants/{tenantId}"}},
    }
    return await world.start(
        {"source": "^/private/(.*)$", "destination": "b"},
        {"source": "^/to/([^/]*)/(.*)$", "target": "$2", "destination": "$1", "authenticationType": "none"},
        {"source": "^/wl/(.*)$", "service": "orders"},
        {"source": "^/files/(.*)$", "localDir": "web", "authenticationType": "none"},
        {"source": "^/public/(.*)$", "destination": "*", "authenticationType": "none"},
        env={"DESTINATION_HOST_PATTERN": "^(.*)$"},
        services=services,
        logout={"logoutEndpoint": "/do/logout", "logoutMethod": "POST"},
    )


async def from_repository(request: Request) -> Response:
    """Know one application, `only`, whose routes lead to its files and to a backend."""
    if not request.target.startswith("/only"):
        return Response(503)
    if not request.target.endswith("/xs-app.json"):
        return Response(200, None, b"a file")
    routes = [{"source": "^/a(.*)$", "destination": "b"}, {"source": "^(.*)$", "service": "html5-apps-repo-rt"}]
    return Response(200, None, json.dumps({"welcomeFile": "x.html", "routes": routes}).encode())


@pytest.fixture(scope="module", params=["alone", "among services"])
def router(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("any") / "app"
    (folder / "web" / "sub").mkdir(parents=True)
    (folder / "web" / "index.html").write_text("inside")
    (folder / "web" / "sub" / "index.html").write_text("inside")
    (folder / "web" / ".hidden").write_bytes(SECRET)
    (folder / "secret.txt").write_bytes(SECRET)
    (folder.parent / "secret.txt").write_bytes(SECRET)
    ready: Future[Served] = Future()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(serve(folder, request.param, ready, done))
        except BaseException as error:  # noqa: BLE001 - the test shall see it
            if not ready.done():
                ready.set_exception(error)
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ready.result(20)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(20)


START = st.sampled_from(
    [b"/", b"/files/", b"/files/sub", b"/private/", b"/public/", b"/to/", b"/wl/", b"/allowlist", b"/do/logout",
     b"/login/callback", b"/only", b"/only/", b"/x.only-1.0/", b"/callback/v1.0/tenants/"]
)  # fmt: skip
PIECE = st.sampled_from(
    [b"..", b".", b"/", b"//", b"%2e", b"%2E%2e", b"%252e%252e", b"%2f", b"%5c", b"\\", b"secret.txt", b".hidden",
     b"index.html", b"%00", b"%", b"%zz", b"%ff", b"%c0%ae", b"%ef%bc%8e", b"..;", b"...", b";", b"?", b"&", b"#",
     b"$1", b"{}", b"'\"<>", b"a", b"b", b"%0d%0aset-cookie:%20x=y", b"sap_idp=%0d", b"currentUser", b"attributes",
     b"parentOrigin=http://[::1", b"code=x", b"state=%00", b"error=%E2%82%AC", b"authType=nope", b"skip-redirect=",
     b"%E2%82%AC", b"%F0%9F%98%80", b"http://evil.example/", b"//evil.example", b"@evil.example", b"~x~", b"*"]
)  # fmt: skip
TARGET = st.builds(lambda start, pieces: start + b"".join(pieces), START, st.lists(PIECE, max_size=6))
METHOD = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
VALUE = st.lists(
    st.sampled_from(
        [b"a", b"fetch", b"=", b";", b",", b" ", b"\t", b'"', b"\xe9", b"\xff", b"%0d%0a", b"*", b"/", b"\\", b"//",
         b"https", b"http://", b"evil.example", b"a.example", b":99999", b":", b"[::1]", b"-1", b"0", b"bytes=", b"1-",
         b"JSESSIONID", b"s%3A", b"locationAfterLogin", b"signature", b"fragmentAfterLogin", b"Basic ", b"Bearer ",
         b"..", b"@", b"?", b"#", b"eyJhbGciOiJub25lIn0.e30.", b"W/", b"\x80", b"true", b"websocket", b"GET", b"x"]
    ),
    max_size=6,
).map(b"".join)  # fmt: skip
NAME = st.sampled_from(
    [b"cookie", b"x-csrf-token", b"authorization", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-path",
     b"x-forwarded-for", b"x-custom-host", b"origin", b"range", b"if-range", b"if-none-match", b"if-modified-since",
     b"if-match", b"if-unmodified-since", b"accept", b"accept-encoding", b"x-requested-with", b"x-request-id",
     b"x-correlationid", b"sap-statistics", b"sap-passport", b"te", b"trailer", b"expect", b"x-approuter-authorization",
     b"access-control-request-method", b"access-control-request-headers", b"user-agent", b"content-type",
     b"traceparent", b"tenantid", b"x_forwarded_host", b"if_none_match", b"referer", b"via", b"upgrade"]
)  # fmt: skip
HEADERS = st.lists(st.tuples(NAME, VALUE).map(lambda field: field[0] + b": " + field[1]), max_size=4)


def check(answer: Answer, target: bytes) -> None:
    """Assert what holds for every answer."""
    assert answer.status != 500, (target, answer.raw)
    assert SECRET not in answer.raw
    for location in answer.headers(b"location"):
        landed = urlsplit(urljoin("http://localhost/x", location.decode("latin-1").replace("\\", "/")))
        assert landed.netloc == "localhost" or b"oauth/authorize" in location or b"logout.do" in location, location


@quickly
@given(METHOD, TARGET, st.booleans())
@example("GET", b"/files/%2e%2e/secret.txt", False)
@example("GET", b"/to/../x", False)
def test_any_target_is_answered_without_a_500_and_from_inside(
    router: Served,
    method: str,
    target: bytes,
    logged_in: bool,  # noqa: FBT001 - one of the values that are drawn
) -> None:
    check(router.request(method, target, *([b"cookie: " + router.session] if logged_in else [])), target)


@quickly
@given(METHOD, TARGET, HEADERS, st.booleans())
def test_any_headers_are_answered_without_a_500_and_lead_nowhere_else(
    router: Served,
    method: str,
    target: bytes,
    headers: list[bytes],
    logged_in: bool,  # noqa: FBT001 - one of the values that are drawn
) -> None:
    hosts = [line for line in headers if not line.startswith((b"x-forwarded-host", b"x-custom-host"))]
    answer = router.request(method, target, *hosts, *([b"cookie: " + router.session] if logged_in else []))
    check(answer, b"%s %s" % (target, b"|".join(headers)))


@quickly
@given(TARGET, st.lists(VALUE, min_size=1, max_size=3))
def test_a_forwarded_host_of_any_form_breaks_nothing(router: Served, target: bytes, hosts: list[bytes]) -> None:
    answer = router.request("GET", target, *(b"x-forwarded-host: " + host for host in hosts))
    assert answer.status != 500, (target, hosts, answer.raw)


@quickly
@given(st.sampled_from(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]), st.lists(VALUE, max_size=2))
def test_no_token_but_the_sessions_own_lets_a_request_change_something(
    router: Served, method: str, tokens: list[bytes]
) -> None:
    lines = [b"x-csrf-token: " + token for token in tokens]
    answer = router.request(method, b"/private/x", b"cookie: " + router.session, *lines)
    assert (answer.status, answer.headers(b"x-csrf-token")) == (403, [b"Required"])


def test_the_sessions_own_token_does(router: Served) -> None:
    answer = router.request("POST", b"/private/x", b"cookie: " + router.session, b"x-csrf-token: " + router.csrf)
    assert answer.status == 200


@quickly
@given(st.lists(st.one_of(VALUE, st.just(b"JSESSIONID=s%3A")), max_size=5), st.integers(0, 200), st.binary(max_size=2))
def test_no_cookie_but_the_sessions_own_is_a_session(
    router: Served, cookies: list[bytes], place: int, other: bytes
) -> None:
    value = router.session.partition(b"=")[2]
    place %= len(value)
    changed = value[:place] + other.hex().encode() + value[place + 1 :]
    if changed == value:
        return
    line = b"; ".join([*cookies, b"JSESSIONID=" + changed])
    assert router.request("GET", b"/private/x", b"cookie: " + line, b"x-requested-with: XMLHttpRequest").status == 401


GARBAGE = st.lists(
    st.sampled_from(
        [b"GET / HTTP/1.1\r\n", b"POST /public/x HTTP/1.1\r\n", b"host: x\r\n", b"Host : x\r\n", b" folded\r\n",
         b"\r\n", b"\n", b"\r", b"\0", b"content-length: 5\r\n", b"content-length: -1\r\n", b"content-length: 5, 5\r\n",
         b"transfer-encoding: chunked\r\n", b"transfer-encoding: chunked, gzip\r\n", b"transfer-encoding: xchunked\r\n",
         b"5\r\nhello\r\n", b"0\r\n\r\n", b"fffffffffffffffff\r\n", b'5;ext="\r\n', b"-1\r\n",
         b"GET /private/x HTTP/2.0\r\n",
         b"GET http://evil.example/ HTTP/1.1\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"expect: 200-ok\r\n",
         b"upgrade: websocket\r\nconnection: upgrade\r\n",
         b"connection: close\r\n", b"OPTIONS * HTTP/1.1\r\n", b"x" * 300, b"\xff\xfe", b": nameless\r\n", b"GET /\r\n"]
    ),
    min_size=1,
    max_size=7,
).map(b"".join)  # fmt: skip


@quickly
@given(GARBAGE)
def test_garbage_on_the_socket_gets_4xx_or_nothing_and_the_connection_is_closed(router: Served, data: bytes) -> None:
    heard = router.ask(data, goes_away=True)
    statuses = [int(status) for status in re.findall(rb"(?:^|\n|\})HTTP/1\.1 ([0-9]{3}) ", heard)]
    assert all(status not in (500, 502) for status in statuses), heard
    assert SECRET not in heard
