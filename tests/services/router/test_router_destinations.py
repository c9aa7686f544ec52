"""Destinations of the destination service, and the way into a company network."""

import asyncio

import pytest
from router_neighbours import answer, running_destinations, until
from websockets import InvalidStatus
from websockets.asyncio.client import connect
from websockets.utils import accept_key

from entryway.http import Headers, Response
from entryway.testing.upstream import recording_upstream, scripted_upstream


def bearer(value: str, **more) -> list:
    return [
        {
            "type": "Bearer",
            "value": value,
            "http_header": {"key": "Authorization", "value": f"Bearer {value}"},
            "expires_in": "43199",
        }
        | more
    ]


@pytest.fixture
async def service(world):
    return await world.stack.enter_async_context(running_destinations(world.uaa))


@pytest.fixture
async def proxy(world):
    """The connectivity proxy: answers itself."""
    return await world.stack.enter_async_context(recording_upstream())


@pytest.fixture
async def start(world, service, proxy):
    async def started(*names: str, public: tuple[str, ...] = (), **env: str):
        routes = [{"source": f"^/{name}/(.*)$", "target": "$1", "destination": name} for name in names]
        routes += [
            {"source": f"^/{name}/(.*)$", "target": "$1", "destination": name, "authenticationType": "none"}
            for name in public
        ]
        routes += [
            {"source": "^/dynamic/([^/]+)/(.*)$", "target": "$2", "destination": "$1"},
            {"source": "^/private/", "destination": "b"},
        ]
        connectivity = world.uaa.credentials(
            clientid="conn-client",
            clientsecret="conn-secret",
            onpremise_proxy_host="127.0.0.1",
            onpremise_proxy_port=str(proxy.port),
        )
        services = {"destination": service.credentials(), "connectivity": connectivity}
        return await world.start(*routes, services=services, env=env)

    return started


def sent(world) -> Headers:
    return world.backend.requests[-1].headers


async def test_the_service_is_asked_with_the_users_token_exchanged_for_it(world, service, start):
    service.define("crm", world.backend.url + "/base/", bearer("XT"))
    browser = await start("crm")
    await browser.log_in()
    login = world.uaa.issued
    assert (await browser.get("/crm/x?a=1")).status_code == 200
    assert world.backend.requests[-1].target == "/base/x?a=1"
    assert sent(world).text("authorization") == "Bearer XT"
    (form,) = world.uaa.grants("jwt-bearer")
    assert (form["client_id"], login) == ("dest-client", 1)
    ((_, authorization),) = service.requests
    assert authorization != f"Bearer {form['assertion']}"


async def test_an_answer_is_used_again_for_the_same_user_only(world, service, start):
    service.define("crm", world.backend.url)
    browser = await start("crm")
    await browser.log_in()
    for _ in range(3):
        await browser.get("/crm/x")
    assert len(service.requests) == 1
    other = await world.browser()
    await other.log_in()
    await other.get("/crm/x")
    assert len(service.requests) == 2
    world.clock.now += 301
    await browser.get("/crm/x")
    assert len(service.requests) == 3


async def test_many_requests_ask_once(world, service, start):
    service.define("crm", world.backend.url)
    browser = await start("crm")
    await browser.log_in()
    service.hold = asyncio.Event()
    waiting = [asyncio.create_task(browser.get("/crm/x")) for _ in range(10)]
    await until(lambda: service.requests)
    service.hold.set()
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
    assert len(service.requests) == 1
    assert len(world.uaa.grants("jwt-bearer")) == 1


async def test_a_public_route_asks_with_the_applications_own_token(world, service, start):
    service.define("crm", world.backend.url)
    browser = await start(public=("crm",))
    assert (await browser.get("/crm/x")).status_code == 200
    assert [form["client_id"] for form in world.uaa.grants("client_credentials")] == ["dest-client"]
    assert world.uaa.grants("jwt-bearer") == []


async def test_properties_decide_how_the_destination_is_asked(world, service, start):
    service.define(
        "crm", world.backend.url, **{"sap-client": "100", "URL.headers.X-Mine": "m", "HTML5.ForwardAuthToken": "true",
        "HTML5.SetXForwardedHeaders": "false", "HTML5.PreserveHostHeader": "true"}
    )  # fmt: skip
    browser = await start("crm")
    await browser.log_in()
    await browser.get("/crm/x", sap_client="200")
    headers = sent(world)
    assert (headers.text("sap-client"), headers.text("x-mine"), headers.text("host")) == (
        "100",
        "m",
        f"127.0.0.1:{world.port}",
    )
    assert headers.text("authorization").startswith("Bearer ey")
    assert headers.text("x-forwarded-host") is None


