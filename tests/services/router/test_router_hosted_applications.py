"""Applications of the HTML5 repository: their own routes, caching, and what happens when the repository fails."""

import asyncio
import json
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from router_neighbours import answer, until

from entryway.config.mistakes import ConfigurationMistakes
from entryway.http import Headers, Response, Server
from entryway.router.decision import DecisionEndpoint
from entryway.testing.upstream import recording_upstream

SHOP = {
    "welcomeFile": "/index.html",
    "logout": {"logoutEndpoint": "/bye"},
    "routes": [
        {"source": "^/api/(.*)$", "target": "$1", "destination": "b", "csrfProtection": False},
        {"source": "^/admin/", "destination": "b", "scope": "$XSAPPNAME.admin"},
        {"source": "^(.*)$", "target": "$1", "service": "html5-apps-repo-rt"},
    ],
}
OPEN = {
    "authenticationMethod": "none",
    "routes": [
        {"source": "^/short/(.*)$", "target": "$1", "service": "html5-apps-repo-rt", "cacheControl": "no-cache"},
        {"source": "^(.*)$", "target": "$1", "service": "html5-apps-repo-rt"},
    ],
}


class Repository:
    """Has applications; every other path of one is a file that says its own name."""

    def __init__(self):
        self.applications = {"shop": SHOP, "open": OPEN}
        self.requests = []
        self.hold = None
        self.bad_gateways = 0
        """How often its own front answers instead of it."""

    async def handle(self, request):
        self.requests.append(request)
        name = request.target.split("/")[1].split("-")[0]
        found = self.applications.get(name, (503, ""))
        if request.target.endswith("/xs-app.json"):
            if self.hold is not None:
                await self.hold.wait()
            if self.bad_gateways:
                self.bad_gateways -= 1
                return answer(502, {})
            if isinstance(found, tuple):
                return Response(found[0], Headers(), found[1].encode())
            return answer(200, found)
        if "missing" in request.target:
            return answer(404, {})
        return Response(200, Headers([(b"content-type", b"text/html")]), f"FILE {request.target}".encode())

    def asked(self):
        return [request.target for request in self.requests]


@pytest.fixture
async def repository(world):
    repository = Repository()
    upstream = await world.stack.enter_async_context(recording_upstream(repository.handle))
    repository.url = upstream.url
    repository.upstream = upstream
    return repository


@pytest.fixture
async def start(world, repository):
    async def started(*central, more=None, leads_there=True, logout=None, **env):
        binding = {
            "sap.cloud.service": "html5-apps-repo-rt",
            "uri": repository.url,
            "uaa": world.uaa.credentials(clientid="html5-client", clientsecret="html5-secret"),
        }
        last = [{"source": "^(/.*)", "target": "$1", "service": "html5-apps-repo-rt"}] if leads_there else []
        services = {"html5-apps-repo-rt": binding} | (more or {})
        destinations = {"destinations": [{"name": "b", "url": world.backend.url, "forwardAuthToken": True}]}
        root = {} if logout is None else {"logout": logout}
        return await world.start(*central, *last, services=services, env=destinations | env, **root)

    return started


async def test_an_application_brings_its_own_routes_and_files(start, repository, world):
    browser = await start()

    page = await browser.get("/open-2.0.0/x/index.html?a=1")

    assert page.text == "FILE /open-2.0.0/x/index.html?a=1"
    configuration, file = repository.requests
    assert configuration.target == "/open-2.0.0/xs-app.json"
    assert configuration.headers.text("accept") == "application/json;charset=utf-8"
    assert configuration.headers.text("authorization").startswith("Bearer ey")
    assert file.headers.text("authorization").startswith("bearer ey")
    assert {request.headers.text("tenantid") for request in repository.requests} == {"acme"}
    assert file.headers.text("x-forwarded-path") == "/open-2.0.0/x/index.html"
    assert len(world.uaa.grants("client_credentials")) == 1


