"""Tokens of the identity service for backends: for its other applications, and for business services."""

import asyncio
import base64
import json

import pytest
from router_identity import CLIENT, SECRET, TENANT, USER, running_identity_server
from router_neighbours import running_destinations, until

from entryway.router.configuration import read_configuration
from entryway.testing.upstream import recording_upstream

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROVIDER = "urn:sap:identity:application:provider:name:"
ROUTES = (
    {"source": "^/private/(.*)$", "destination": "b"},
    {"source": "^/xsuaa/", "destination": "b", "authenticationType": "xsuaa"},
    {"source": "^/public/", "destination": "b", "authenticationType": "none"},
    {"source": "^/country/(.*)$", "target": "$1", "service": "country"},
)


@pytest.fixture
async def identity(world):
    async with running_identity_server(world.clock) as server:
        yield server


@pytest.fixture
async def country(world):
    return await world.stack.enter_async_context(recording_upstream())


async def start(world, identity, *routes, destination=None, **more):
    services = {"identity": identity.credentials()} | more
    return await world.start(*(routes or ROUTES[:3]), services=services, destination=destination)


def binding(world, country, **more):
    uaa = world.uaa.credentials(clientid="country-client", clientsecret="country-secret")
    return {"sap.cloud.service": "country", "url": country.url, "uaa": uaa} | more


def claims(token):
    part = token.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def sent(upstream, name):
    return upstream.requests[-1].headers.text(name)


def exchanges(identity):
    return [
        {name: value for name, value in form.items() if not name.startswith("header:")}
        for form in identity.grants(JWT_BEARER)
    ]


@pytest.mark.parametrize("forwards", [True, False])
async def test_a_destination_gets_the_token_that_is_meant_for_it(world, identity, forwards):
    browser = await start(world, identity, destination={"IASDependencyName": "dep1", "forwardAuthToken": forwards})
    await browser.log_in()
    for path in ("/private/x", "/private/y", "/public/z"):
        assert (await browser.get(path, authorization="Bearer mine")).status_code == 200
        assert claims(sent(world.backend, "authorization"))["kind"] == "access"
    (asked,) = exchanges(identity)
    assertion = asked.pop("assertion")
    assert claims(assertion)["sub"] == USER
    assert sent(world.backend, "authorization") != f"Bearer {assertion}"
    assert asked == {
        "grant_type": JWT_BEARER, "client_id": CLIENT, "client_secret": SECRET, "app_tid": TENANT,
        "resource": f"{PROVIDER}dep1",
    }  # fmt: skip


async def test_requests_at_once_share_one_exchange(world, identity):
    browser = await start(world, identity, destination={"IASDependencyName": "dep1"})
    await browser.log_in()
    identity.hold = asyncio.Event()
    answers = [asyncio.create_task(browser.get(f"/private/{number}")) for number in range(5)]
    await until(lambda: exchanges(identity))
    identity.hold.set()
    assert {found.status_code for found in await asyncio.gather(*answers)} == {200}
    assert len(exchanges(identity)) == 1


async def test_another_user_has_another_token(world, identity):
    first = await start(world, identity, destination={"IASDependencyName": "dep1"})
    second = await world.browser()
    for browser in (first, second):
        await browser.log_in()
        await browser.get("/private/x")
    assertions = {asked["assertion"] for asked in exchanges(identity)}
    assert len(assertions) == 2


async def test_a_token_is_exchanged_again_ahead_of_its_end_and_for_a_renewed_login(world, identity):
    browser = await start(world, identity, destination={"IASDependencyName": "dep1"})
    identity.expires_in = 600
    await browser.log_in()
    await browser.get("/private/x")
    world.clock.now += 301  # the login is due for renewal
    await browser.get("/private/x")
    await until(lambda: identity.grants("refresh_token"))
    await until(lambda: not world.app.router.refresher.tasks)
    await browser.get("/private/x")
    first, last = exchanges(identity)[0], exchanges(identity)[-1]
    assert first["assertion"] != last["assertion"]


async def test_users_of_the_authorization_server_and_nobody_are_treated_as_without_it(world, identity):
    browser = await start(world, identity, destination={"IASDependencyName": "dep1"})
    await browser.get("/public/x", authorization="Bearer mine")
    assert sent(world.backend, "authorization") == "Bearer mine"
    await browser.log_in("/xsuaa/x")
    await browser.get("/xsuaa/x")
    assert claims(sent(world.backend, "authorization"))["cid"] == "sb-shop!t1"
    assert exchanges(identity) == []