@pytest.mark.parametrize(
    ("define", "status"),
    [
        (None, 502),
        ({"tokens": [{"type": "", "value": "", "error": "no"}]}, 502),
        ({"Type": "MAIL"}, 502),
        ({"url": "relative"}, 502),
        ({"tokens": [{"http_header": {"key": "A", "value": "x\r\nEvil: 1"}}]}, 502),
        ({"sap-client": "100\r\nEvil: 1"}, 502),
        ({"sap-client": "€"}, 502),
        ({"URL.headers.x y": "1"}, 502),
        ({"URL.headers.X-Y": "1\nEvil: 1"}, 502),
        ({"ProxyType": "OnPremise", "CloudConnectorLocationId": "a\nEvil: 1"}, 502),
        ({"url": "http://[::1"}, 502),
        ({"url": "http://a:99999/"}, 502),
    ],
)
async def test_a_destination_that_cannot_be_used_is_a_bad_gateway(world, service, start, define, status):
    if define is not None:
        service.define("crm", **({"url": world.backend.url} | define))
    browser = await start("crm")
    await browser.log_in()
    found = await browser.get("/crm/x")
    assert (found.status_code, found.headers["entryway-error"]) == (status, "destination_failed")
    assert world.backend.requests == []


async def test_a_client_reaches_only_destinations_that_allow_to_be_named(world, service, start):
    service.define("open", world.backend.url, **{"HTML5.DynamicDestination": "true"})
    service.define("closed", world.backend.url)
    browser = await start()
    await browser.log_in()
    assert (await browser.get("/dynamic/open/x")).status_code == 200
    for name in ("closed", "unknown", "..%2f..%2fadmin"):
        assert (await browser.get(f"/dynamic/{name}/x")).status_code in (400, 404)
    assert len(world.backend.requests) == 1


@pytest.mark.parametrize("host", ["ex ample", "ex\u00e4mple.invalid", "a\u0000b", "..", "a" * 300, "\u2488.invalid"])
async def test_a_destination_whose_host_cannot_be_one_is_a_bad_gateway(service, start, host):
    service.define("crm", f"http://{host}/")
    browser = await start("crm")
    await browser.log_in()

    assert (await browser.get("/crm/x")).status_code == 502


@pytest.mark.parametrize("identifier", [b"\xe9", b"a" * 5000, b"\xff\xfe", b'"'])
async def test_a_request_of_any_name_finds_its_destination(world, service, start, identifier):
    service.define("crm", world.backend.url)
    browser = await start(public=("crm",))

    found = await browser.http.get(f"{browser.origin}/crm/x", headers=[(b"x-request-id", identifier)])

    assert found.status_code == 200


async def test_a_destination_in_a_company_network_is_asked_through_the_proxy_as_the_user(world, service, start, proxy):
    service.define(
        "erp",
        "http://erp.virtual:44300/base",
        ProxyType="OnPremise",
        Authentication="PrincipalPropagation",
        CloudConnectorLocationId="plant1",
    )
    browser = await start("erp")
    await browser.log_in()
    assert (
        await browser.get("/erp/x?a=1", authorization="Basic x", sap_connectivity_authentication="Bearer forged")
    ).status_code == 200
    (asked,) = proxy.requests
    assert asked.target == "http://erp.virtual:44300/base/x?a=1"
    headers = asked.headers
    assert headers.text("host") == "erp.virtual:44300"
    assert headers.text("sap-connectivity-scc-location_id") == "plant1"
    assert headers.all(b"sap-connectivity-authentication") == [service.requests[-1][1].encode()]
    assert headers.text("proxy-authorization").startswith("Bearer ey")
    assert headers.text("authorization") is None
    assert [form["client_id"] for form in world.uaa.grants("client_credentials")] == ["conn-client"]


