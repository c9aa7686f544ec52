"""Calls of services with tokens of an identity service: judged here, or exchanged there for such that backends take."""

import asyncio
import base64
import json
import ssl
from urllib.parse import urlsplit

import pytest
from router_identity import CLIENT, TENANT, USER, running_identity_server
from router_neighbours import until

from entryway.testing.authority import TestAuthority
from entryway.testing.issuer import new_key
from entryway.testing.upstream import recording_upstream

OTHER = "88888888-2222-4333-8444-555555555555"


@pytest.fixture
async def identity(world):
    async with running_identity_server(world.clock) as server:
        server.tenants = {f"?id={TENANT}": {"subdomain": "own"}, f"?id={OTHER}": {"subdomain": "other"}}
        server.sid = "S-1"
        yield server


def bound(identity, **more):
    return {
        "VCAP_SERVICES": {
            "identity": [{"name": "ids", "label": "identity", "credentials": identity.credentials(**more)}]
        }
    }


async def alone(world, identity, *routes, **binding):
    """A router with the identity service alone, and the platform's directory of tenants."""
    return await world.start(*routes, bound=False, env=bound(identity, **({"btp-tenant-api": identity.url} | binding)))


def bearer(token):
    return {"x_approuter_authorization": f"Bearer {token}"}


def sent(world, name):
    return world.backend.requests[-1].headers.text(name)


def kind(world):
    part = sent(world, "authorization").removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kind"]


async def test_a_token_takes_the_place_of_a_session_and_its_tenant_goes_along(world, identity):
    browser, token = await alone(world, identity), identity.token("access")

    found = await browser.request("POST", "/private/x", **bearer(token))

    assert (found.status_code, found.headers.get("set-cookie")) == (200, None)
    assert (sent(world, "authorization"), sent(world, "tenantid")) == (f"Bearer {token}", "own")
    assert len(world.app.sessions) == 0
    assert world.log_lines()[-1]["user"] == USER


async def test_the_tenants_subdomain_is_asked_for_at_start_and_once(world, identity):
    browser = await alone(world, identity)
    world.app.start(load_tokens=True)
    await until(lambda: identity.asked("/sap/rest/tenantLoginInfo/"))

    for _ in range(2):
        await browser.get("/private/x", **bearer(identity.token("access")))

    (asked,) = identity.asked("/sap/rest/tenantLoginInfo/")
    assert "header:authorization" not in asked
    assert [target for target, _ in identity.requests if "tenant" in target] == [
        f"/sap/rest/tenantLoginInfo/?id={TENANT}"
    ]


async def test_tokens_of_other_tenants_count_if_the_platform_knows_them(world, identity):
    browser = await alone(world, identity)
    identity.claims = {"app_tid": OTHER}
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 200
    assert sent(world, "tenantid") == "other"

    identity.claims = {"app_tid": "made-up"}
    refused = await browser.get("/private/x", **bearer(identity.token("access")))
    assert (refused.status_code, refused.headers["entryway-error"]) == (401, "service_authorization_refused")


async def test_without_the_directory_the_bindings_tenant_counts_alone(world, identity):
    browser = await alone(world, identity, **{"btp-tenant-api": None})
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 200
    assert sent(world, "tenantid") is None

    identity.claims = {"app_tid": OTHER}
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 401


async def test_a_directory_that_does_not_answer_is_a_502_and_asked_again(world, identity):
    browser = await alone(world, identity)
    identity.tenants_failure = 500
    failed = await browser.get("/private/x", **bearer(identity.token("access")))
    assert (failed.status_code, failed.headers["entryway-error"]) == (502, "tenant_lookup_failed")
    identity.tenants_failure = None
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 502
    world.clock.now += 2
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 200
    assert len(identity.asked("/sap/rest/tenantLoginInfo/")) == 2


async def test_a_token_that_names_no_tenant_is_of_the_bindings(world, identity):
    browser = await alone(world, identity)
    identity.claims = {"app_tid": None}
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 200
    assert sent(world, "tenantid") == "own"


