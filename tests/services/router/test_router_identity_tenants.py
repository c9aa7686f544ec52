"""Several tenants with an identity service: who a host's tenant is, the platform's directory says."""

import asyncio
import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from router_identity import CLIENT, running_identity_server
from router_neighbours import PAGE, ZONE, until

from entryway.router.configuration import read_configuration

FIRST = {"tenantId": "id-of-first", "subdomain": "first"}
SECOND = {"app_tid": "id-of-second"}
PATTERN = {"TENANT_HOST_PATTERN": "^(.*)\\.router\\.example"}


@pytest.fixture
async def identity(world):
    async with running_identity_server(world.clock) as server:
        server.tenants = {"first": FIRST, "second": SECOND}
        yield server


async def start(world, identity, *, env=None, **binding):
    credentials = identity.credentials(**({"btp-tenant-api": identity.url} | binding))
    services = {"identity": [{"name": "ids", "label": "identity", "credentials": credentials}]}
    return await world.start(bound=False, env={"VCAP_SERVICES": services} | PATTERN | (env or {}))


def at(tenant):
    return {"x_forwarded_host": f"{tenant}.router.example"}


def asked(identity):
    return [target for target, _ in identity.requests if "tenantLoginInfo" in target]


async def log_in(browser, identity, tenant, path="/private/x"):
    """Log in at a tenant's host, whose own id the token then has."""
    url = await browser.begin_login(path, **at(tenant))
    identity.claims = {"app_tid": parse_qs(urlsplit(url).query)["app_tid"][0]}
    back = urlsplit((await browser.http.get(url)).headers["location"])
    return await browser.request("GET", f"{back.path}?{back.query}", **(PAGE | at(tenant)))


async def test_users_log_in_at_the_tenant_of_the_host(world, identity):
    browser = await start(world, identity)
    answer = await log_in(browser, identity, "first")
    assert answer.status_code == 302, answer.text
    (form,) = identity.grants("authorization_code")
    assert form["app_tid"] == "id-of-first"
    assert (await browser.get("/private/x", **at("first"))).status_code == 200
    assert world.backend.requests[-1].headers.text("tenantid") == "first"
    assert asked(identity) == ["/sap/rest/tenantLoginInfo/first"]
    assert "header:authorization" not in identity.asked("/sap/rest/tenantLoginInfo/first")[0]


async def test_a_session_counts_at_its_own_tenant(world, identity):
    browser = await start(world, identity)
    await log_in(browser, identity, "first")
    for tenant in ("second", "nobody"):
        refused = await browser.get("/private/x", **at(tenant))
        assert (refused.status_code, refused.headers["entryway-error"]) == (403, "tenant_mismatch")


async def test_a_token_of_another_tenant_is_refused_at_login(world, identity):
    browser = await start(world, identity)
    url = await browser.begin_login("/private/x", **at("first"))
    back = urlsplit((await browser.http.get(url)).headers["location"])
    identity.claims = {"app_tid": "id-of-second"}
    answer = await browser.request("GET", f"{back.path}?{back.query}", **(PAGE | at("first")))
    assert (answer.status_code, answer.headers["entryway-error"]) == (502, "login_token_invalid")


@pytest.mark.parametrize("host", ["elsewhere.example", "nobody.router.example", "a/../b.router.example"])
async def test_a_host_without_tenant_is_no_place_to_log_in(world, identity, host):
    browser = await start(world, identity)
    refused = await browser.request("GET", "/private/x", **(PAGE | {"x_forwarded_host": host}))
    assert (refused.status_code, refused.headers["entryway-error"]) == (400, "tenant_unknown")
    assert (await browser.get("/public/x", x_forwarded_host=host)).status_code == 200
    assert world.backend.requests[-1].headers.text("tenantid") in (None, "nobody")


@pytest.mark.parametrize(
    "said", [{"subdomain": "another", "tenantId": "x"}, {"subdomain": "first"}, {"tenantId": ""}, {"tenantId": 7}]
)
async def test_an_answer_about_somebody_else_or_nobody_is_none(world, identity, said):
    browser = await start(world, identity)
    identity.tenants["first"] = said
    refused = await browser.request("GET", "/private/x", **(PAGE | at("first")))
    assert (refused.status_code, refused.headers["entryway-error"]) == (400, "tenant_unknown")


async def test_the_tenants_own_identity_service_must_be_at_a_trusted_domain(world, identity):
    browser = await start(world, identity)
    identity.tenants["first"] = FIRST | {"url": "https://first.accounts.example"}
    identity.tenants["second"] = SECOND | {"url": "https://evil.example"}
    url = await browser.begin_login("/private/x", **at("first"))
    assert url.startswith("https://first.accounts.example/oauth2/authorize?")
    refused = await browser.request("GET", "/private/x", **(PAGE | at("second")))
    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "tenant_lookup_failed")


async def test_a_directory_that_fails_is_a_502_and_what_was_known_goes_on(world, identity):
    browser = await start(world, identity)
    identity.tenants_failure = 500
    refused = await browser.request("GET", "/private/x", **(PAGE | at("first")))
    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "tenant_lookup_failed")
    identity.tenants_failure = None
    world.clock.now += 2
    assert (await browser.request("GET", "/private/x", **(PAGE | at("first")))).status_code == 200
    world.clock.now += 901
    identity.tenants_failure = 500
    assert (await browser.request("GET", "/private/x", **(PAGE | at("first")))).status_code == 200
    assert len(asked(identity)) == 3