async def test_a_web_socket_goes_into_the_company_network_as_the_user(world, service):
    heads = []

    async def speak(wire):
        """The connectivity proxy: says yes, and sends back the frames of the client unmasked."""
        head = (await wire.hear_head()).decode()
        heads.append(head)
        key = next(line for line in head.splitlines() if line.lower().startswith("sec-websocket-key")).split(": ")[1]
        await wire.saying(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode()
        )
        frame = await wire.hear(2 + 4 + 5)
        mask, data = frame[2:6], frame[6:]
        await wire.saying(b"\x81\x05" + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
        await wire.hear(2 + 4 + 2)  # the client's close
        await wire.saying(b"\x88\x02\x03\xe8")
        await wire.close()

    async with scripted_upstream(speak) as proxy:
        service.define("erp", "http://erp.virtual:44300", ProxyType="OnPremise", Authentication="PrincipalPropagation")
        credentials = world.uaa.credentials(clientid="conn", onpremise_proxy_host="127.0.0.1",
                                            onpremise_proxy_port=str(proxy.origin.port))  # fmt: skip
        services = {"destination": service.credentials(), "connectivity": credentials}
        route = {"source": "^/erp/", "destination": "erp"}
        browser = await world.start(route, services=services, websockets={"enabled": True})
        url = world.origin.replace("http:", "ws:") + "/erp/live?a=1"
        with pytest.raises(InvalidStatus, match="401"):
            await connect(url, origin=world.origin, proxy=None)
        await browser.log_in("/erp/x")
        cookie = {"cookie": f"JSESSIONID={browser.cookie('JSESSIONID')}"}
        async with connect(url, origin=world.origin, proxy=None, additional_headers=cookie, compression=None) as socket:
            await socket.send("hello")
            assert await socket.recv() == "hello"
    [head] = heads
    assert head.startswith("GET http://erp.virtual:44300/erp/live?a=1 HTTP/1.1\r\n")
    headers = {line.partition(":")[0].lower() for line in head.splitlines()[1:]}
    assert {"proxy-authorization", "sap-connectivity-authentication", "sec-websocket-key"} <= headers
    assert "authorization" not in headers


@pytest.mark.parametrize(("env", "told"), [({}, 0), ({"SEND_CONNECTIVITY_AUTHENTICATION": "true"}, 1)])
async def test_other_systems_of_the_company_learn_who_the_user_is_where_that_is_wanted(  # noqa: PLR0917 - fixtures
    world, service, start, proxy, env, told
):
    service.define("erp", "http://erp.virtual:80", ProxyType="OnPremise")
    browser = await start("erp", **env)
    await browser.log_in()
    await browser.get("/erp/x")
    (asked,) = proxy.requests
    assert len(asked.headers.all(b"sap-connectivity-authentication")) == told


async def test_who_the_service_says_the_user_is_there_is_said_once(world, service, start, proxy):
    token = [{"http_header": {"key": "SAP-Connectivity-Authentication", "value": "Bearer corporate"}}]
    service.define("erp", "http://erp.virtual:80", token, ProxyType="OnPremise", Authentication="PrincipalPropagation")
    browser = await start("erp")
    await browser.log_in()
    await browser.get("/erp/x")
    (asked,) = proxy.requests
    assert asked.headers.all(b"sap-connectivity-authentication") == [b"Bearer corporate"]


async def test_users_do_not_share_a_connection_into_the_company_network(world, service, start, proxy):
    service.define("erp", "http://erp.virtual:80", ProxyType="OnPremise", Authentication="PrincipalPropagation")
    browser = await start("erp")
    await browser.log_in()
    other = await world.browser()
    await other.log_in()
    for visitor in (browser, other):
        await visitor.get("/erp/x")
    assert len({asked.headers.text("sap-connectivity-authentication") for asked in proxy.requests}) == 2


async def test_a_proxy_that_reaches_no_connector_is_a_page_that_names_the_hop(world, service, start, proxy):
    service.define("erp", "http://erp.virtual:80", ProxyType="OnPremise")
    browser = await start("erp")
    await browser.log_in()

    async def no_connector(_request):
        headers = [
            (b"x-error-origin", b"connectivity-proxy"),
            (b"entryway-error", b"no_connector"),
            (b"content-type", b"application/json"),
        ]
        return Response(503, Headers(headers), b'{"error": {}}')

    proxy.handler = no_connector
    page = await browser.page("/erp/x")
    assert (page.status_code, page.headers["entryway-error"]) == (503, "no_connector")
    assert "company network" in page.text
    assert "connectivity-proxy" in page.text
    script = await browser.get("/erp/x")
    assert (script.status_code, script.json()) == (503, {"error": {}})
    proxy.handler = None
    assert (await browser.page("/erp/x")).status_code == 200


async def test_an_error_of_the_system_itself_is_passed_on(world, service, start, proxy):
    service.define("erp", "http://erp.virtual:80", ProxyType="OnPremise")
    browser = await start("erp")
    await browser.log_in()

    async def broken(_request):
        return answer(500, {"mine": True})

    proxy.handler = broken
    page = await browser.page("/erp/x")
    assert (page.status_code, page.json()) == (500, {"mine": True})
