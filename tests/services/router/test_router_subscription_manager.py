"""The callbacks of a subscription manager, which proves itself by the certificate that the front end saw."""

import json
import time
from urllib.parse import quote

import pytest
from cryptography import x509
from router_identity import running_identity_server

from entryway.testing.authority import TestAuthority

TENANT = "/v1.0/callback/tenants/7c0f"
DEPENDENCIES = f"{TENANT}/dependencies"
HOST = {"host": "acme.app.local"}
HEADER = "x-forwarded-client-cert"
CAME = json.dumps({"subscriber": {"app_tid": "7c0f", "subaccountSubdomain": "sub1"}})


@pytest.fixture
def authority(tmp_path):
    return TestAuthority.create(tmp_path / "authority")


@pytest.fixture
def names(authority):
    issuer = authority.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    return {
        "callback_certificate_subject": json.dumps({"CN": "manager", "L": "*"}),
        "callback_certificate_issuer": {"CN": [issuer]},
    }


@pytest.fixture
async def start(world, names):
    async def started(env=None, **binding):
        world.clock.now = time.time()
        services = {
            "subscription-manager": names | binding,
            "destination": world.uaa.credentials() | {"xsappname": "destination-clone", "uri": "http://127.0.0.1:1"},
        }
        return await world.start(services=services, env={"TENANT_HOST_PATTERN": "^(.*)\\.app\\.local"} | (env or {}))

    return started


def shown(authority, name="manager", header=HEADER):
    return HOST | {header: quote(authority.issue_client(name).certificate.read_text())}


async def test_the_manager_learns_on_what_tenants_depend(start, authority):
    found = await (await start()).get(DEPENDENCIES, **shown(authority))

    assert (found.status_code, found.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert found.json() == [{"appId": "destination-clone", "appName": "destination"}]
    assert "x-frame-options" not in found.headers


async def test_a_tenant_comes_and_leaves(start, authority):
    browser, who = await start(), shown(authority)

    came = await browser.request("PUT", TENANT, CAME, **who)
    left = await browser.request("DELETE", TENANT, CAME, **who)

    assert (came.status_code, came.json()) == (200, {"applicationUrl": "http://sub1.app.local"})
    assert (left.status_code, left.content) == (200, b"")
    assert (await browser.request("POST", TENANT, CAME, **who)).status_code == 405


@pytest.mark.parametrize("directory", ["http://127.0.0.1:1", None])
async def test_users_may_come_from_an_identity_service_alone(world, authority, names, directory):
    async with running_identity_server(world.clock) as identity:
        world.clock.now = time.time()
        credentials = identity.credentials(**{"btp-tenant-api": directory})
        bound = {
            "identity": [{"name": "ids", "label": "identity", "credentials": credentials}],
            "subscription-manager": [{"name": "m", "label": "subscription-manager", "credentials": names}],
        }
        env = {"VCAP_SERVICES": bound, "TENANT_HOST_PATTERN": "^(.*)\\.app\\.local"}
        browser = await world.start(bound=False, env=env)
        # The directory of tenants is asked about users, not about the manager.
        asked = await browser.get(DEPENDENCIES, **(shown(authority) | {"host": "elsewhere.example"}))
        came = await browser.request("PUT", TENANT, CAME, **shown(authority))
        assert (asked.status_code, asked.json()) == (200, [])
        assert came.json() == {"applicationUrl": "http://sub1.app.local"}


async def test_addresses_are_those_of_the_binding(start, authority):
    urls = {"subscriptionCallbacks": {"url": "https://a.app.local/on/{app_tid}"}, "dependenciesCallbacks": {"url": ""}}
    browser = await start(app_urls=json.dumps(urls))

    assert (await browser.request("PUT", "/on/7", CAME, **shown(authority))).status_code == 200
    assert (await browser.get(DEPENDENCIES, **shown(authority))).status_code == 200
    assert (await browser.request("PUT", TENANT, CAME, **shown(authority))).status_code == 404


async def test_the_header_may_have_another_name(start, authority, world):
    env = {"CLIENT_CERTIFICATE_HEADER_NAME": "SSL-Client-Cert", "TRUSTED_PROXIES": "127.0.0.1"}
    browser = await start(env)

    assert (await browser.get(DEPENDENCIES, **shown(authority, header="ssl-client-cert"))).status_code == 200
    assert (await browser.get(DEPENDENCIES, **shown(authority))).status_code == 401


async def test_nobody_else_may_call(start, authority):
    browser = await start()
    two = [("host", HOST["host"]), *[(HEADER, shown(authority)[HEADER])] * 2]
    own = shown(authority)[HEADER]
    refused = {
        401: [{}, {HEADER: "garbage"}, {HEADER: ""}, {HEADER: f"{own},{own}"}, {"authorization": "Bearer x"}],
        403: [shown(authority, "manager2")],
    }

    for status, callers in refused.items():
        for caller in callers:
            for method, path in (("GET", DEPENDENCIES), ("PUT", TENANT), ("DELETE", TENANT)):
                answered = await browser.request(method, path, CAME, **(HOST | caller))
                assert answered.status_code == status, caller
    assert (await browser.http.get(browser.origin + DEPENDENCIES, headers=two)).status_code == 401


@pytest.mark.parametrize("issuer", [{"CN": "another"}, {"CN": "*", "O": "a company"}])
async def test_another_authority_does_not_speak_for_the_manager(start, authority, issuer):
    answered = await (await start(callback_certificate_issuer=issuer)).get(DEPENDENCIES, **shown(authority))

    assert (answered.status_code, answered.headers["entryway-error"]) == (403, "caller_certificate_refused")


async def test_an_expired_certificate_proves_nothing(start, authority, world):
    browser, who = await start(), shown(authority)
    world.clock.now += 2 * 86_400

    assert (await browser.get(DEPENDENCIES, **who)).headers["entryway-error"] == "caller_certificate_missing"


async def test_a_header_counts_from_proxies_alone_and_goes_no_further(start, authority, world):
    browser = await start({"TRUSTED_PROXIES": "", "CLIENT_CERTIFICATE_HEADER_NAME": "x-cert"})

    assert (await browser.get(DEPENDENCIES, **shown(authority, header="x-cert"))).status_code == 401
    await browser.get("/public/x", x_cert="forged", x_forwarded_client_cert="forged")
    assert {"x-cert", HEADER}.isdisjoint(name.decode() for name, _ in world.backend.requests[-1].headers.raw)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"subscriber": 7}', b'{"subscriber": {"subaccountSubdomain": "a.b"}}']
)
async def test_what_names_no_tenant_is_refused(start, authority, body):
    answered = await (await start()).request("PUT", TENANT, body, **shown(authority))

    assert (answered.status_code, answered.headers["entryway-error"]) == (400, "callback_refused")


async def test_a_manager_that_does_not_say_who_it_is_is_not_answered(start, authority):
    browser = await start(callback_certificate_issuer=None)

    assert (await browser.request("PUT", TENANT, CAME, **shown(authority))).status_code == 404
