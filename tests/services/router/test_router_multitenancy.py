"""Several tenants: each has its own host and authorization server, and no session counts at another's."""

from urllib.parse import urlsplit

import pytest
from router_neighbours import PAGE, names_of_localhost, running_destinations

from entryway.config.mistakes import ConfigurationMistakes

PATTERN = "^(.*)\\.app\\.local(:\\d+)?$"


@pytest.fixture(autouse=True)
def _names_of_localhost(monkeypatch):
    names_of_localhost(monkeypatch)


def shared(world, **more):
    port = urlsplit(world.uaa.url).port
    return world.uaa.credentials(
        tenantmode="shared", uaadomain=f"localhost:{port}", url=f"http://acme.localhost:{port}", **more
    )


@pytest.fixture
async def start(world):
    async def started(*routes, services=None, **env):
        destinations = {"destinations": [{"name": "b", "url": world.backend.url, "forwardAuthToken": True}]}
        return await world.start(
            *routes,
            services={"uaa": shared(world)} | (services or {}),
            env=destinations | {"TENANT_HOST_PATTERN": PATTERN} | env,
        )

    return started


async def log_in(world, browser, tenant, zdn=None):
    host = f"{tenant}.app.local"
    world.uaa.claims = {"zid": f"zone-of-{tenant}", "ext_attr": {"zdn": zdn or tenant}}
    agreed = await browser.http.get(await browser.begin_login("/private/x", host=host))
    back = urlsplit(agreed.headers["location"])
    assert back.netloc == host
    return await browser.request("GET", f"{back.path}?{back.query}", **(PAGE | {"host": host}))


@pytest.mark.parametrize(
    ("headers", "server"),
    [
        ({"host": "t1.app.local"}, "t1.localhost"),
        ({"host": "t1.app.local", "x_forwarded_host": "t2.app.local"}, "t2.localhost"),
        ({"host": "t1.app.local", "x_custom_host": "t3.app.local"}, "t1.localhost"),
        ({"host": "elsewhere.example"}, "localhost"),
    ],
)
async def test_the_host_says_where_users_log_in(start, headers, server):
    browser = await start()

    url = await browser.begin_login("/private/x", **headers)

    assert urlsplit(url).hostname == server


async def test_a_proxy_may_say_the_tenants_host_in_a_header_of_its_own(start, world):
    browser = await start(EXTERNAL_REVERSE_PROXY="true")
    hosts = {"host": "t1.app.local", "x_forwarded_host": "t2.app.local", "x_custom_host": "t3.app.local"}

    url = urlsplit(await browser.begin_login("/private/x", **hosts))
    await browser.get("/public/x", **hosts)

    assert url.hostname == "t3.localhost"
    assert "t2.app.local" in url.query
    assert world.backend.requests[-1].headers.text("tenantid") == "acme!t3"


async def test_a_host_header_of_somebody_else_is_not_the_tenants(start, world):
    browser = await start(TRUSTED_PROXIES="", EXTERNAL_REVERSE_PROXY="true")

    await browser.get("/public/x", host="t1.app.local", x_custom_host="t3.app.local", tenantid="forged")

    assert world.backend.requests[-1].headers.all(b"tenantid") == [b"acme!t1"]


async def test_a_user_logs_in_at_the_tenant_and_backends_learn_of_it(start, world):
    browser = await start()

    assert (await log_in(world, browser, "t1")).status_code == 302
    assert (await browser.get("/private/x", host="t1.app.local")).status_code == 200

    (redeemed,) = world.uaa.grants("authorization_code")
    assert redeemed["header:host"].startswith("t1.localhost:")
    assert world.backend.requests[-1].headers.text("tenantid") == "acme!t1"


@pytest.mark.parametrize("host", ["t2.app.local", "acme.app.local", "elsewhere.example"])
@pytest.mark.parametrize("path", ["/private/x", "/public/x"])
async def test_a_session_counts_at_its_own_tenant_only(start, world, host, path):
    browser = await start()
    await log_in(world, browser, "t1")

    refused = await browser.get(path, host=host)

    assert (refused.status_code, refused.headers["entryway-error"]) == (403, "tenant_mismatch")
    assert world.backend.requests == []


async def test_a_token_of_another_tenant_is_good_for_nothing(start, world):
    browser = await start()

    assert (await log_in(world, browser, "t1", zdn="t2")).status_code == 302

    assert (await browser.get("/private/x", host="t1.app.local")).status_code == 403


async def test_logout_and_refresh_are_the_tenants(start, world):
    world.uaa.expires_in = 600
    browser = await start()
    await log_in(world, browser, "t1")
    world.clock.now += 590
    world.uaa.token_failure.clear()

    assert (await browser.get("/private/x", host="t1.app.local")).status_code == 200
    left = await browser.get("/do/logout", host="t1.app.local")

    (refreshed,) = world.uaa.grants("refresh_token")
    assert refreshed["header:host"].startswith("t1.localhost:")
    assert urlsplit(left.headers["location"]).hostname == "t1.localhost"


async def test_destinations_are_asked_with_the_tenants_tokens_and_kept_apart(start, world):
    service = await world.stack.enter_async_context(running_destinations(world.uaa))
    service.define("plain", world.backend.url)
    credentials = shared(world, clientid="dest-client", clientsecret="dest-secret", uri=service.url)
    browser = await start(
        {"source": "^/public/", "destination": "plain", "authenticationType": "none"},
        {"source": "^/private/", "destination": "plain"},
        services={"destination": credentials},
    )

    for tenant in ("t1", "t2", "t1"):
        await browser.get("/public/x", host=f"{tenant}.app.local")
    asked = [form["header:host"].partition(":")[0] for form in world.uaa.grants("client_credentials")]
    assert asked == ["t1.localhost", "t2.localhost"]
    assert len(service.requests) == 2

    await log_in(world, browser, "t1")
    await browser.get("/private/x", host="t1.app.local")
    (exchanged,) = world.uaa.grants("jwt-bearer")
    assert exchanged["header:host"].startswith("t1.localhost:")


async def test_a_provider_keeps_destinations_for_all_its_tenants(start, world):
    service = await world.stack.enter_async_context(running_destinations(world.uaa))
    service.define("plain", world.backend.url)
    credentials = shared(world, clientid="dest-client", clientsecret="dest-secret", uri=service.url)
    browser = await start(
        {"source": "^/public/", "destination": "plain", "authenticationType": "none", "preferLocal": True},
        {"source": "^/private/", "destination": "plain", "preferLocal": True},
        {"source": "^/own/", "destination": "plain"},
        services={"destination": credentials},
    )

    for tenant in ("t1", "t2"):
        assert (await browser.get("/public/x", host=f"{tenant}.app.local")).status_code == 200
    (asked,) = world.uaa.grants("client_credentials")
    assert asked["header:host"].startswith("acme.localhost:")
    assert service.users == [""]

    await log_in(world, browser, "t1")
    assert (await browser.get("/private/x", host="t1.app.local")).status_code == 200
    assert world.uaa.grants("jwt-bearer") == []
    assert service.users[1].count(".") == 2
    assert service.requests[1] == service.requests[0]

    assert (await browser.get("/own/x", host="t1.app.local")).status_code == 200
    (exchanged,) = world.uaa.grants("jwt-bearer")
    assert exchanged["header:host"].startswith("t1.localhost:")
    assert service.users[2] == ""


async def test_several_tenants_need_the_pattern(world):
    with pytest.raises(ConfigurationMistakes, match="UAA tenant mode is shared, but environment variable"):
        await world.start(services={"uaa": shared(world)})
