"""What a request meets on its way: scopes, CSRF, headers, cookies, files, errors; and what the log says about it."""

import asyncio
import json

import pytest

from entryway.http import Body, Headers, Response


async def logged_in(world, *routes, **more):
    browser = await world.start(*routes, **more)
    await browser.log_in("/private/x" if not routes else "/first")
    return browser


ROUTE = {"source": "^/first", "destination": "b"}


async def test_a_user_without_the_scope_is_refused_and_the_backend_not_asked(world):
    admin = {"source": "^/admin", "destination": "b", "scope": "$XSAPPNAME.admin"}
    browser = await logged_in(world, ROUTE, admin, ROUTE | {"source": "^/view", "scope": ["x", "$XSAPPNAME.viewer"]})
    answer = await browser.get("/admin")
    assert (answer.status_code, answer.headers["entryway-error"]) == (403, "insufficient_scope")
    assert "admin" not in answer.text
    assert world.backend.requests == []
    assert (await browser.get("/view")).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "MERGE"])
async def test_what_changes_something_needs_the_sessions_token(world, method):
    browser = await logged_in(world)
    for headers in ({}, {"x_csrf_token": "wrong"}, {"x_csrf_token": ""}, {"x_csrf_token": "fetch"}):
        answer = await browser.request(method, "/private/x", **headers)
        assert (answer.status_code, answer.headers["x-csrf-token"]) == (403, "Required")
    assert world.backend.requests == []
    token = await browser.csrf_token()
    assert (await browser.request(method, "/private/x", x_csrf_token=token)).status_code == 200
    assert "x-csrf-token" not in world.backend.requests[-1].headers


async def test_the_token_of_another_session_is_refused(world):
    browser = await logged_in(world)
    other = await world.browser()
    await other.log_in()
    token = await browser.csrf_token()
    assert (await other.request("POST", "/private/x", x_csrf_token=token)).status_code == 403


async def test_the_405_comes_after_login_and_csrf(world):
    browser = await world.start({"source": "^/m", "destination": "b", "httpMethods": ["GET"]}, ROUTE)
    assert (await browser.request("POST", "/m")).status_code == 401
    await browser.log_in("/m")
    assert (await browser.request("POST", "/m")).status_code == 403
    token = await browser.csrf_token("/m")
    answer = await browser.request("POST", "/m", x_csrf_token=token)
    assert (answer.status_code, answer.headers["allow"], answer.headers["entryway-error"]) == (
        405,
        "GET",
        "method_not_allowed",
    )


async def test_session_cookies_of_two_destinations_with_one_url_stay_apart(world):
    two = {"destinations": json.dumps([{"name": name, "url": world.backend.url} for name in ("b", "c")])}
    routes = [{"source": f"^/{name}", "destination": name, "authenticationType": "none"} for name in ("b", "c")]
    browser = await world.start(*routes, env=two)

    async def sets(request):
        return Response(200, Headers([(b"set-cookie", f"who={request.target[1]}; Path=/".encode())]))

    world.backend.handler = sets
    await browser.get("/b")
    await browser.get("/c")
    world.backend.handler = None
    for name in ("b", "c"):
        await browser.get(f"/{name}")
        assert world.backend.requests[-1].headers.text("cookie") == f"who={name}"


@pytest.mark.parametrize(
    ("said", "custom", "status"),
    [
        ({"host": "b.apps.example"}, "false", 200),
        ({"host": "elsewhere.example", "x_forwarded_host": "b.apps.example"}, "false", 200),
        ({"host": "elsewhere.example", "x_forwarded_host": "b.apps.example, none.apps.example"}, "false", 200),
        ({"host": "b.apps.example", "x_forwarded_host": "elsewhere.example"}, "false", 404),
        ({"host": "b.apps.example", "x_custom_host": "elsewhere.example"}, "false", 200),
        ({"host": "elsewhere.example", "x_custom_host": "b.apps.example"}, "true", 200),
        ({"host": "elsewhere.example", "x_forwarded_host": "b.apps.example"}, "true", 404),
    ],
)
async def test_the_host_that_the_client_asked_for_says_the_destination(world, said, custom, status):
    browser = await world.start(
        {"source": "^/", "destination": "*", "authenticationType": "none"},
        env={"DESTINATION_HOST_PATTERN": r"^(.*)\.apps\.example", "EXTERNAL_REVERSE_PROXY": custom},
    )
    assert (await browser.get("/x", **said)).status_code == status
    assert len(world.backend.requests) == (status == 200)


