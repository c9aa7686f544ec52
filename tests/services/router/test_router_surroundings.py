"""Settings of the environment that change how the router talks to both sides."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from entryway.http import Headers, Response, Server

LOCAL_HOSTS = ["shop.example.com", "ok-host_1.example.com", "x:8080", "[::1]:443", "10.0.0.1"]
NO_HOSTS = ["bad host", "evil.com/x", "a" * 300, "user@evil.com", "x:port", "-", "a..b", 'x"', "good.com, bad host"]


@pytest.mark.parametrize("host", LOCAL_HOSTS)
async def test_a_forwarded_host_that_is_one_passes(world, host):
    browser = await world.start(env={"ENABLE_X_FORWARDED_HOST_VALIDATION": "true"})
    assert (await browser.get("/public/x", x_forwarded_host=host)).status_code == 200


@pytest.mark.parametrize("host", NO_HOSTS)
async def test_a_forwarded_host_that_is_none_is_refused(world, host):
    browser = await world.start(env={"ENABLE_X_FORWARDED_HOST_VALIDATION": "true"})
    answer = await browser.get("/public/x", x_forwarded_host=host)
    assert (answer.status_code, answer.headers["entryway-error"]) == (400, "forwarded_host_refused")
    assert world.backend.requests == []


async def test_the_login_page_can_go_without_a_policy(world):
    browser = await world.start(env={"OMIT_LOGIN_CSP": "true"})
    assert "content-security-policy" not in (await browser.page("/private/x")).headers


async def test_the_login_page_can_have_a_strict_policy(world):
    browser = await world.start(env={"EXTENDED_LOGIN_CSP": "true"})
    policy = (await browser.page("/private/x")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")


def answers(*headers: tuple[bytes, bytes]):
    async def handler(_request):
        return Response(200, Headers(list(headers)), b"x")

    return handler


CSP = b"content-security-policy"
OURS = [{"Content-Security-Policy": "default-src 'self'; frame-ancestors https://portal.example.com"}]


async def test_policies_are_merged_on_request(world):
    browser = await world.start(env={"MERGE_CSP_HEADERS": "true", "httpHeaders": OURS})
    world.backend.handler = answers((CSP, b"Script-Src 'self';frame-ancestors 'none', img-src *"))
    policies = (await browser.get("/public/x")).headers.multi_items()
    assert [value for name, value in policies if name == "content-security-policy"] == [
        OURS[0]["Content-Security-Policy"],
        "Script-Src 'self';frame-ancestors 'none', img-src *",
    ]
    login = (await browser.page("/private/x")).headers["content-security-policy"]
    assert login.startswith("script-src 'self' 'nonce-")
    assert "default-src" not in login
    world.backend.handler = answers()
    assert (await browser.get("/public/x")).headers["content-security-policy"] == OURS[0]["Content-Security-Policy"]


async def test_without_merging_a_backends_policy_stands_alone(world):
    browser = await world.start(env={"httpHeaders": OURS})
    world.backend.handler = answers((CSP, b"script-src 'self'"))
    assert (await browser.get("/public/x")).headers["content-security-policy"] == "script-src 'self'"


@pytest.mark.parametrize(("disabled", "connections"), [("true", 3), ("false", 1)])
async def test_connections_are_reused_unless_that_is_switched_off(world, disabled, connections):
    peers = set()

    async def notes_the_peer(request):
        peers.add(request.peer.port)
        return Response(200, Headers(), b"x")

    server = Server(notes_the_peer)
    host, port = await server.listen("127.0.0.1", 0)
    world.stack.push_async_callback(server.close, 0)
    backend = {"url": f"http://{host}:{port}"}
    browser = await world.start(env={"DISABLE_CONNECTION_REUSE": disabled}, destination=backend)
    for _ in range(3):
        assert (await browser.get("/public/x")).status_code == 200
    assert len(peers) == connections


async def test_requests_to_backends_are_traced_without_what_is_secret(world):
    browser = await world.start(env={"REQUEST_TRACE": "true"})
    with capture_logs() as lines:
        await browser.get("/public/x?secret=1", authorization="Bearer s3cret")
    [line] = [line for line in lines if line["event"] == "backend_request"]
    assert (line["method"], line["origin"], line["path"], line["status"]) == ("GET", world.backend.url, "/x", 200)
    assert "authorization" in line["headers"]
    assert "s3cret" not in repr(line)
    assert "secret=1" not in repr(line)


@pytest.mark.parametrize("where", ["environment", "file"])
async def test_a_service_that_does_not_answer_in_time(world, where):
    """The file's time-out would never strike here; the environment's does, and wins."""
    options = {"xsuaa": {"timeout": 100}}
    world.uaa.hold = asyncio.Event()
    if where == "environment":
        browser = await world.start(
            env={"OUTGOING_REQUEST_OPTIONS": options}, outgoingRequestOptions={"xsuaa": {"timeout": 0}}
        )
    else:
        browser = await world.start(outgoingRequestOptions=options)
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (502, "login_server_failed")
    world.uaa.hold.set()


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [("127.0.0.1", None), ("http://127.0.0.1/", None), ("us%40er:pass@127.0.0.1", "Basic dXNAZXI6cGFzcw==")],
)
async def test_a_destination_behind_a_proxy_is_asked_in_absolute_form(world, proxy, shown):
    backend = {"url": "http://intranet.example.com/base", "proxyHost": proxy, "proxyPort": world.backend.port}
    browser = await world.start(destination=backend)
    assert (await browser.get("/public/x", proxy_authorization="Basic forged")).status_code == 200
    assert world.backend.requests[0].headers.text("proxy-authorization") == shown
    [request] = world.backend.requests
    assert request.target.endswith("/base/x")
    assert request.headers.get(b"host") == b"intranet.example.com"
