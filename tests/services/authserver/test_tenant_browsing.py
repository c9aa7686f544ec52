"""Frames, cookies and where a login without an application leads, as a tenant's settings say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from admin_client import Administrator, administrator
from product_descriptor import products

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer, code_in, running_authserver

DOMAINS = "app.example.com *.Acme.example:8443"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("framed")) as running:
        running.user("erin", "correct horse", [])
        yield running


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture(scope="module")
def app(server: RunningAuthServer) -> BoundApplication:
    return server.deploy(products("framed"))


@pytest.fixture
def settings(admin: Administrator) -> Iterator[Any]:
    def change(**body: Any) -> dict[str, Any]:
        told: dict[str, Any] = admin.done("PATCH", "/securitySettings", body)
        return told

    yield change
    change(iframeDomains="", partitionedCookies=False, homeRedirect="", logoutWhitelist=[], corsAllowedOrigins=[])


def cookies_of(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("set-cookie")


def test_nobody_may_show_a_page_until_somebody_is_trusted(
    browser: Browser, app: BoundApplication, settings: Any
) -> None:
    answer = browser.authorize(app)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert all("SameSite=lax" in cookie for cookie in cookies_of(answer))

    assert settings(iframeDomains=DOMAINS)["iframeDomains"] == DOMAINS.lower()

    answer = browser.authorize(app)
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors https://app.example.com https://*.acme.example:8443" in policy
    assert "'none'" not in policy.partition("frame-ancestors")[2]
    assert "x-frame-options" not in answer.headers
    assert cookies_of(answer)
    assert all("SameSite=None" in cookie and "Secure" in cookie for cookie in cookies_of(answer))
    assert not any("Partitioned" in cookie for cookie in cookies_of(answer))


def test_a_login_works_in_a_frame_with_partitioned_cookies(
    browser: Browser, app: BoundApplication, settings: Any
) -> None:
    settings(iframeDomains="app.example.com", partitionedCookies=True)

    answer = browser.submit(browser.authorize(app), "erin", "correct horse")

    assert code_in(answer)
    assert cookies_of(answer)
    assert all("SameSite=None" in cookie and cookie.endswith("; Partitioned") for cookie in cookies_of(answer))
    assert browser.http.get("/logout.do").headers.get_list("set-cookie")[0].endswith("; Partitioned")


def test_programs_and_other_tenants_see_nothing_of_it(server: RunningAuthServer, settings: Any) -> None:
    settings(iframeDomains="app.example.com")
    other = server.platform("POST", "/tenants", {"subdomain": "unframed", "name": "Other"}).json()["id"]
    for answer in (
        server.http.get("/login", headers={"x-zid": other, "accept": "text/html"}),
        server.http.get("/token_keys"),
    ):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_login_without_an_application_leads_home(browser: Browser, settings: Any) -> None:
    settings(homeRedirect="https://portal.example.com/start?x=1")

    answer = browser.submit(browser.http.get("/login"), "erin", "correct horse")

    assert (answer.status_code, answer.headers["location"]) == (302, "https://portal.example.com/start?x=1")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("https://portal.example.com/bye?x=1", 302),
        ("https://a.acme.example/any/where", 302),
        ("https://portal.example.com/other", 200),
        ("https://a.acme.example.evil.example/", 200),
        ("https://evil.example/https://portal.example.com/bye", 200),
    ],
)
def test_a_logout_leads_where_the_tenant_lets_everybody_go(
    browser: Browser, settings: Any, target: str, status: int
) -> None:
    assert browser.http.get("/logout.do", params={"redirect": target}).status_code == 200

    settings(logoutWhitelist=["https://portal.example.com/bye", "https://*.acme.example/**"])

    answer = browser.http.get("/logout.do", params={"redirect": target})
    assert (answer.status_code, answer.headers.get("location", target)) == (status, target)


SPA = "https://spa.acme.example"


def from_a_script(server: RunningAuthServer, origin: str, path: str, method: str = "POST") -> httpx.Response:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": "x"}
    return server.http.request("OPTIONS", path, headers=asked)


@pytest.mark.parametrize(
    ("origin", "is_known"),
    [
        (SPA, True),
        ("https://a.b.apps.example", True),
        ("http://localhost:3000", True),
        ("https://spa.acme.example:444", False),
        ("http://spa.acme.example", False),
        ("https://apps.example", False),
        ("https://evil-apps.example", False),
        ("https://evil.example/.apps.example", False),
        ("https://localhost.evil.example", False),
        ("null", False),
    ],
)
@pytest.mark.parametrize("path", ["/oauth/token", "/userinfo", "/revoke"])
def test_scripts_of_known_origins_alone_read_what_clients_are_answered(
    server: RunningAuthServer,
    settings: Any,
    origin: str,
    is_known: bool,  # noqa: FBT001 - a table
    path: str,
) -> None:
    settings(corsAllowedOrigins=[SPA, "https://*.apps.example"])
    shown = {origin} if is_known else set()

    preflight = from_a_script(server, origin, path)
    answer = server.http.post(path, data={"grant_type": "x"}, headers={"origin": origin})

    assert preflight.status_code == (204 if is_known else 405)
    for each in (preflight, answer):
        assert set(each.headers.get_list("access-control-allow-origin")) == shown
        assert "access-control-allow-credentials" not in each.headers
        assert ("Origin" in each.headers.get("vary", "")) == is_known


def test_what_everybody_may_know_scripts_may_know(server: RunningAuthServer) -> None:
    for path in ("/token_keys", "/.well-known/openid-configuration"):
        assert from_a_script(server, "https://any.example", path, "GET").status_code == 204
        answer = server.http.get(path, headers={"origin": "https://any.example"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    for path in ("/login", "/introspect", "/oauth/authorize", "/Users", "/passcode"):
        assert from_a_script(server, "http://localhost:3000", path).status_code in {401, 405}
        answer = server.http.get(path, headers={"origin": "http://localhost:3000"})
        assert "access-control-allow-origin" not in answer.headers


def test_each_tenant_knows_its_own_origins(server: RunningAuthServer, settings: Any) -> None:
    settings(corsAllowedOrigins=[SPA])
    other = server.platform("POST", "/tenants", {"subdomain": "no-scripts", "name": "Other"}).json()["id"]
    assert from_a_script(server, SPA, f"/oauth/token?zid={other}").status_code == 405
    assert from_a_script(server, SPA, "/oauth/token?zid=nobody").status_code == 405


def test_what_was_read_can_be_sent_back(admin: Administrator) -> None:
    told = admin.get("/securitySettings")
    assert admin.done("PATCH", "/securitySettings", told) == told
    empty = {"customEmailDomains": [], "treatUsersWithSameEmailAsSameUser": False}
    assert admin.done("PATCH", "/securitySettings", empty) == told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"iframeDomains": "https://app.example.com"}, "no host like"),
        ({"iframeDomains": "a.example.com;script-src"}, "no host like"),
        ({"iframeDomains": "'self'"}, "no host like"),
        ({"iframeDomains": "*"}, "no host like"),
        ({"iframeDomains": "a.*.example"}, "no host like"),
        ({"iframeDomains": "a.example " * 250}, "/iframeDomains"),
        ({"iframeDomains": ["a.example"]}, "/iframeDomains"),
        ({"partitionedCookies": "yes"}, "/partitionedCookies"),
        ({"homeRedirect": "javascript:alert(1)"}, "/homeRedirect"),
        ({"homeRedirect": "https://user@evil.example"}, "/homeRedirect"),
        ({"corsAllowedOrigins": ["*"]}, "no origin like"),
        ({"corsAllowedOrigins": ["http://a.example"]}, "no origin like"),
        ({"corsAllowedOrigins": ["https://a.example/"]}, "no origin like"),
        ({"corsAllowedOrigins": ["https://*"]}, "no origin like"),
        ({"logoutWhitelist": "https://a.example"}, "/logoutWhitelist"),
        ({"logoutWhitelist": ["portal.example.com"]}, "no address like"),
        ({"logoutWhitelist": ["javascript://a.example/"]}, "no address like"),
        ({"logoutWhitelist": ["https://**"]}, "to any host"),
        ({"customEmailDomains": ["acme.example"]}, "emailDomains"),
        ({"treatUsersWithSameEmailAsSameUser": True}, "different users"),
        ({"samlConfigSettings": {"changeMode": "ADD", "key": {"key": "x"}}}, "makes its keys itself"),
        ({"tokenPolicySettings": {"activeKeyId": "another"}}, "changeMode"),
        ({"tokenPolicySettings": {"keyIds": []}}, "changeMode"),
        ({"tokenPolicySettings": {"keyId": "x"}}, "needs a changeMode"),
        ({"samlConfigSettings": {"changeMode": "UPDATE"}}, "needs the keyId"),
        ({"corsPolicy": {}}, "/corsPolicy"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_and_says_why(admin: Administrator, body: Any, reason: str) -> None:
    before = admin.get("/securitySettings")
    answer = admin.ask("PATCH", "/securitySettings", body)
    assert answer.status_code == 400, answer.text
    assert reason in answer.json()["detail"]
    assert admin.get("/securitySettings") == before


PUBLIC = "/sap/rest/authorization/v2/securitySettings/public"


def test_routers_read_the_trusted_domains_without_a_token(server: RunningAuthServer, settings: Any) -> None:
    asked = {"subdomain": "dev"}
    assert server.http.get(PUBLIC, params=asked).json() == {"iframeDomains": ""}
    settings(iframeDomains=DOMAINS)
    assert server.http.get(PUBLIC, params=asked).json() == {"iframeDomains": DOMAINS.lower()}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("subdomain=", 400),
        ("subdomain=%00", 400),
        ("subdomain=a&subdomain=b", 400),
        ("subdomain=nobody", 404),
    ],
)
def test_trusted_domains_are_those_of_one_tenant_that_there_is(
    server: RunningAuthServer, query: str, status: int
) -> None:
    assert server.http.get(f"{PUBLIC}?{query}").status_code == status