async def test_the_binding_is_enough_and_central_routes_have_what_the_repository_does_not_know(start, repository):
    central = {"source": "^/central/", "destination": "b", "authenticationType": "none"}
    browser = await start(central, leads_there=False)

    assert (await browser.get("/open/index.html")).text == "FILE /open/index.html"
    assert (await browser.get("/central/x")).status_code == 200
    assert "/central/xs-app.json" in repository.asked()


async def test_an_application_has_its_own_headers_and_the_central_logout(world, start, repository):
    headers = [{"name": "X-App", "value": "1"}, {"name": "X-Frame-Options", "value": "DENY"}]
    repository.applications["open"] = OPEN | {"responseHeaders": headers}
    browser = await start(logout={"logoutEndpoint": "/leave", "logoutPage": "/bye.html"})

    answer = await browser.get("/open/index.html")
    assert (answer.headers["x-app"], answer.headers["x-frame-options"]) == ("1", "DENY")
    left = await browser.get("/open/leave")
    assert left.status_code == 302
    assert quote(f"{world.origin}/bye.html", safe="") in left.headers["location"]
    repository.applications["bad"] = OPEN | {"responseHeaders": [{"name": "Set-Cookie", "value": "a=b"}]}
    assert (await browser.get("/bad/index.html")).status_code == 502


async def test_login_and_scopes_and_destinations_are_as_the_application_says(start, world):
    browser = await start()

    await browser.log_in("/shop/index.html")

    assert (await browser.get("/shop/index.html")).text == "FILE /shop/index.html"
    assert (await browser.get("/shop/admin/x")).status_code == 403
    assert (await browser.get("/shop/api/orders")).status_code == 200
    assert world.backend.requests[-1].target == "/orders"
    assert world.backend.requests[-1].headers.text("authorization").startswith("Bearer ey")


async def test_csrf_protection_is_the_applications(start, repository):
    repository.applications["shop"] = SHOP | {"routes": [{"source": "^/api/", "destination": "b"}]}
    browser = await start()
    await browser.log_in("/shop/api/x")

    assert (await browser.request("POST", "/shop/api/x")).status_code == 403
    token = await browser.csrf_token("/shop/api/x")
    assert (await browser.request("POST", "/shop/api/x", x_csrf_token=token)).status_code == 200


@pytest.mark.parametrize("path", ["/shop", "/shop/"])
async def test_the_welcome_file_of_the_application(start, path):
    found = await (await start()).get(path)

    assert (found.status_code, found.headers["location"]) == (302, "/shop/index.html")


async def test_the_logout_endpoint_of_the_application_ends_the_session(start, world):
    browser = await start()
    await browser.log_in("/shop/index.html")

    left = await browser.get("/shop/bye")

    assert (left.status_code, left.headers["location"]) == (302, f"{world.uaa.url}/logout.do")
    assert (await browser.get("/shop/api/x", x_requested_with="XMLHttpRequest")).status_code == 401


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("/gone.html", "/shop/gone.html"),
        ("gone.html", "/shop/gone.html"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
    ],
)
async def test_the_page_after_a_logout_is_the_applications(start, repository, world, page, shown):
    repository.applications["shop"] = SHOP | {"logout": {"logoutEndpoint": "/bye", "logoutPage": page}}
    browser = await start()
    await browser.log_in("/shop/index.html")

    left = urlsplit((await browser.get("/shop/bye")).headers["location"])

    expected = shown if "://" in shown else world.origin + shown
    assert parse_qs(left.query)["redirect"] == [expected]


@pytest.mark.parametrize(("times", "status"), [(3, 200), (4, 502)])
async def test_a_repository_that_answers_502_is_asked_again(start, repository, times, status):
    browser = await start()
    repository.bad_gateways = times

    assert (await browser.get("/open/x.html")).status_code == status
    assert len([asked for asked in repository.requests if asked.target.endswith("/xs-app.json")]) == 4


async def test_routes_are_asked_for_once_and_again_after_a_while(start, repository, world):
    browser = await start()
    for number in range(3):
        await browser.get(f"/open/{number}")
    assert repository.asked().count("/open/xs-app.json") == 1

    world.clock.now += 301
    await browser.get("/open/3")

    assert repository.asked().count("/open/xs-app.json") == 2