async def test_a_backend_that_is_down_is_a_clear_page_and_the_login_stays(world):
    down = {
        "destinations": json.dumps(
            [{"name": "b", "url": world.backend.url}, {"name": "down", "url": "http://127.0.0.1:1"}]
        )
    }
    browser = await world.start(ROUTE, {"source": "^/down", "destination": "down"}, env=down)
    await browser.log_in("/first")
    page = await browser.page("/down")
    assert (page.status_code, page.headers["entryway-error"]) == (502, "upstream_unreachable")
    assert "cannot be reached" in page.text
    assert "127.0.0.1:1" not in page.text
    assert "Try again" in page.text
    assert (await browser.get("/first")).status_code == 200
    assert any("127.0.0.1:1" in line.get("error", "") for line in world.log_lines())


async def test_programs_get_problem_details_and_others_the_phrase(world):
    browser = await world.start()
    problem = await browser.get("/nothing", accept="application/json")
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json() | {"request_id": ""} == {
        "type": "urn:entryway:error:route_not_found", "title": "There is nothing at this address", "status": 404,
        "code": "route_not_found", "request_id": "",
    }  # fmt: skip
    plain = await browser.get("/nothing", accept="*/*")
    assert plain.text == "Not Found"
    assert plain.headers["cache-control"] == "no-cache, no-store, must-revalidate"


async def test_an_error_inside_shows_nothing_and_is_a_500_with_its_code(world):
    browser = await logged_in(world)
    world.clock.now = None  # a clock that fails stands for whatever nobody thought of
    answer = await browser.get("/private/x")
    assert (answer.status_code, answer.headers["entryway-error"]) == (500, "internal_error")
    assert (answer.text, world.backend.requests) == ("Internal Server Error", [])
    world.clock.now = 1_800_000_000.0


async def test_a_slow_backend_is_a_504(world):
    browser = await world.start(destination={"timeout": 100})
    never = asyncio.Event()

    async def silent(_request):
        await never.wait()
        return Response(200)

    world.backend.handler = silent
    answer = await browser.get("/public/x")
    assert (answer.status_code, answer.headers["entryway-error"]) == (504, "upstream_timeout")
    never.set()


async def test_a_client_that_goes_away_cancels_the_backends_request(world, caplog):
    await world.start()
    arrived, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    world.backend.handler = slow
    _, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(b"GET /public/x HTTP/1.1\r\nHost: h\r\n\r\n")
    async with asyncio.timeout(5):
        await arrived.wait()
        writer.close()
        await cancelled.wait()
    assert not [record for record in caplog.records if record.name == "asyncio"]


async def test_bodies_stream_both_ways(world):
    browser = await world.start()
    more = asyncio.Event()

    async def streaming(_request):
        async def parts():
            yield b"first"
            await more.wait()
            yield b"second"

        return Response(200, Headers([(b"content-type", b"text/plain")]), Body.from_chunks(parts()))

    world.backend.handler = streaming
    async with asyncio.timeout(5), browser.http.stream("GET", f"{world.origin}/public/x") as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"first"
        more.set()
        assert await anext(chunks) == b"second"


async def test_an_upload_arrives_whole(world):
    browser = await world.start()
    content = bytes(range(256)) * 4096
    await browser.request("POST", "/public/x", content=content)
    assert world.backend.requests[-1].body == content


async def test_impersonating_headers_never_reach_a_backend(world):
    browser = await logged_in(world)
    forged = {
        "tenantid": "evil",
        "sap-connectivity-authentication": "Bearer x",
        "ssl_client_cert": "MII",
        "x-approuter-authorization": "x",
    }
    await browser.http.get(f"{world.origin}/private/x", headers=forged)
    headers = world.backend.requests[-1].headers
    assert headers.text("tenantid") == "acme"
    assert not {b"sap-connectivity-authentication", b"ssl_client_cert", b"x-approuter-authorization"} & {
        name for name, _ in headers
    }


