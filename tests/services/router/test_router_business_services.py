"""Routes to bound business services: endpoints, the three ways to log on, and what happens when one fails."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from router_neighbours import answer, names_of_localhost, until

from entryway.config.mistakes import ConfigurationMistakes
from entryway.testing.upstream import recording_upstream


@pytest.fixture
async def country(world):
    return await world.stack.enter_async_context(recording_upstream())


def binding(world, country, **more):
    return {
        "sap.cloud.service": "com.example.country",
        "sap.cloud.service.alias": "country",
        "endpoints": {"api": {"url": country.url + "/api", "timeout": 300}, "text": country.url + "/text"},
        "uri": country.url + "/own",
        "URL.headers.X-Biz": "ours",
        "uaa": world.uaa.credentials(clientid="country-client", clientsecret="country-secret"),
    } | more


def route(source, service="com.example.country", **more):
    return {"source": f"^/{source}/(.*)$", "target": "$1", "service": service} | more


def named(found, name):
    return found.requests[-1].headers.text(name)


async def test_a_route_leads_to_the_endpoint_with_the_users_exchanged_token(world, country):
    browser = await world.start(
        route("api", endpoint="api"),
        route("alias", "country", endpoint="text"),
        route("own"),
        {"source": "^/private/", "destination": "b"},
        services={"country": binding(world, country)},
    )
    await browser.log_in()

    first = await browser.get("/api/x?a=b", authorization="Bearer mine")
    await browser.get("/alias/y", x_biz="mine")
    await browser.get("/own/z")

    assert first.status_code == 200
    assert [request.target for request in country.requests] == ["/api/x?a=b", "/text/y", "/own/z"]
    (exchange,) = world.uaa.grants("jwt-bearer")
    assert (exchange["client_id"], exchange["client_secret"]) == ("country-client", "country-secret")
    assert all(request.headers.text("authorization").startswith("Bearer ey") for request in country.requests)
    assert [request.headers.text("x-biz") for request in country.requests] == ["ours", "mine", "ours"]


async def test_a_service_of_another_tenant_exchanges_the_token_where_the_user_is_known(world, country, monkeypatch):
    port, zone = urlsplit(world.uaa.url).port, world.uaa.credentials()["identityzone"]
    asked = names_of_localhost(monkeypatch)
    place = {"uaadomain": f"localhost:{port}", "identityzone": "provider", "url": f"http://provider.localhost:{port}"}
    own = world.uaa.credentials(uaadomain=f"localhost:{port}")
    uaa = world.uaa.credentials(clientid="country-client", clientsecret="country-secret", **place)
    browser = await world.start(
        route("api", endpoint="api"), services={"uaa": own, "country": binding(world, country, uaa=uaa)}
    )
    await browser.log_in("/api/x")

    assert (await browser.get("/api/x")).status_code == 200
    assert f"{zone}.localhost" in asked
    assert "provider.localhost" not in asked


async def test_requests_at_once_share_one_exchange(world, country):
    browser = await world.start(
        route("api", endpoint="api"),
        {"source": "^/private/", "destination": "b"},
        services={"country": binding(world, country)},
    )
    await browser.log_in()
    world.uaa.hold = asyncio.Event()

    answers = [asyncio.create_task(browser.get(f"/api/{number}")) for number in range(5)]
    await until(lambda: world.uaa.grants("jwt-bearer"))
    world.uaa.hold.set()

    assert {found.status_code for found in await asyncio.gather(*answers)} == {200}
    assert len(world.uaa.grants("jwt-bearer")) == 1


async def test_a_refused_exchange_names_the_hop_and_keeps_the_session(world, country):
    browser = await world.start(
        route("api", endpoint="api"),
        {"source": "^/private/", "destination": "b"},
        services={"country": binding(world, country)},
    )
    await browser.log_in()
    world.uaa.token_failure["urn:ietf:params:oauth:grant-type:jwt-bearer"] = (401, {"error": "unauthorized"})

    refused = await browser.get("/api/x")

    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "service_token_failed")
    assert "service com.example.country" in world.log_lines()[-1]["error"]
    assert country.requests == []
    assert (await browser.get("/private/x")).status_code == 200


async def test_a_slow_endpoint_is_a_504(world, country):
    async def slow(_request):
        await asyncio.sleep(1)
        return answer(200, {})

    browser = await world.start(
        route("api", endpoint="api"),
        {"source": "^/private/", "destination": "b"},
        services={"country": binding(world, country)},
    )
    await browser.log_in()
    country.handler = slow

    assert (await browser.get("/api/x")).status_code == 504


async def test_client_credentials_are_fetched_once_for_all_and_need_no_user(world, country):
    browser = await world.start(
        route("api", endpoint="api", authenticationType="none"),
        services={"country": binding(world, country, grant_type="client_credentials")},
    )

    await browser.get("/api/x")
    await (await world.browser()).get("/api/x")

    assert named(country, "authorization").startswith("bearer ey")
    assert len(world.uaa.grants("client_credentials")) == 1


async def test_a_service_that_needs_a_user_refuses_who_is_none(world, country):
    browser = await world.start(
        route("api", endpoint="api", authenticationType="none"), services={"country": binding(world, country)}
    )

    refused = await browser.get("/api/x")

    assert (refused.status_code, refused.headers["entryway-error"]) == (401, "login_required")
    assert country.requests == []


async def test_services_are_told_of_a_logout(world, country):
    browser = await world.start(
        route("api", endpoint="api"),
        {"source": "^/private/", "destination": "b"},
        services={"country": binding(world, country)},
        service_logouts={"country": {"endpoint": "text", "logoutPath": "/bye", "logoutMethod": "GET"}},
    )
    await browser.log_in()

    await browser.get("/do/logout")
    await until(lambda: country.requests)

    told = country.requests[0]
    assert (told.method, told.target) == ("GET", "/text/bye")
    assert told.headers.text("authorization").startswith("Bearer ey")
    assert told.headers.text("x-approuter-host") == f"127.0.0.1:{world.port}"


async def test_endpoints_for_others_are_left_alone(world, country):
    endpoints = {"api": country.url + "/api", "queue": "amqps://queue:5671", "none": None, "size": 5, "odd": {"a": 1}}
    browser = await world.start(
        route("api", endpoint="api"), services={"country": binding(world, country, endpoints=endpoints)}
    )
    await browser.log_in("/api/x")

    assert (await browser.get("/api/x")).status_code == 200


async def test_a_tag_names_a_service_too_and_nearer_names_count_more(world, country):
    def bound(name, tag, cloud_service, alias):
        names = {"sap.cloud.service": cloud_service, "sap.cloud.service.alias": alias}
        credentials = binding(world, country, endpoints={"api": f"{country.url}/{name}"}) | names
        credentials = {key: value for key, value in credentials.items() if value is not None}
        return {"name": name, "tags": [tag], "credentials": credentials | {"grant_type": "client_credentials"}}

    uaa = {"name": "uaa", "tags": ["xsuaa"], "credentials": world.uaa.credentials()}
    others = [bound("one", "tagged", None, ""), bound("two", "a", "b", ""), bound("three", "b", "a", "b")]
    browser = await world.start(
        *(route(name, name, endpoint="api", authenticationType="none") for name in ("tagged", "a", "b", "c")),
        env={"VCAP_SERVICES": {"xsuaa": [uaa], "user-provided": [*others, bound("four", "b", "d", "c")]}},
    )

    for name in ("tagged", "a", "b", "c"):
        await browser.get(f"/{name}/x")
    asked = [request.target for request in country.requests if request.target.endswith("/x")]
    assert asked == ["/one/x", "/three/x", "/two/x", "/four/x"]


@pytest.mark.parametrize("name", ["com.example.country", "country"])
async def test_a_name_that_two_bindings_have_stops_the_start(world, country, name):
    twice = {"first": binding(world, country), "second": binding(world, country)}
    with pytest.raises(ConfigurationMistakes, match=f"Several bound services are called {name}: first, second"):
        await world.start(route("api", name, endpoint="api"), services=twice)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"endpoints": {}}, "Endpoint object has no attribute named api for service com.example.country"),
        ({"grant_type": "mtls", "cert": "x"}, "the grant type mtls needs cert and key"),
        ({"grant_type": "magic"}, "/grant_type"),
        ({"endpoints": {"api": "ftp://elsewhere"}}, "must be an absolute URL"),
        ({"URL.headers.bad name": "x"}, "this is no header that can be sent"),
        ({"sap.cloud.service": "other"}, "the service is not bound"),
    ],
)
async def test_a_binding_that_cannot_be_used_stops_the_start(world, country, wrong, rule):
    two = route("api", endpoint="api"), route("again", endpoint="api")
    with pytest.raises(ConfigurationMistakes) as found:
        await world.start(*two, services={"country": binding(world, country) | wrong})

    told = [str(mistake) for mistake in found.value.mistakes]
    assert any(rule in line for line in told)
    assert len(told) == len(set(told)), "one mistake is told once, however many routes lead to it"


async def test_a_binding_without_an_oauth_client_fails_where_it_is_needed(world, country):
    browser = await world.start(route("api", endpoint="api"), services={"country": binding(world, country, uaa=None)})
    await browser.log_in("/api/x")

    answer = await browser.get("/api/x")

    assert (answer.status_code, answer.headers["entryway-error"]) == (502, "service_token_failed")
    assert country.requests == []


async def test_what_is_wrong_with_a_binding_is_told_without_its_secrets(world, country):
    with pytest.raises(ConfigurationMistakes) as found:
        await world.start(
            route("api", endpoint="api"),
            services={"country": binding(world, country, uaa={"clientid": "c", "clientsecret": "very-secret"})},
        )

    assert "very-secret" not in json.dumps(str(found.value))