async def test_many_requests_at_once_ask_once(start, repository):
    browser = await start()
    repository.hold = asyncio.Event()

    answers = [asyncio.create_task(browser.get(f"/open/{number}")) for number in range(5)]
    await until(lambda: repository.requests)
    repository.hold.set()

    assert {found.status_code for found in await asyncio.gather(*answers)} == {200}
    assert repository.asked().count("/open/xs-app.json") == 1


async def test_a_client_may_ask_for_the_routes_as_they_are_now(start, repository):
    browser = await start()
    await browser.get("/open/a")

    await browser.get("/open/b?skipXSAppJsonCache=true&z=1")

    assert repository.asked()[-2:] == ["/open/xs-app.json", "/open/b?z=1"]


async def test_users_go_on_while_the_repository_is_away(start, repository, world):
    browser = await start()
    await browser.get("/open/a")
    repository.applications["open"] = (500, "boom")
    world.clock.now += 301

    assert (await browser.get("/open/b")).status_code == 200


async def test_the_cache_buster_lets_no_shared_cache_keep_the_cookie_of_a_session(start, repository, monkeypatch):
    async def sets_a_cookie(request):
        response = await Repository.handle(repository, request)
        response.headers.raw.append((b"set-cookie", b"a=b"))
        return response

    monkeypatch.setattr(repository.upstream, "handler", sets_a_cookie)

    kept = await (await start()).get("/open/~2026-01-01T00:00:00~/index.html")

    assert "JSESSIONID" in kept.headers["set-cookie"]
    assert kept.headers["cache-control"] == "private, max-age=31536000"


async def test_the_cache_buster_lets_caches_keep_files_but_not_errors(start):
    browser = await start()

    kept = await browser.get("/open/~2026-01-01T00:00:00~/index.html")
    missing = await browser.get("/open/~1~/missing.js")
    short = await browser.get("/open/~1~/short/x")

    assert (kept.text, kept.headers["cache-control"]) == ("FILE /open/index.html", "public, max-age=31536000")
    assert missing.status_code == 404
    assert "cache-control" not in missing.headers
    assert short.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("status", [404, 503])
async def test_an_unknown_application_is_the_central_routes_business(start, repository, status, world):
    repository.applications["other"] = (status, "")
    browser = await start({"source": "^/other/(.*)$", "target": "$1", "destination": "b", "authenticationType": "none"})

    for _ in range(2):
        assert (await browser.get("/other/x")).status_code == 200

    assert world.backend.requests[-1].target == "/x"
    assert repository.asked() == ["/other/xs-app.json"]


@pytest.mark.parametrize(
    "content",
    [
        (500, "boom"),
        (401, ""),
        (410, ""),
        (200, "not json"),
        (200, "[]"),
        (200, ""),
        (200, json.dumps({"routes": [{"source": "(", "destination": "b"}]})),
        (200, json.dumps({"routes": [{"source": "^/x", "localDir": "."}]})),
        (200, json.dumps({"routes": [{"source": "^(a+)+$", "destination": "b"}]})),
        (200, json.dumps({"routes": 7})),
    ],
)
async def test_an_application_that_cannot_be_used_is_a_502_that_names_it(start, repository, world, content):
    repository.applications["broken"] = content
    browser = await start()

    found = await browser.get("/broken/index.html")

    assert (found.status_code, found.headers["entryway-error"]) == (502, "application_failed")
    assert "application broken" in world.log_lines()[-1]["error"]


async def test_a_token_that_cannot_be_had_is_a_502_that_names_the_hop(start, world):
    browser = await start()
    world.uaa.token_failure["client_credentials"] = (401, {"error": "unauthorized"})

    found = await browser.get("/open/x")

    assert (found.status_code, found.headers["entryway-error"]) == (502, "service_token_failed")