async def test_the_user_api_tells_a_page_who_its_user_is(world):
    api = {"source": "^/user-api(.*)", "target": "$1", "service": "sap-approuter-userapi"}
    browser = await logged_in(world, ROUTE, api)
    user = (await browser.get("/user-api/currentUser")).json()
    assert user == {
        "firstname": "Alex", "lastname": "Example", "email": "alex@example.com", "name": "alex",
        "scopes": ["openid", "shop!t1.viewer"], "displayName": "Alex Example (alex)",
    }  # fmt: skip
    attributes = (await browser.get("/user-api/attributes")).json()
    assert attributes["country"] == ["DE"]
    assert "displayName" not in attributes
    assert (await browser.get("/user-api/else")).status_code == 404
    assert (
        await (await world.browser()).request("GET", "/user-api/currentUser", x_requested_with="XMLHttpRequest")
    ).status_code == 401


async def test_the_welcome_file(world):
    browser = await world.start(welcomeFile="/public/index.html#Shell-home")
    answer = await browser.get("/?a=b")
    assert (answer.status_code, answer.headers["location"]) == (302, "/public/index.html#Shell-home")
    served = await browser.get("/", x_csrf_token="fetch")
    assert served.status_code == 200
    assert served.headers["x-csrf-token"]
    assert world.backend.requests[-1].target == "/index.html"


async def test_a_welcome_file_never_leads_elsewhere(world):
    browser = await world.start(welcomeFile="//evil.example/x")
    assert (await browser.get("/")).headers["location"] == "/evil.example/x"


async def test_plain_http_is_refused_where_cookies_must_be_secure(world):
    browser = await world.start(env={"SECURE_SESSION_COOKIE": "true"})
    refused = await browser.get("/public/x")
    assert (refused.status_code, refused.headers["entryway-error"]) == (403, "https_required")
    assert (await browser.get("/public/x", x_forwarded_proto="https")).status_code == 200


async def test_the_log_has_no_secret(world):
    browser = await logged_in(world)
    await browser.get("/private/x?password=hunter2")
    token = world.backend.requests[-1].headers.text("authorization").removeprefix("Bearer ")
    lines = world.log_lines()
    text = json.dumps(lines)
    for secret in ("hunter2", token, browser.cookie("JSESSIONID"), "s3cret-of-the-shop", "code=", "code-0"):
        assert secret not in text
    last = lines[-1]
    assert (last["method"], last["path"], last["status"], last["user"]) == ("GET", "/private/x", 200, "alex")
    assert last["route"] == "/routes/0 ^/private/(.*)$"


async def test_a_hostile_path_cannot_forge_a_line_of_the_log(world):
    await world.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(b'GET /a"},{"event":"x" HTTP/1.1\r\nHost: h\r\nx-request-id: "}\r\nConnection: close\r\n\r\n')
    await reader.read()
    writer.close()
    assert [line["status"] for line in world.log_lines()] in ([404], [])


async def test_the_requests_own_id_comes_back(world):
    browser = await world.start()
    assert (await browser.get("/nothing", x_request_id="mine")).headers["x-request-id"] == "mine"
    assert len((await browser.get("/nothing")).headers["x-request-id"]) >= 8


@pytest.mark.parametrize("path", ["/login/callback", "/do/logout", "/dynamic/x", "/wl"])
async def test_a_query_of_a_thousand_fields_breaks_nothing(world, path):
    dynamic = {"source": "^/dynamic/", "destination": "b", "dynamicIdentityProvider": True}
    browser = await world.start(dynamic, whitelistService={"endpoint": "/wl"})
    for method in ("GET", "POST"):
        answer = await browser.request(method, f"{path}?{'&'.join(['a=b'] * 1000)}")
        assert answer.status_code < 500


async def test_an_address_may_be_as_long_as_a_head(world):
    browser = await world.start()

    heard = await browser.get(f"/nowhere/{'x' * 15_000}")
    refused = await browser.get(f"/nowhere/{'x' * 17_000}")

    assert (heard.status_code, heard.headers["entryway-error"]) == (404, "route_not_found")
    # Another host that reads heads says the same of the whole head.
    assert refused.status_code in {414, 431}
