"""Web sockets through the router: who may open one, and that every frame passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import websockets
from router_neighbours import until
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

ROUTES = [
    {"source": "^/private/(.*)$", "destination": "b"},
    {"source": "^/ws/(.*)$", "target": "/$1", "destination": "b", "authenticationType": "none"},
    {"source": "^/scoped/", "destination": "b", "scope": "$XSAPPNAME.admin"},
    {"source": "^/posted/", "destination": "b", "authenticationType": "none", "httpMethods": ["POST"]},
]


@asynccontextmanager
async def echo_server() -> AsyncIterator[tuple[str, list]]:
    seen: list = []

    async def echo(socket):
        seen.append(socket.request)
        with suppress(websockets.ConnectionClosed):
            while (message := await socket.recv()) != "close-me":
                await socket.send(message)
            await socket.close(4001, "asked")
        seen.append(socket.close_code)

    def refuse(connection, request):
        status = 403 if "deny" in request.path else 302 if "moved" in request.path else None
        return None if status is None else connection.respond(status, "no\n")

    async with serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}", seen


@pytest.fixture
async def echo(world):
    async with echo_server() as (url, seen):
        browser = await world.start(*ROUTES, websockets={"enabled": True}, destination={"url": url})
        yield browser, seen


def opened(world, path, origin=None, **headers):
    url = world.origin.replace("http", "ws") + path
    return connect(url, origin=origin or world.origin, additional_headers=headers, proxy=None, max_size=None)


async def refused(world, path, **more) -> tuple[int, str]:
    with pytest.raises(websockets.InvalidStatus) as error:
        async with opened(world, path, **more):
            pass
    answer = error.value.response
    assert "close" in answer.headers["connection"].split(", ")
    return answer.status_code, answer.headers["entryway-error"]


async def test_messages_pass_both_ways(world, echo):
    async with opened(world, "/ws/x?a=1") as socket:
        for message in ("hello", b"\x00\xff", "x" * 300_000):
            await socket.send(message)
            assert await socket.recv() == message
    _, seen = echo
    request = seen[0]
    assert request.path == "/x?a=1"
    assert request.headers["x-forwarded-path"] == "/ws/x"
    assert request.headers["origin"] == world.origin


async def test_close_codes_pass_both_ways(world, echo):
    _, seen = echo
    async with opened(world, "/ws/x") as socket:
        await socket.send("close-me")
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (4001, "asked")
    async with opened(world, "/ws/x") as socket:
        await socket.close(4005, "bye")
    await until(lambda: 4005 in seen)


async def test_pings_reach_the_backend_and_come_back(world, echo):
    async with opened(world, "/ws/x") as socket:
        async with asyncio.timeout(5):
            await (await socket.ping())


async def test_a_protected_route_needs_a_session_and_sends_its_token(world, echo):
    browser, seen = echo
    assert await refused(world, "/private/x") == (401, "login_required")
    await browser.log_in("/private/x")
    cookie = f"JSESSIONID={browser.cookie('JSESSIONID')}; z=1"
    async with opened(world, "/private/x", cookie=cookie):
        pass
    assert seen[0].headers["authorization"].startswith("Bearer ey")
    assert seen[0].headers["cookie"] == "z=1"
    assert await refused(world, "/scoped/x", cookie=cookie) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://127.0.0.1", "null", "http://127.0.0.1.evil.example"]
)
async def test_a_foreign_page_may_not_open_a_socket(world, echo, origin):
    assert await refused(world, "/ws/x", origin=origin) == (403, "origin_not_allowed")


async def test_a_socket_without_origin_is_refused(world, echo):
    handshake = {"sec_websocket_version": "13", "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = await echo[0].request("GET", "/ws/x", connection="Upgrade", upgrade="websocket", **handshake)
    assert (answer.status_code, answer.text) == (403, "missing origin header")


async def test_allowed_origins_replace_the_own(world):
    async with echo_server() as (url, _):
        origins = [{"host": "*.good.com", "protocol": "https"}]
        await world.start(
            *ROUTES, websockets={"enabled": True}, destination={"url": url}, env={"WS_ALLOWED_ORIGINS": origins}
        )
        async with opened(world, "/ws/x", origin="https://a.good.com"):
            pass
        for origin in (world.origin, "http://a.good.com", "https://good.com"):
            assert await refused(world, "/ws/x", origin=origin) == (403, "origin_not_allowed")


async def test_sockets_are_off_unless_enabled(world):
    await world.start(*ROUTES)
    assert await refused(world, "/ws/x") == (403, "origin_not_allowed")


async def test_a_backend_may_refuse(world, echo):
    assert await refused(world, "/ws/deny") == (403, "websocket_refused")
    assert await refused(world, "/nowhere") == (404, "route_not_found")


@pytest.mark.parametrize(
    ("path", "status"), [("/posted/x", 404), ("/ws/%zz", 400), ("/ws/../x", 400), ("/ws/x?moved", 502)]
)
async def test_a_socket_is_a_get_of_a_good_path_that_the_backend_opens(world, echo, path, status):
    assert (await refused(world, path))[0] == status


async def test_a_backend_that_is_down_is_a_502(world):
    await world.start(*ROUTES, websockets={"enabled": True}, destination={"url": "ws://127.0.0.1:1"})
    assert await refused(world, "/ws/x") == (502, "upstream_unreachable")


async def test_other_protocols_are_refused(world, echo):
    answer = await echo[0].request("GET", "/ws/x", connection="Upgrade", upgrade="h2c")
    assert (answer.status_code, answer.text) == (400, "Bad Request")


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS"])
async def test_no_other_method_opens_a_socket(world, echo, method):
    answer = await echo[0].request(
        method, "/ws/x", origin=world.origin, connection="Upgrade", upgrade="websocket", sec_websocket_version="13"
    )
    assert answer.status_code == 400
    assert echo[1] == []


@asynccontextmanager
async def backend_that(acts, **options) -> AsyncIterator[str]:
    async with serve(acts, "127.0.0.1", 0, **options) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_subprotocol_is_the_backends_choice(world):
    async def greet(socket):
        await socket.send(f"{socket.subprotocol}")
        await socket.wait_closed()

    async with backend_that(greet, subprotocols=["b", "c"]) as url:
        await world.start(*ROUTES, websockets={"enabled": True}, destination={"url": url})
        address = world.origin.replace("http", "ws") + "/ws/x"
        async with connect(address, origin=world.origin, subprotocols=["a", "b"], proxy=None) as socket:
            assert socket.subprotocol == "b"
            assert await socket.recv() == "b"


async def test_messages_in_fragments_arrive_whole(world):
    async def speak(socket):
        await socket.send(["one ", "two ", "three"])
        await socket.send([b"\x00" * 70_000, b"\xff"])
        await socket.wait_closed()

    async with backend_that(speak) as url:
        await world.start(*ROUTES, websockets={"enabled": True}, destination={"url": url})
        async with opened(world, "/ws/x") as socket:
            assert await socket.recv() == "one two three"
            assert await socket.recv() == b"\x00" * 70_000 + b"\xff"


async def test_a_client_that_does_not_read_holds_its_backend_back(world):
    sent = 0

    async def flood(socket):
        nonlocal sent
        with suppress(websockets.ConnectionClosed):
            while sent < 400:
                await socket.send(b"x" * 100_000)
                sent += 1

    async with backend_that(flood, compression=None, ping_interval=None) as url:
        await world.start(*ROUTES, websockets={"enabled": True}, destination={"url": url})
        address = world.origin.replace("http", "ws") + "/ws/x"
        async with connect(address, origin=world.origin, max_queue=1, max_size=None, proxy=None) as socket:
            await socket.recv()
            before = -1
            while before != sent:  # until it stands still
                before = sent
                await asyncio.sleep(0.3)
            assert sent < 400
            async for _ in socket:
                pass
        assert sent == 400


async def test_a_backend_that_vanishes_ends_the_socket(world):
    async def vanish(socket):
        await socket.recv()
        socket.transport.abort()

    async with backend_that(vanish) as url:
        await world.start(*ROUTES, websockets={"enabled": True}, destination={"url": url})
        async with opened(world, "/ws/x") as socket:
            await socket.send("go")
            with pytest.raises(websockets.ConnectionClosedError):
                await socket.recv()


async def test_a_client_that_vanishes_ends_the_backends_socket(world, echo):
    _, seen = echo
    async with opened(world, "/ws/x") as socket:
        await socket.send("hello")
        await socket.recv()
        socket.transport.abort()
    await until(lambda: any(code in seen for code in (1005, 1006)))
