"""A tenant answers alike at its path, at its host and by its id: also when it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from product_descriptor import products

from entryway.oauth.client_assertions import TYPE
from entryway.testing.authserver import PLATFORM_SECRET, BoundApplication, RunningAuthServer, running_authserver

pytestmark = pytest.mark.once_on_postgresql

HTML, JSON = "text/html", "application/json"


@pytest.fixture(scope="module")
def acme(server: RunningAuthServer) -> dict:
    body = {"subdomain": f"t{uuid.uuid4().hex[:10]}", "name": "Acme"}
    made = server.platform("POST", "/tenants", body)
    assert made.status_code == 201, made.text
    return made.json()


@pytest.mark.parametrize("accept", [HTML, JSON, "*/*"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/oauth/authorize"),
        ("GET", "/oauth/authorize?client_id=nobody"),
        ("PUT", "/oauth/authorize"),
        ("POST", "/oauth/token"),
        ("POST", "/login.do"),
        ("GET", "/login?idp=a&idp=b"),
        ("GET", "/config"),
        ("GET", "/saml/discovery"),
        ("GET", "/userinfo"),
        ("POST", "/introspect"),
        ("GET", "/Users"),
        ("GET", "/Groups/x"),
        ("GET", "/Schemas/x"),
        ("GET", "/sap/rest/authorization/v2/apps"),
        ("GET", "/sap/rest/nothing"),
        ("GET", "/identity-zones"),
        ("GET", "/oauth/clients"),
        ("GET", "/ids/Users"),
        ("GET", "/Groups/External"),
        ("GET", "/oauth/token/list"),
        ("GET", "/nothing"),
    ],
)
def test_a_refusal_has_one_form_wherever_the_tenant_is_asked(
    server: RunningAuthServer, acme: dict, method: str, path: str, accept: str
) -> None:
    by_id = server.http.request(method, path, headers={"accept": accept, "x-zid": acme["id"]})
    by_path = server.http.request(method, f"/t/{acme['subdomain']}{path}", headers={"accept": accept})

    assert by_id.status_code >= 400
    assert by_path.status_code == by_id.status_code
    for name in ("content-type", "entryway-error", "www-authenticate", "allow"):
        assert by_path.headers.get(name) == by_id.headers.get(name), name
    if by_id.headers["content-type"].startswith(HTML):
        assert f'href="/t/{acme["subdomain"]}/resources/pages.css"' in by_path.text
    else:
        assert by_path.text == by_id.text


@pytest.mark.parametrize("path", ["/userinfo", "/oauth/token/list", "/sap/rest/authorization/v2/apps", "/Users"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}])
def test_who_lacks_a_token_is_told_which_kind_is_wanted(server: RunningAuthServer, path: str, headers: dict) -> None:
    answer = server.http.get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_browser_that_is_refused_is_not_asked_for_a_password_of_its_own(server: RunningAuthServer) -> None:
    """As it would by a challenge, in a window of the browser's that nobody could fill in."""
    descriptor = products(f"picky-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["allowedproviders"] = ["company"]
    picky, other = server.deploy(descriptor), server.deploy(products(f"other-{uuid.uuid4().hex[:8]}"))
    server.user("paula@example.com", "correct horse")
    browser = server.browser()
    browser.log_in(other, "paula@example.com", "correct horse")
    pages = [
        browser.http.get("/userinfo"),
        browser.http.post("/oauth/token", data={"grant_type": "client_credentials"}),
        browser.authorize(picky),
    ]
    browser.http.close()
    assert [page.status_code for page in pages[:2]] == [401, 401]
    for page in pages:
        assert page.headers["content-type"].startswith(HTML)
        assert "www-authenticate" not in page.headers


def test_a_refusal_that_no_credentials_would_help_has_no_challenge(server: RunningAuthServer) -> None:
    auth = httpx.BasicAuth("entryway-platform", PLATFORM_SECRET)
    answer = server.http.post("/check_token", data={"token": "x"}, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_token")
    assert "www-authenticate" not in answer.headers


def test_the_zone_id_is_read_whatever_its_case(server: RunningAuthServer, acme: dict) -> None:
    answers: list[httpx.Response] = [
        server.http.get("/token_keys", params={"zid": acme["id"].upper()}),
        server.http.get("/token_keys", headers={"X-zid": acme["id"].upper()}),
        server.http.get("/token_keys", params={"zid": acme["id"]}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.text for answer in answers}) == 1


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("laptop"), tenant_url="{url}/t/{subdomain}") as server:
        yield server


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        ("{url}/t/bolt/login", True),
        ("{url}/passcode", True),
        ("https://localhost:1/t/bolt/login", False),
        ("{url}.evil.example/t/bolt", False),
        ("{url}@evil.example/t/bolt", False),
        ("//evil.example/t/bolt", False),
    ],
)
def test_a_logout_at_a_tenants_path_leads_to_pages_of_its_host_and_nowhere_else(
    laptop: RunningAuthServer, target: str, *, followed: bool
) -> None:
    laptop.platform("POST", "/tenants", {"subdomain": "bolt", "name": "Bolt"})
    to = target.format(url=laptop.url)
    answer = laptop.http.get("/t/bolt/logout.do", params={"redirect": to})
    assert (answer.status_code, answer.headers.get("location")) == ((302, to) if followed else (200, None))


def test_an_assertion_of_a_client_may_name_the_endpoint_at_a_tenants_path(laptop: RunningAuthServer) -> None:
    key = RSAKey.generate_key(2048, {"kid": "one"})
    descriptor = products("signing")
    descriptor["oauth2-configuration"]["jwks"] = {"keys": [key.as_dict(private=False)]}
    tenant = laptop.platform("POST", "/tenants", {"subdomain": "signers", "name": "Signers"}).json()
    client = deployed_in(laptop, tenant["id"], descriptor)
    here = f"{laptop.url}/t/signers"

    def introspected(audience: str) -> httpx.Response:
        now = int(laptop.clock().timestamp())
        said = {"iss": client.client_id, "sub": client.client_id, "aud": audience, "iat": now, "exp": now + 60}
        assertion = jwt.encode({"alg": "RS256", "kid": "one"}, {**said, "jti": uuid.uuid4().hex}, key)
        form = {"client_assertion_type": TYPE, "client_assertion": assertion, "token": "x"}
        return laptop.http.post("/t/signers/introspect", data=form)

    assert introspected(f"{here}/introspect").json() == {"active": False}
    assert introspected(f"{here}/t/signers/introspect").status_code == 401
    assert introspected(f"{laptop.url}/introspect").status_code == 401


def deployed_in(server: RunningAuthServer, zid: str, descriptor: dict) -> BoundApplication:
    headers = {"authorization": f"Bearer {server.platform_token()}", "x-identity-zone-id": zid}
    instance = str(uuid.uuid4())
    path = f"/entryway/v1/applications/{instance}"
    body = {"plan": "application", "xs_security": descriptor}
    assert server.http.put(path, json=body, headers=headers).status_code == 201
    bound = server.http.put(f"{path}/bindings/{uuid.uuid4()}", json={}, headers=headers)
    assert bound.status_code == 200, bound.text
    return BoundApplication(instance, bound.json())