@pytest.mark.parametrize(("seconds", "questions"), [("0", 3), ("60", 2), ("120", 1)])
async def test_how_long_a_tenant_is_remembered_can_be_said(world, identity, seconds, questions):
    browser = await start(world, identity, env={"ZONE_INFO_CACHE_TTL": seconds})
    for later in (0, 30, 60):
        world.clock.now += later
        assert (await browser.request("GET", "/private/x", **(PAGE | at("first")))).status_code == 200
    assert len(asked(identity)) == questions


async def test_requests_at_once_ask_once_and_made_up_hosts_are_not_asked_about_for_ever(world, identity):
    browser = await start(world, identity)
    await asyncio.gather(*(browser.get("/public/x", **at("first")) for _ in range(5)))
    assert len(asked(identity)) == 1
    for number in range(60):
        await browser.get("/public/x", **at(f"made-up-{number}"))
    assert len(asked(identity)) == 50


async def test_a_login_is_renewed_and_ends_at_its_tenant(world, identity):
    browser = await start(world, identity)
    identity.expires_in = 600
    await log_in(browser, identity, "second")
    world.clock.now += 301
    await browser.get("/private/x", **at("second"))
    await until(lambda: identity.grants("refresh_token"))
    assert identity.grants("refresh_token")[0]["app_tid"] == "id-of-second"
    left = await browser.get("/do/logout", **at("second"))
    assert left.headers["location"].startswith(f"{identity.url}/oauth2/logout")
    assert (await browser.get("/private/x", x_requested_with="XMLHttpRequest", **at("second"))).status_code == 401


async def test_the_one_tenants_subdomain_reaches_backends_without_a_pattern(world, identity):
    identity.tenants["?id=99999999-2222-4333-8444-555555555555"] = {"subdomain": "Own"}
    browser = await start(world, identity, env={"TENANT_HOST_PATTERN": ""})
    await browser.log_in()
    await browser.get("/private/x", tenantid="forged")
    assert world.backend.requests[-1].headers.text("tenantid") == "own"
    token = world.backend.requests[-1].headers.text("authorization").split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(token + "=="))["kind"] == "access"


async def test_without_the_directory_the_pattern_has_no_effect_which_the_start_says(world, identity):
    browser = await start(world, identity, **{"btp-tenant-api": None})
    assert (await browser.request("GET", "/private/x", **(PAGE | at("first")))).status_code == 200
    credentials = identity.credentials()
    environ = {
        "VCAP_SERVICES": json.dumps({"identity": [{"name": "i", "label": "identity", "credentials": credentials}]}),
        "destinations": json.dumps([{"name": "b", "url": "https://b"}]),
    } | PATTERN
    assert [line.path for line in read_configuration(world.folder, environ).warnings] == ["/tenantHostPattern"]
    credentials["btp-tenant-api"] = identity.url
    environ["VCAP_SERVICES"] = json.dumps(
        {"identity": [{"name": "i", "label": "identity", "credentials": credentials}]}
    )
    assert read_configuration(world.folder, environ).warnings == ()


BESIDE = (
    {"source": "^/private/(.*)$", "destination": "b"},
    {"source": "^/xsuaa/", "destination": "b", "authenticationType": "xsuaa"},
)


async def beside(world, identity, **binding):
    """Start with an authorization server bound as well."""
    services = {"identity": identity.credentials(**({"btp-tenant-api": identity.url} | binding))}
    return await world.start(*BESIDE, services=services, env=PATTERN)


async def test_beside_an_authorization_server_users_log_in_at_their_tenant_too(world, identity):
    browser = await beside(world, identity)
    answer = await log_in(browser, identity, "first")
    assert answer.status_code == 302, answer.text
    assert asked(identity) == [f"/sap/rest/tenantLoginInfo/first?iasClient={CLIENT}"]
    assert identity.grants("authorization_code")[0]["app_tid"] == "id-of-first"
    assert world.uaa.grants("jwt-bearer")[0]["header:x-zid"] == "id-of-first"
    assert (await browser.get("/private/x", **at("first"))).status_code == 200
    assert world.backend.requests[-1].headers.text("tenantid") == "acme!first"
    assert (await browser.get("/private/x", **at("second"))).headers["entryway-error"] == "tenant_mismatch"


async def test_beside_an_authorization_server_a_service_may_call_for_a_tenant(world, identity):
    identity.tenants["?id=id-of-first"] = {"subdomain": "first"}
    browser = await beside(world, identity)
    identity.claims = {"app_tid": "id-of-first"}
    bearer = {"x_approuter_authorization": f"Bearer {identity.token('access')}"}
    assert (await browser.get("/private/x", **bearer, **at("first"))).status_code == 200
    assert (await browser.get("/private/x", **bearer, **at("second"))).status_code == 403


async def test_the_tenant_of_both_bindings_is_not_asked_about(world, identity):
    browser = await beside(world, identity, app_tid=ZONE)
    assert f"app_tid={ZONE}" in await browser.begin_login("/private/x", **at("acme"))
    assert asked(identity) == []


async def test_who_logs_in_at_the_authorization_server_needs_no_directory(world, identity):
    browser = await beside(world, identity)
    refused = await browser.request("GET", "/private/x", **(PAGE | at("nobody")))
    assert (refused.status_code, refused.headers["entryway-error"]) == (400, "tenant_unknown")
    assert "/oauth/authorize?" in await browser.begin_login("/xsuaa/x", **at("nobody"))
