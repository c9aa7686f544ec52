"""Which sites may frame the application."""

import pytest

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