async def test_keys_of_another_tenant_are_those_of_its_own_issuer(world, identity):
    browser = await alone(world, identity)
    async with running_identity_server(world.clock) as theirs:
        host = urlsplit(theirs.url)
        assert host.hostname == "127.0.0.1"
        theirs.claims = {"app_tid": OTHER}
        # Not one of our domains: neither its keys nor anything else of it is asked for.
        assert (await browser.get("/private/x", **bearer(theirs.token("access")))).status_code == 401
        assert theirs.requests == []
        # A neighbour's service may sign for the tenant that the directory says to be its own, and for no other.
        near = {"domain": host.netloc, "domains": None}
        trusting = await alone(world, identity, **near)
        assert (await trusting.get("/private/x", **bearer(theirs.token("access")))).status_code == 401
        assert theirs.asked("/oauth2/certs")[0]["header:x-app_tid"] == OTHER
        credentials = {"btp-tenant-api": identity.url} | near
        several = bound(identity, **credentials) | {"TENANT_HOST_PATTERN": "^(.*)[.]app[.]local"}
        browser = await world.start(bound=False, env=several)
        here = {"host": "other.app.local"}
        identity.tenants["other"] = {"tenantId": OTHER}
        assert (await browser.get("/private/x", **bearer(theirs.token("access")), **here)).status_code == 401
        world.clock.now += 901
        identity.tenants["other"] = {"tenantId": OTHER, "url": theirs.url}
        assert (await browser.get("/private/x", **bearer(theirs.token("access")), **here)).status_code == 200
    assert sent(world, "tenantid") == "other"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 100},
        {"exp": None},
        {"aud": "other", "azp": "other"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"ias_iss": "https://evil.example"},
        {"iss": "https://x.y.accounts.example"},
    ],
)
async def test_tokens_that_are_not_to_be_believed(world, identity, claims):
    browser = await alone(world, identity)
    identity.claims = claims

    for path in ("/private/x", "/public/x"):
        refused = await browser.get(path, **bearer(identity.token("access")))
        assert (refused.status_code, refused.headers["entryway-error"]) == (401, "service_authorization_refused")
    assert world.backend.requests == []
    assert identity.requests == []  # nobody is asked because of them


async def test_a_token_signed_by_somebody_else_is_refused(world, identity):
    browser, forger = await alone(world, identity), new_key(identity.key.kid)
    key, identity.key = identity.key, forger
    token, identity.key = identity.token("access"), key

    assert (await browser.get("/private/x", **bearer(token))).status_code == 401
    assert identity.asked("/sap/rest/tenantLoginInfo/") == []  # nor is the directory, because of a forged one


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer garbage", 400), ("garbage", 400), ("Bearer eyJhbGciOiJub25lIn0.e30.e30", 401), ("Basic YTpi", 401)],
)
async def test_what_is_no_token_is_refused(world, identity, header, status):
    refused = await (await alone(world, identity)).get("/private/x", x_approuter_authorization=header)
    assert refused.status_code == status


async def test_without_keys_nobody_is_believed(world, identity):
    browser = await alone(world, identity)
    identity.keys_failure = 500
    assert (await browser.get("/private/x", **bearer(identity.token("access")))).status_code == 503


async def test_beside_an_authorization_server_its_scopes_count(world, identity):
    routes = [
        {"source": f"^/{name}", "destination": "b", "scope": f"$XSAPPNAME.{name}"} for name in ("viewer", "admin")
    ]
    browser = await world.start(*routes, services={"identity": identity.credentials()})
    world.clock.now = int(world.clock.now)
    token = bearer(identity.token("access"))

    assert [(await browser.get(f"/{name}", **token)).status_code for name in ("viewer", "admin")] == [200, 403]
    (exchange,) = world.uaa.grants("jwt-bearer")
    assert exchange["header:x-zid"] == TENANT
    assert kind(world) == "access"


# ---- a token to be exchanged


