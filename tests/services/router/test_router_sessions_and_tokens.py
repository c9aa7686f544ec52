"""Sessions end by time, by logout and with their token; tokens are renewed ahead of that, once."""

import asyncio

import pytest
from router_neighbours import until

from entryway.http import Headers, Response


def authorization(world) -> str:
    return world.backend.requests[-1].headers.text("authorization")


async def test_a_session_ends_after_its_timeout(world):
    browser = await world.start(sessionTimeout=10)
    await browser.log_in()
    world.clock.now += 599
    assert (await browser.get("/private/x")).status_code == 200
    world.clock.now += 600
    assert (await browser.request("POST", "/private/x")).status_code == 401


async def test_when_a_session_expires_its_backends_are_told(world):
    browser = await world.start(destinations={"b": {"logoutPath": "/bye"}}, sessionTimeout=10)
    await browser.log_in()
    world.clock.now += 600
    await browser.get("/private/x")
    await until(lambda: world.backend.requests)
    (told,) = world.backend.requests
    assert (told.method, told.target) == ("POST", "/bye")
    assert told.headers.text("authorization").startswith("Bearer ey")


@pytest.mark.parametrize("cookie", ["JSESSIONID=s%3A" + "A" * 32 + ".x", "JSESSIONID=", "JSESSIONID=%%%", "JSESSIONID"])
async def test_a_cookie_that_names_no_session_is_none(world, cookie):
    browser = await world.start()
    assert (await browser.request("POST", "/private/x", cookie=cookie)).status_code == 401


async def test_a_tampered_signature_is_refused(world):
    browser = await world.start()
    await browser.log_in()
    value = browser.cookie("JSESSIONID")
    stranger = await world.browser()
    tampered = value[:-2] + ("AA" if value[-2:] != "AA" else "BB")
    assert (await stranger.request("POST", "/private/x", cookie=f"JSESSIONID={tampered}")).status_code == 401


async def test_the_token_is_renewed_ahead_of_its_end_while_the_old_one_is_served(world):
    world.uaa.expires_in = 600
    browser = await world.start()
    await browser.log_in()
    await browser.get("/private/x")
    first = authorization(world)
    world.clock.now += 301
    await browser.get("/private/x")
    assert authorization(world) == first
    async with asyncio.timeout(5):
        while authorization(world) == first:
            await browser.get("/private/x")
    (form,) = world.uaa.grants("refresh_token")
    assert form["app_tid"] == ""
    assert form["header:authorization"].startswith("Basic ")