@pytest.mark.parametrize(
    "path",
    ["/favicon.ico", "/login/x", "/direct/x", "/a.b.c/x", "/none.open/x", "/open-/x", "/-1.0/x", "/open?x", "/op%65n/"],
)
async def test_paths_that_are_no_applications_go_to_the_central_routes(start, repository, path):
    browser = await start(DIRECT_ROUTING_URI_PATTERNS=["^direct$"])

    assert "/oauth/authorize" in (await browser.page(path)).text
    assert repository.requests == []


async def test_a_business_service_names_whose_application_it_is(start, repository, world):
    country = {
        "sap.cloud.service": "com.example.country",
        "sap.cloud.service.alias": "country",
        "url": "http://127.0.0.1:1",
        "html5-apps-repo": {"app_host_id": "guid-1, guid-2"},
        "uaa": world.uaa.credentials(),
    }
    browser = await start(more={"country": country}, OWN_SAP_CLOUD_SERVICE=["com.example.own"])

    for prefix in ("comexamplecountry", "country", "comexampleown"):
        assert (await browser.get(f"/{prefix}.open/x", x_app_host_id="mine")).text == "FILE /open/x"

    asked = [(request.target, request.headers.text("x-app-host-id")) for request in repository.requests]
    assert asked[:2] == [("/open/xs-app.json", "guid-1, guid-2"), ("/open/x", "guid-1, guid-2")]
    # Nobody but the router says whose applications are meant.
    assert asked[-2:] == [("/open/xs-app.json", None), ("/open/x", None)]


async def test_folders_and_the_repository_serve_side_by_side(start, world):
    (world.folder / "pages").mkdir()
    (world.folder / "pages" / "x.html").write_text("from the folder")
    browser = await start(
        {"source": "^/pages/(.*)$", "target": "$1", "localDir": "pages", "authenticationType": "none"},
        DIRECT_ROUTING_URI_PATTERNS=["^pages$"],
    )

    assert (await browser.get("/pages/x.html")).text == "from the folder"
    assert (await browser.get("/open/x.html")).text == "FILE /open/x.html"


@pytest.mark.parametrize(
    ("env", "rule"),
    [
        ({"DIRECT_ROUTING_URI_PATTERNS": ["("]}, "directRoutingUriPatterns"),
        ({"DIRECT_ROUTING_URI_PATTERNS": "[7]"}, "DIRECT_ROUTING_URI_PATTERNS"),
        ({"OWN_SAP_CLOUD_SERVICE": '"own"'}, "OWN_SAP_CLOUD_SERVICE"),
    ],
)
async def test_wrong_settings_stop_the_start(start, env, rule):
    with pytest.raises(ConfigurationMistakes, match=rule):
        await start(**env)


async def test_a_route_to_the_repository_needs_its_binding(world):
    with pytest.raises(ConfigurationMistakes, match="html5-apps-repo-rt service but the service is not bound"):
        await world.start({"source": "^(.*)$", "service": "html5-apps-repo-rt"})


async def test_a_proxy_that_asks_for_decisions_is_sent_to_the_router(start, repository, world):
    repository.applications["open"] = {
        "authenticationMethod": "none",
        "routes": [{"source": "^/api/", "destination": "b"}],
    }
    browser = await start(
        {"source": "^/pub/", "destination": "b", "authenticationType": "none"},
        ENTRYWAY_DECISION_PORT="1",
        DIRECT_ROUTING_URI_PATTERNS=["^pub$"],
    )
    decisions = Server(DecisionEndpoint(lambda: world.app.router))
    host, port = await decisions.listen("127.0.0.1", 0)
    world.stack.push_async_callback(decisions.close, 0)
    asked = {"x-forwarded-method": "GET", "x-forwarded-proto": "http", "x-forwarded-host": "127.0.0.1"}

    found = [
        await browser.http.get(f"http://{host}:{port}/forward_auth", headers=asked | {"x-forwarded-uri": path})
        for path in ("/pub/x", "/open/api/x")
    ]

    assert found[0].status_code == 200
    assert (found[1].status_code, found[1].headers["entryway-error"]) == (403, "served_by_router")