@pytest.fixture
async def certified(world, identity, tmp_path):
    """A router bound by a certificate, and the identity service's server that sees it."""
    authority = TestAuthority.create(tmp_path / "ca")
    context = authority.server_context()
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    server = await world.stack.enter_async_context(recording_upstream(identity.handle, ssl=context))
    identity.url = server.url
    files = authority.issue_client("router")
    own = {"clientsecret": None, "certificate": files.certificate.read_text(), "key": files.key.read_text()}
    variables = bound(identity, **own) | {"NODE_EXTRA_CA_CERTS": str(authority.ca_file)}
    browser = await world.start(bound=False, env=variables)
    return browser, server, ssl.PEM_cert_to_DER_cert(own["certificate"])


async def test_a_token_of_another_application_is_exchanged_once_with_the_certificate(world, identity, certified):
    browser, server, certificate = certified
    token, identity.hold = identity.token("foreign"), asyncio.Event()

    calls = [asyncio.create_task(browser.get("/private/x", x_approuter_access_token=token)) for _ in range(3)]
    await until(lambda: identity.asked("/oauth2/token"))
    identity.hold.set()

    assert {found.status_code for found in await asyncio.gather(*calls)} == {200}
    assert (await browser.get("/private/x", x_approuter_access_token=token)).status_code == 200
    (form,) = identity.asked("/oauth2/token")
    asked = {name: value for name, value in form.items() if not name.startswith("header:")}
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert asked == {"grant_type": grant, "client_id": CLIENT, "app_tid": TENANT, "assertion": token}
    assert "header:authorization" not in form
    assert {request.certificate for request in server.requests if request.target == "/oauth2/token"} == {certificate}
    assert (kind(world), sent(world, "x-approuter-access-token")) == ("id", None)


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"jti": None}, 400), ({"exp": 100}, 401), ({"iss": "https://evil.example"}, 401), ({"app_tid": OTHER}, 401)],
)
async def test_nothing_is_exchanged_that_cannot_be_good(world, identity, certified, claims, status):
    identity.claims = claims
    refused = await certified[0].get("/private/x", x_approuter_access_token=identity.token("foreign"))
    assert refused.status_code == status
    assert identity.asked("/oauth2/token") == world.backend.requests == []


async def test_what_is_no_token_is_not_exchanged(certified):
    assert (await certified[0].get("/private/x", x_approuter_access_token="abc")).status_code == 400


async def test_a_forged_token_is_not_exchanged(identity, certified):
    key, identity.key = identity.key, new_key(identity.key.kid)
    token, identity.key = identity.token("foreign"), key
    assert (await certified[0].get("/private/x", x_approuter_access_token=token)).status_code == 401
    assert identity.asked("/oauth2/token") == []


@pytest.mark.parametrize(("failure", "status"), [((401, {"error": "x"}), 401), ((500, {}), 502)])
async def test_a_refused_exchange_and_a_broken_service_are_told_apart(identity, certified, failure, status):
    identity.token_failure["urn:ietf:params:oauth:grant-type:jwt-bearer"] = failure
    assert (await certified[0].get("/private/x", x_approuter_access_token=identity.token("a"))).status_code == status


async def test_the_two_headers_exclude_one_another(identity, certified):
    token = identity.token("access")
    refused = await certified[0].get("/private/x", x_approuter_access_token=token, **bearer(token))
    assert (refused.status_code, refused.headers["entryway-error"]) == (400, "service_authorization_malformed")


async def test_a_binding_with_a_secret_exchanges_nothing(world, identity):
    browser = await alone(world, identity)
    assert (await browser.get("/private/x", x_approuter_access_token=identity.token("a"))).status_code == 401


@pytest.mark.parametrize("path", ["/public/x", "/private/x"])
async def test_without_an_identity_service_the_token_counts_for_nothing(world, path):
    browser = await world.start()
    refused = await browser.get(path, x_approuter_access_token="abc")
    assert (refused.status_code, refused.headers["entryway-error"]) == (401, "service_authorization_refused")
    assert world.backend.requests == []
