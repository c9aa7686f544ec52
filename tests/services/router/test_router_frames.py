"""Which sites may frame the application."""

import pytest
from router_identity import FRAMES, TENANT, running_identity_server

from entryway.http import Headers, Response
from entryway.router.frame_ancestors import frame_policy
from entryway.testing.upstream import recording_upstream

ON = {"ENABLE_FRAME_ANCESTORS_CSP_HEADERS": "true"}


@pytest.fixture
async def settings(world):
    async with recording_upstream() as upstream:
        yield upstream


async def started(world, settings):
    return await world.start(env=ON, services={"uaa": world.uaa.credentials(apiurl=settings.url)})


def says(status: int, body: bytes):
    async def handler(_request):
        return Response(status, Headers([(b"content-type", b"application/json")]), body)

    return handler


async def test_trusted_domains_become_a_policy_and_are_asked_for_once(world, settings):
    settings.handler = says(200, b'{"iframeDomains": "https://a.example https://*.b.example"}')
    browser = await started(world, settings)
    for _ in range(3):
        answer = await browser.get("/public/x")
        assert answer.headers["content-security-policy"] == "frame-ancestors https://a.example https://*.b.example;"
    assert [asked.target for asked in settings.requests] == [
        "/sap/rest/authorization/v2/securitySettings/public?subdomain=acme"
    ]
    world.clock.now += 301
    await browser.get("/public/x")
    assert len(settings.requests) == 2


async def test_a_policy_of_the_backend_stays(world, settings):
    settings.handler = says(200, b'{"iframeDomains": "https://a.example"}')
    browser = await started(world, settings)

    async def own(_request):
        return Response(200, Headers([(b"content-security-policy", b"img-src x")]))

    world.backend.handler = own
    assert (await browser.get("/public/x")).headers["content-security-policy"] == "img-src x"


@pytest.mark.parametrize("status", [404, 500])
async def test_a_failing_service_fails_no_request(world, settings, status):
    settings.handler = says(status, b"{}")
    browser = await started(world, settings)
    answer = await browser.get("/public/x")
    assert (answer.status_code, answer.headers["x-frame-options"]) == (200, "SAMEORIGIN")
    assert "content-security-policy" not in answer.headers
    await browser.get("/public/x")
    assert len(settings.requests) == 1


@pytest.mark.parametrize("domains", [None, "", " ", 5, "x; script-src *", "a\r\nb: c", "ä"])
def test_what_is_no_list_of_domains_is_no_policy(domains):
    assert frame_policy(domains) is None


async def test_each_tenant_has_a_policy_of_its_own(world, settings):
    async def of_tenant(request):
        tenant = request.target.partition("subdomain=")[2]
        content = b'{"iframeDomains": "https://%s.example"}' % tenant.encode()
        return Response(200, Headers([(b"content-type", b"application/json")]), content)

    settings.handler = of_tenant
    uaa = world.uaa.credentials(apiurl=settings.url)
    browser = await world.start(env=ON | {"TENANT_HOST_PATTERN": "^(.*)[.]app[.]local"}, services={"uaa": uaa})
    for _ in range(2):
        for host, tenant in (("t1.app.local", "t1"), ("t2.app.local", "t2"), ("elsewhere.local", "acme")):
            answer = await browser.get("/public/x", host=host)
            assert answer.headers["content-security-policy"] == f"frame-ancestors https://{tenant}.example;"
    assert len(settings.requests) == 3


async def test_made_up_hosts_are_not_asked_about_for_ever(world, settings):
    settings.handler = says(200, b'{"iframeDomains": "https://a.example"}')
    uaa = world.uaa.credentials(apiurl=settings.url)
    browser = await world.start(env=ON | {"TENANT_HOST_PATTERN": "^(.*)[.]app[.]local"}, services={"uaa": uaa})
    for number in range(60):
        assert (await browser.get("/public/x", host=f"t{number}.app.local")).status_code == 200
    assert len(settings.requests) == 50


@pytest.mark.parametrize("pattern", ["", "^(.*)[.]app[.]local"])
async def test_with_the_identity_service_alone_the_platform_is_asked(world, pattern):
    async with running_identity_server(world.clock) as identity:
        identity.tenants = {f"?id={TENANT}": {"subdomain": "own"}, "own": {"tenantId": TENANT}}
        credentials = identity.credentials(**{"btp-tenant-api": identity.url})
        services = {"identity": [{"name": "ids", "label": "identity", "credentials": credentials}]}
        env = ON | {"VCAP_SERVICES": services, "TENANT_HOST_PATTERN": pattern}
        browser = await world.start(bound=False, env=env)
        for _ in range(2):
            answer = await browser.get("/public/x", host="own.app.local")
            assert answer.headers["content-security-policy"] == "frame-ancestors https://own.example;"
        assert len(identity.asked(FRAMES)) == 1
        identity.tenants_failure = 500
        world.clock.now += 2000
        assert (await browser.get("/public/x", host="own.app.local")).status_code == 200


@pytest.mark.parametrize(("sent", "there"), [("true", "SAMEORIGIN"), ("false", None)])
async def test_an_application_that_may_be_framed_shows_its_errors_in_the_frame(world, sent, there):
    browser = await world.start(env={"SEND_XFRAMEOPTIONS": sent})
    answer = await browser.page("/nowhere")
    assert answer.headers.get("x-frame-options") == there
    assert "frame-ancestors" not in answer.headers["content-security-policy"]
