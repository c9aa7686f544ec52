"""The callbacks of a SaaS registry: who may call them, and what they answer."""

import json
import time

import pytest

from entryway.config.mistakes import ConfigurationMistakes
from entryway.testing.issuer import new_key, running_issuer

DEPENDENCIES = "/callback/v1.0/dependencies"
TENANT = "/callback/v1.0/tenants/7c0f"
URLS = {
    "getDependencies": f"https://acme.app.local{DEPENDENCIES}",
    "onSubscription": "https://acme.app.local/callback/v1.0/tenants/{tenantId}",
}
JSON = {"content_type": "application/json"}
HOST = {"host": "acme.app.local"}


@pytest.fixture
def issuer(tmp_path):
    with running_issuer(tmp_path / "issuer") as issuer:
        yield issuer


@pytest.fixture
async def start(world, issuer):
    async def started(**more):
        world.clock.now = time.time()
        uaa = issuer.credentials("shop!t1", tenantmode="shared", identityzone="acme")
        country = {
            "sap.cloud.service": "country",
            "saasregistryenabled": True,
            "xsappname": "country-clone",
            "url": "http://127.0.0.1:1",
            "uaa": uaa,
        }
        destination = uaa | {"xsappname": "destination-clone", "uri": "http://127.0.0.1:1"}
        services = {
            "uaa": uaa,
            "saas-registry": {"appUrls": json.dumps(URLS)},
            "country": country,
            "other": country | {"sap.cloud.service": "other", "saasregistryenabled": False},
            "destination": destination,
        }
        env = {"TENANT_HOST_PATTERN": "^(.*)\\.app\\.local", "NODE_EXTRA_CA_CERTS": str(issuer.ca_file)}
        destinations = {"destinations": [{"name": "b", "url": world.backend.url}]}
        return await world.start(services=services | more, env=env | destinations)

    return started


def registry(issuer, *scopes, **claims):
    token = issuer.client_token("sb-saas-registry!b1", scopes=scopes or ("shop!t1.Callback",), **claims)
    return {"authorization": f"Bearer {token}"} | HOST


@pytest.mark.parametrize("scope", ["shop!t1.Callback", "shop!t1.mtcallback"])
async def test_the_registry_learns_on_what_tenants_depend(start, issuer, scope):
    browser = await start()

    found = await browser.get(f"{DEPENDENCIES}?tenantId=x", **registry(issuer, scope))

    assert (found.status_code, found.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert found.json() == [
        {"xsappname": "country-clone"},
        {"appId": "destination-clone", "appName": "destination"},
    ]


@pytest.mark.parametrize(
    ("query", "headers", "address"),
    [
        ("", {}, "http://sub1.app.local"),
        ("", {"x_forwarded_proto": "https"}, "https://sub1.app.local"),
        ("", {"x_forwarded_host": "acme.app.local:8443"}, "http://sub1.app.local:8443"),
        ("?application.url=https://acme.shop.example", {}, "https://sub1.shop.example"),
        ("?application.url=https://acme-shop.example:444", {}, "https://sub1-shop.example:444"),
        ("?application.url=https://acme.shop.example/cp.portal?a=b", {}, "https://sub1.shop.example/cp.portal?a=b"),
    ],
)
async def test_a_new_tenant_gets_an_address(start, issuer, query, headers, address):
    browser = await start()
    who = registry(issuer) | JSON | headers

    found = await browser.request("PUT", TENANT + query, '{"subscribedSubdomain": "sub1"}', **who)

    assert (found.status_code, found.text) == (200, address)


async def test_a_tenant_leaves(start, issuer):
    found = await (await start()).request("DELETE", TENANT, "{}", **registry(issuer), **JSON)

    assert (found.status_code, found.content) == (200, b"")


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (TENANT, b"{}"),
        (TENANT, b"[]"),
        (TENANT, b"not json"),
        (TENANT, b"\xff"),
        (TENANT, b'{"subscribedSubdomain": 7}'),
        (TENANT, b'{"subscribedSubdomain": "evil.example/"}'),
        (TENANT, b'{"subscribedSubdomain": "a.b"}'),
        (f"{TENANT}?application.url=javascript:alert(1)", b'{"subscribedSubdomain": "sub1"}'),
        (f"{TENANT}?application.url=https://elsewhere.example", b'{"subscribedSubdomain": "sub1"}'),
        (f"{TENANT}?application.url=https://a@acme.shop.example", b'{"subscribedSubdomain": "sub1"}'),
    ],
)
async def test_what_cannot_be_a_tenant_is_refused(start, issuer, target, body):
    found = await (await start()).request("PUT", target, body, **registry(issuer), **JSON)

    assert (found.status_code, found.headers["entryway-error"]) == (400, "callback_refused")


@pytest.mark.parametrize(("method", "path"), [("GET", DEPENDENCIES), ("PUT", TENANT), ("DELETE", TENANT)])
async def test_nobody_else_may_call(start, issuer, method, path):
    browser = await start()
    foreign = issuer.sign({"cid": "x", "zid": issuer.zone, "exp": time.time() + 60}, key=new_key(issuer.keys[0].kid))
    refused = {
        401: [
            {},
            {"authorization": "Basic eDp5"},
            {"authorization": "Bearer garbage"},
            {"authorization": f"Bearer {foreign}"},
            registry(issuer, lifetime=-10),
            registry(issuer, "other!t2.Callback"),
        ],
        403: [registry(issuer, "shop!t1.viewer")],
    }

    for status, callers in refused.items():
        for caller in callers:
            answered = await browser.request(method, path, '{"subscribedSubdomain": "s"}', **(HOST | caller))
            assert answered.status_code == status, caller


@pytest.mark.parametrize(("method", "path"), [("POST", DEPENDENCIES), ("GET", TENANT), ("POST", TENANT)])
async def test_other_methods_are_not_supported(start, issuer, method, path):
    assert (await (await start()).request(method, path, **registry(issuer))).status_code == 405


async def test_without_keys_nobody_is_believed(start, issuer):
    issuer.failing = 500

    assert (await (await start()).get(DEPENDENCIES, **registry(issuer))).status_code == 503


@pytest.mark.parametrize("urls", ["not json", "7", '{"getDependencies": "/only/a/path"}', '{"onSubscription": 7}'])
async def test_a_registry_that_says_no_addresses_stops_the_start(start, urls):
    with pytest.raises(ConfigurationMistakes, match="appUrls"):
        await start(**{"saas-registry": {"appUrls": urls}})


async def test_what_the_registry_gets_is_shown_in_no_frame(start, issuer):
    browser = await start()

    answered = await browser.get(DEPENDENCIES, **registry(issuer))
    refused = await browser.get(DEPENDENCIES, **HOST)

    assert (answered.status_code, refused.status_code) == (200, 401)
    assert "x-frame-options" not in answered.headers
    assert "x-frame-options" not in refused.headers
    assert (await browser.get("/nothing", **HOST)).headers["x-frame-options"] == "SAMEORIGIN"