async def test_a_refused_exchange_names_the_hop_and_keeps_the_session(world, identity):
    browser = await start(world, identity, destination={"IASDependencyName": "dep1"})
    await browser.log_in()
    identity.token_failure[JWT_BEARER] = (400, {"error": "invalid_target"})
    refused = await browser.get("/private/x")
    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "service_token_failed")
    assert "identity dependency dep1" in world.log_lines()[-1]["error"]
    assert world.backend.requests == []
    del identity.token_failure[JWT_BEARER]
    assert (await browser.get("/private/x")).status_code == 200


async def test_destinations_of_the_service_name_dependencies_too(world, identity):
    async with running_destinations(world.uaa) as service:
        service.define("found", world.backend.url, **{"HTML5.IASDependencyName": "dep2"})
        route = {"source": "^/private/(.*)$", "destination": "found"}
        services = {"identity": identity.credentials(), "destination": service.credentials()}
        browser = await world.start(route, services=services)
        await browser.log_in()
        for _ in range(2):
            assert (await browser.get("/private/x")).status_code == 200
    (asked,) = exchanges(identity)
    assert asked["resource"] == f"{PROVIDER}dep2"
    assert claims(sent(world.backend, "authorization"))["kind"] == "access"


async def test_a_business_service_gets_its_own_token_unless_its_binding_says_otherwise(world, identity, country):
    browser = await start(world, identity, *ROUTES, country=binding(world, country))
    await browser.log_in()
    assert (await browser.get("/country/x")).status_code == 200
    assert claims(sent(country, "authorization"))["cid"] == "country-client"
    assert sent(country, "x-ias-token") is None


async def test_forwardiastoken_adds_the_identity_services_token(world, identity, country):
    browser = await start(world, identity, *ROUTES, country=binding(world, country, forwardiastoken=True))
    await browser.log_in()
    await browser.get("/country/x", x_ias_token="forged")
    assert claims(sent(country, "authorization"))["cid"] == "country-client"
    assert claims(sent(country, "x-ias-token"))["kind"] == "access"


async def test_forwardiasauthentication_exchanges_nothing(world, identity, country):
    browser = await start(world, identity, *ROUTES, country=binding(world, country, forwardiasauthentication="true"))
    await browser.log_in()
    asked = len(world.uaa.requests)
    await browser.get("/country/x")
    assert claims(sent(country, "authorization"))["kind"] == "access"
    assert (sent(country, "x-ias-token"), len(world.uaa.requests)) == (None, asked)


@pytest.mark.parametrize(("more", "header"), [({}, "authorization"), ({"forwardiastoken": True}, "x-ias-token")])
async def test_a_business_service_may_be_a_dependency(world, identity, country, more, header):
    browser = await start(world, identity, *ROUTES, country=binding(world, country, IASDependencyName="dep3", **more))
    await browser.log_in()
    await browser.get("/country/x")
    (asked,) = exchanges(identity)
    assert asked["resource"] == f"{PROVIDER}dep3"
    token = sent(country, header).removeprefix("Bearer ")
    assert (claims(token)["kind"], token == asked["assertion"]) == ("access", False)


async def test_users_of_the_authorization_server_keep_the_exchange(world, identity, country):
    settings = {"forwardiastoken": True, "forwardiasauthentication": True, "IASDependencyName": "dep3"}
    browser = await start(world, identity, *ROUTES, country=binding(world, country, **settings))
    await browser.log_in("/xsuaa/x")
    await browser.get("/country/x")
    assert claims(sent(country, "authorization"))["cid"] == "country-client"
    assert sent(country, "x-ias-token") is None


async def test_what_has_no_effect_is_named_at_start_and_nothing_else(world, identity, country):
    wanted = binding(world, country, forwardiastoken=True)
    await start(world, identity, *ROUTES, country=wanted, destination={"IASDependencyName": "dep1"})
    environ = {"destinations": json.dumps([{"name": "b", "url": "https://b", "IASDependencyName": "dep1"}])}
    assert [line.path for line in read_configuration(world.folder, environ).warnings] == []

    services = json.loads((world.folder / "default-services.json").read_text())
    del services["identity"]
    (world.folder / "default-services.json").write_text(json.dumps(services))
    warned = [line.path for line in read_configuration(world.folder, environ).warnings]
    assert "/IASDependencyName" in warned
    assert any(path.endswith("/forwardiastoken") for path in warned)

    services |= {"identity": identity.credentials(), "country": wanted | {"grant_type": "client_credentials"}}
    (world.folder / "default-services.json").write_text(json.dumps(services))
    warned = [line.path for line in read_configuration(world.folder, environ).warnings]
    assert any(path.endswith("/forwardiastoken") for path in warned)