async def test_many_requests_renew_a_token_once(world):
    world.uaa.expires_in = 600
    browser = await world.start()
    await browser.log_in()
    world.clock.now += 301
    world.uaa.hold = asyncio.Event()
    answers = await asyncio.gather(*(browser.get("/private/x") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    world.uaa.hold.set()
    await browser.get("/private/x")
    assert len(world.uaa.grants("refresh_token")) == 1


async def test_an_expired_token_is_renewed_before_the_request_goes_on(world):
    world.uaa.expires_in = 600
    browser = await world.start()
    await browser.log_in()
    world.clock.now += 601
    answers = await asyncio.gather(*(browser.get("/private/x") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(world.uaa.grants("refresh_token")) == 1


async def test_a_failed_renewal_keeps_the_session_until_the_token_ends(world):
    world.uaa.expires_in = 600
    world.uaa.token_failure["refresh_token"] = (401, {"error": "invalid_token"})
    browser = await world.start()
    await browser.log_in()
    world.clock.now += 301
    for _ in range(3):
        assert (await browser.get("/private/x")).status_code == 200
    world.clock.now += 300
    assert (await browser.request("POST", "/private/x")).status_code == 401
    assert len(world.uaa.grants("refresh_token")) == 1


async def test_a_renewed_token_of_another_user_is_not_taken(world):
    world.uaa.expires_in = 600
    browser = await world.start()
    await browser.log_in()
    await browser.get("/private/x")
    first = authorization(world)
    world.uaa.claims = {"sub": "8"}
    world.clock.now += 301
    for _ in range(5):
        await browser.get("/private/x")
    assert authorization(world) == first


async def test_without_renewal_a_session_ends_with_its_token(world):
    world.uaa.expires_in = 100
    browser = await world.start(env={"JWT_REFRESH": "0"})
    await browser.log_in()
    world.clock.now += 101
    assert (await browser.request("POST", "/private/x")).status_code == 401
    assert world.uaa.grants("refresh_token") == []


@pytest.mark.parametrize(("refresh", "said"), [("5", True), ("1", False), ("0", False)])
async def test_a_token_that_lives_too_short_to_be_renewed_is_told_of(world, capfd, refresh, said):
    world.uaa.expires_in = 200
    browser = await world.start(env={"JWT_REFRESH": refresh})
    await browser.log_in()
    told = "".join(capfd.readouterr())
    assert ("token_not_to_be_renewed" in told) == said
    assert "eyJ" not in told


async def test_logging_out_ends_the_session_everywhere(world):
    browser = await world.start(
        logout={"logoutEndpoint": "/do/logout", "logoutPage": "/out.html"},
        destinations={"b": {"logoutPath": "/bye", "logoutMethod": "GET"}},
    )
    await browser.log_in()
    cookie = f"JSESSIONID={browser.cookie('JSESSIONID')}"
    answer = await browser.get("/do/logout")
    page = f"{world.origin}/out.html".replace(":", "%3A").replace("/", "%2F")
    assert answer.headers["location"] == f"{world.uaa.url}/logout.do?redirect={page}&client_id=sb-shop!t1"
    stranger = await world.browser()
    assert (await stranger.request("POST", "/private/x", cookie=cookie)).status_code == 401
    await until(lambda: world.backend.requests)
    assert world.backend.requests[0].headers.text("x-forwarded-path") == "/do/logout"
    assert "JSESSIONID" not in (world.backend.requests[0].headers.text("cookie") or "")


async def test_a_logout_without_session_tells_no_backend(world):
    browser = await world.start(destinations={"b": {"logoutPath": "/bye"}})
    answer = await browser.get("/do/logout")
    assert answer.status_code == 302
    await world.app.told.close()
    assert world.backend.requests == []


@pytest.mark.parametrize(
    ("query", "status"),
    [("?skip-redirect", 200), ("?skip-redirect=true", 200), ("?skip-redirect=false", 302), ("", 302)],
)
async def test_a_logout_may_skip_the_redirect(world, query, status):
    browser = await world.start()
    assert (await browser.get(f"/do/logout{query}")).status_code == status


async def test_a_logout_by_post_needs_the_token(world):
    browser = await world.start(logout={"logoutEndpoint": "/do/logout", "logoutMethod": "POST"})
    await browser.log_in()
    refused = await browser.get("/do/logout")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert (await browser.request("POST", "/do/logout")).status_code == 403
    assert (await browser.get("/private/x")).status_code == 200
    token = await browser.csrf_token()
    answer = await browser.request("POST", "/do/logout", x_csrf_token=token)
    assert (answer.status_code, answer.text) == (200, f"{world.uaa.url}/logout.do")
    assert (await browser.request("POST", "/private/x")).status_code == 401


async def test_a_backend_that_cannot_be_told_does_not_stop_the_logout(world):
    browser = await world.start(destinations={"b": {"logoutPath": "/bye"}}, destination={"url": "http://127.0.0.1:1"})
    await browser.log_in()
    assert (await browser.get("/do/logout")).status_code == 302


async def test_a_request_under_way_does_not_bring_an_ended_session_back(world):
    browser = await world.start()
    await browser.log_in()
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_request):
        arrived.set()
        await go_on.wait()
        return Response(200, Headers([(b"set-cookie", b"bs=1; Path=/")]), b"")

    world.backend.handler = slow
    under_way = asyncio.create_task(browser.get("/private/x"))
    await arrived.wait()
    cookie = f"JSESSIONID={browser.cookie('JSESSIONID')}"
    stranger = await world.browser()
    await stranger.request("GET", "/do/logout", cookie=cookie)
    go_on.set()
    await under_way
    assert (await stranger.request("POST", "/private/x", cookie=cookie)).status_code == 401


@pytest.mark.parametrize("path", ["/files/a.js", "/public/cookie"])
async def test_what_names_a_session_or_shows_its_token_is_for_no_shared_cache(world, path):
    (world.folder / "web").mkdir()
    (world.folder / "web" / "a.js").write_text("1")
    files = {
        "source": "^/files/(.*)$",
        "target": "$1",
        "localDir": "web",
        "cacheControl": "public, max-age=9, s-maxage=9",
    }
    public = {"source": "^/public/", "destination": "b"}
    routes = [route | {"authenticationType": "none"} for route in (files, public)]

    async def sets_a_cookie(_request: object) -> Response:
        headers = [(b"cache-control", b"Public, max-age=9"), (b"cache-control", b"s-maxage=9"), (b"set-cookie", b"a=b")]
        return Response(200, Headers(headers), b"")

    world.backend.handler = sets_a_cookie
    first = await (await world.start(*routes)).get(path, x_csrf_token="fetch")
    assert first.headers["x-csrf-token"]
    assert "JSESSIONID" in first.headers["set-cookie"]
    assert first.headers.get_list("cache-control") == ["private, max-age=9"]
