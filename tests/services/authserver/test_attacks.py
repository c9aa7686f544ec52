"""What somebody without rights may try at the login and at the endpoints, over real HTTP; each rule has its attack."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from itertools import takewhile

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from product_descriptor import products
from test_token_endpoint import claims

from entryway.oauth.pkce import s256
from entryway.testing.authserver import REDIRECT_URI, BoundApplication, Browser, RunningAuthServer, running_authserver

VERIFIER = "v" * 50
PASSWORD = "correct horse"
EXCHANGE = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    """On one engine: what is tried here ends before any database, or is the same on both."""
    with running_authserver(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.fixture
def token(server: RunningAuthServer, app: BoundApplication, code: str) -> str:
    return server.redeem(app, code).json()["access_token"]


def believed(server: RunningAuthServer, app: BoundApplication, forged: str) -> list[str]:
    """Return who believes a token: every endpoint that takes one."""
    bearer = {"authorization": f"Bearer {forged}"}
    proof = (app.client_id, app.secret)
    answers = {
        "userinfo": server.http.get("/userinfo", headers=bearer),
        "platform": server.http.get("/entryway/v1/users", headers=bearer),
        "list": server.http.get("/oauth/token/list", headers=bearer),
        "check_token": server.http.post("/check_token", data={"token": forged}, auth=proof),
        "exchange": server.token(app, grant_type=EXCHANGE, assertion=forged),
        "user_token": server.http.post(
            "/oauth/token", data={"grant_type": "user_token", "client_id": app.client_id}, headers=bearer
        ),
    }
    introspected = server.http.post("/introspect", data={"token": forged}, auth=proof)
    assert introspected.status_code == 200
    assert all(answer.status_code < 500 for answer in answers.values())
    by_others = ["introspect"] if introspected.json() != {"active": False} else []
    return by_others + [name for name, answer in answers.items() if answer.status_code < 400]


# --- tokens that nobody issued


def test_the_real_token_is_believed_so_that_the_forged_ones_are_a_test(
    server: RunningAuthServer, app: BoundApplication, token: str
) -> None:
    assert {"introspect", "userinfo", "check_token", "exchange"} <= set(believed(server, app, token))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_a_signature_is_refused(
    server: RunningAuthServer, app: BoundApplication, token: str, algorithm: str
) -> None:
    head = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    for signature in ("", token.split(".")[2]):
        forged = f"{encoded(head | {'alg': algorithm})}.{encoded(claims(token))}.{signature}"
        assert believed(server, app, forged) == []


@pytest.mark.parametrize("form", ["value", "n", "document"])
def test_the_public_key_is_no_secret_to_sign_with(
    server: RunningAuthServer, app: BoundApplication, token: str, form: str
) -> None:
    public = server.http.get("/token_key").json()
    secret = json.dumps(public) if form == "document" else public[form]
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': public['kid']})}.{encoded(claims(token))}"
    signature = base64.urlsafe_b64encode(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256)).rstrip(b"=")
    assert believed(server, app, f"{signed}.{signature.decode()}") == []


HEADERS: list[dict] = [
    {"kid": None},
    {"kid": "../../../../etc/passwd"},
    {"kid": "x' or '1'='1"},
    {"kid": "x" * 5000},
    {"kid": 7},
    {"kid": ["a"]},
    {"jku": "https://evil.example/keys"},
    {"x5u": "https://evil.example/certificate"},
    {"crit": ["exp"]},
    {"b64": False, "crit": ["b64"]},
]


def test_a_token_is_not_judged_by_what_its_header_brings_along(
    server: RunningAuthServer, app: BoundApplication, token: str
) -> None:
    stranger = RSAKey.generate_key(2048)
    real = server.http.get("/token_key").json()["kid"]
    by_stranger = jwt.encode({"alg": "RS256"}, {"x": 1}, stranger).split(".")[2]
    for header in HEADERS:
        brought = {"alg": "RS256", "typ": "JWT", "kid": real, "jwk": stranger.as_dict(private=False)} | header
        named = {name: value for name, value in brought.items() if value is not None}
        signed = f"{encoded(named)}.{encoded(claims(token))}"
        assert believed(server, app, f"{signed}.{by_stranger}") == [], header
        assert believed(server, app, f"{signed}.{token.split('.')[2]}") == [], header


def test_a_token_of_another_tenants_key_is_refused(
    server: RunningAuthServer, app: BoundApplication, token: str
) -> None:
    other = server.platform("POST", "/tenants", {"subdomain": f"t{uuid.uuid4().hex[:8]}", "name": "Other"})
    assert other.status_code in {200, 201}, other.text
    zone = other.json()["id"]
    # The other tenant's key has another id, and this tenant's endpoints do not know it; nor the other way round.
    own, others = (
        {key["kid"] for key in server.http.get("/token_keys", params={"zid": zid}).json()["keys"]}
        for zid in (app.credentials["zoneid"], zone)
    )
    assert own.isdisjoint(others)
    for path in ("/userinfo", "/oauth/token/list"):
        answer = server.http.get(path, headers={"authorization": f"Bearer {token}", "x-zid": zone})
        assert answer.status_code == 401, path
    elsewhere = server.http.post(
        "/introspect", data={"token": token}, auth=(app.client_id, app.secret), headers={"x-zid": zone}
    )
    assert elsewhere.status_code == 401


def test_time_is_ours_not_the_tokens(server: RunningAuthServer, app: BoundApplication, token: str) -> None:
    try:
        server.clock.advance(days=1)
        assert believed(server, app, token) == []
    finally:
        server.clock.advance(days=-1)
    assert "introspect" in believed(server, app, token)


# --- PKCE


def test_a_challenge_cannot_be_stripped_from_the_login_of_a_public_client(
    server: RunningAuthServer, browser: Browser, editor: str
) -> None:
    descriptor = products(f"public-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["allowpublic"] = True
    client = server.deploy(descriptor)
    code = browser.log_in(client, editor, PASSWORD)  # the attacker removed code_challenge on the way
    answer = server.http.post(
        "/oauth/token",
        data={
            "grant_type": "authorization_code",
            "client_id": client.client_id,
            "code": code,
            "redirect_uri": REDIRECT_URI,
        },
    )
    assert answer.status_code in {400, 401}
    assert "access_token" not in answer.json()


def test_a_challenge_is_not_weakened_by_naming_another_method(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    """With `plain` in the token request, the challenge that everybody saw would be the verifier."""
    code = browser.log_in(app, editor, PASSWORD, code_challenge=s256(VERIFIER), code_challenge_method="S256")
    answer = server.redeem(app, code, code_verifier=s256(VERIFIER), code_challenge_method="plain")
    assert answer.json()["error"] == "invalid_grant"


# --- where people are sent

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://localhost@evil.example/",
    "https://evil.example#@localhost",
    "https://evil.example\\@localhost/",
    "https://localhost.evil.example/",
    "https://evil.example/?https://localhost",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "http://localhost:5000\r\nset-cookie: a=b",
    " https://evil.example",
    "https://x.apps.example.com%2eevil.example/",
    "https://x.apps.example.com/login/callback/%2e%2e/%2e%2e/steal",
]


@pytest.mark.parametrize("name", ["redirect", "post_logout_redirect_uri", "redirect_uri", "RelayState"])
def test_a_logout_leads_nowhere_else(browser: Browser, app: BoundApplication, name: str) -> None:
    for target in ELSEWHERE:
        answer = browser.http.get("/logout.do", params={name: target, "client_id": app.client_id})
        assert answer.status_code in {200, 400}, target
        assert "location" not in answer.headers, target
        assert "evil.example" not in answer.text, target


@pytest.mark.parametrize("name", ["redirect", "redirect_uri", "locationAfterLogin", "RelayState", "afterwards", "next"])
def test_a_login_leads_nowhere_else(browser: Browser, editor: str, name: str) -> None:
    page = browser.http.get("/login", params={name: "https://evil.example/"})
    answer = browser.submit(page, editor, PASSWORD, **{name: "https://evil.example/"})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "evil.example" not in answer.text


def test_an_answer_names_who_it_is_from(browser: Browser, server: RunningAuthServer, app: BoundApplication) -> None:
    """Against mix-up (RFC 9207): errors too, or an attacker would provoke one."""
    for parameters in ({"prompt": "none"}, {"response_type": "nonsense"}):
        location = browser.authorize(app, **parameters).headers["location"]
        assert httpx.URL(location).params["iss"] == f"{server.url}/oauth/token"


# --- pages


PAGES = ["/login", "/logout.do", "/passcode", "/oauth/authorize?client_id=x", "/login?zid=none", "/config?action=other"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_can_be_framed_stored_or_run_scripts(browser: Browser, path: str) -> None:
    answer = browser.http.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-frame-options"] == "DENY"
    policy = answer.headers["content-security-policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert "script-src" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_pages_say_nothing_of_the_inside(browser: Browser) -> None:
    for path in PAGES:
        answer = browser.http.get(path)
        for inner in ("Traceback", "sqlalchemy", "starlette", "uvicorn", "sqlite", "postgres", "entryway."):
            assert inner not in answer.text, (path, inner)
        assert "server" not in answer.headers or "/" not in answer.headers["server"]


# --- bodies


def deep(opening: str, closing: str, levels: int = 100_000) -> bytes:
    return (opening * levels + closing * levels).encode()


@pytest.mark.parametrize(
    "body",
    [
        deep("[", "]"),
        deep('{"a":', "}"),
        b'{"plan":' + deep("[", "]"),
        b"[" * 500_000,
        b'"' + b"\\u0000" * 100_000 + b'"',
    ],
    ids=["lists", "objects", "unfinished", "only opened", "zeros"],
)
def test_deeply_nested_json_is_refused(server: RunningAuthServer, body: bytes) -> None:
    headers = {"authorization": f"Bearer {server.platform_token()}", "content-type": "application/json"}
    for method, path in (("PUT", "/entryway/v1/applications/x"), ("PUT", "/entryway/v1/users/x"), ("POST", "/Users")):
        answer = server.http.request(method, path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)


@pytest.mark.parametrize("name", ["authorities", "login_hint", "assertion", "subject_token"])
def test_deeply_nested_json_in_a_parameter_is_refused(
    server: RunningAuthServer, app: BoundApplication, name: str
) -> None:
    nested = deep("[", "]", 50_000).decode()
    for grant in ("client_credentials", "password", EXCHANGE):
        form = {"grant_type": grant, "username": "a", "password": "b", "assertion": "x", name: nested}
        assert 200 <= server.token(app, **form).status_code < 500


def test_too_much_is_refused_before_it_is_kept(server: RunningAuthServer, app: BoundApplication) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    proof = (app.client_id, app.secret)
    large = server.http.post("/oauth/token", content=b"a=" + b"x" * (1024 * 1024), headers=form, auth=proof)
    assert large.status_code == 413
    many = server.http.post(
        "/oauth/token", content=b"&".join(b"a%d=b" % i for i in range(90_000)), headers=form, auth=proof
    )
    assert 400 <= many.status_code < 500
    assert server.http.get("/login", headers={"x-large": "x" * (64 * 1024)}).status_code in {400, 431}


# --- passwords


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(
        tmp_path_factory.mktemp("sprayed"), certificate_proxies=("127.0.0.1",), address_failures=3
    ) as running:
        running.user("victim", PASSWORD)
        yield running


def tried(server: RunningAuthServer, address: str, name: str, password: str = "wrong") -> httpx.Response:
    browser = server.browser()
    browser.http.headers["x-forwarded-for"] = address
    try:
        return browser.submit(browser.http.get("/login"), name, password)
    finally:
        browser.http.close()


def test_one_address_that_tries_many_users_is_slowed_down(behind_proxy: RunningAuthServer) -> None:
    for number in range(3):
        assert tried(behind_proxy, "203.0.113.7", f"user-{number}").status_code == 401
    slowed = tried(behind_proxy, "203.0.113.7", "victim", PASSWORD)
    assert slowed.status_code == 429
    assert 0 < int(slowed.headers["retry-after"]) <= 10
    assert "Too many attempts" in slowed.text
    # What the client wrote itself is not believed: only what the proxy added, at the end.
    assert tried(behind_proxy, "198.51.100.1, 203.0.113.7", "victim", PASSWORD).status_code == 429
    assert tried(behind_proxy, "198.51.100.1", "victim", PASSWORD).status_code == 200
    behind_proxy.clock.advance(seconds=11)
    assert tried(behind_proxy, "203.0.113.7", "victim", PASSWORD).status_code == 200


def test_an_address_of_ipv6_is_its_network(behind_proxy: RunningAuthServer) -> None:
    for number in range(3):
        assert tried(behind_proxy, f"2001:db8::{number}", f"user-{number}").status_code == 401
    assert tried(behind_proxy, "2001:db8::ffff", "victim").status_code == 429
    assert tried(behind_proxy, "2001:db8:0:1::1", "victim", PASSWORD).status_code == 200


def test_right_passwords_are_not_counted(behind_proxy: RunningAuthServer) -> None:
    for _ in range(4):
        assert tried(behind_proxy, "203.0.113.8", "victim", PASSWORD).status_code == 200


def test_a_client_that_brings_passwords_of_many_users_is_slowed_down(behind_proxy: RunningAuthServer) -> None:
    careless, careful = (behind_proxy.deploy(products(f"app-{uuid.uuid4().hex[:8]}")) for _ in range(2))
    victim = {"grant_type": "password", "username": "victim", "password": PASSWORD}
    assert behind_proxy.token(careless, **victim).status_code == 200

    # Ten times as many as from a browser's address; one is forgiven every second, and time goes on here.
    tries = (behind_proxy.token(careless, grant_type="password", passcode=f"wrong-{number}") for number in range(60))
    refused = [answer.status_code for answer in takewhile(lambda answer: answer.status_code == 401, tries)]
    assert 30 <= len(refused) < 50
    slowed = behind_proxy.token(careless, **victim)
    assert (slowed.status_code, slowed.json()["error"]) == (429, "too_many_requests")
    assert slowed.headers["retry-after"] == "1"
    # What takes no password goes on, and so does every other client.
    assert behind_proxy.token(careless, grant_type="client_credentials").status_code == 200
    assert behind_proxy.token(careful, **victim).status_code == 200
    behind_proxy.clock.advance(seconds=5)
    assert behind_proxy.token(careless, **victim).status_code == 200


def test_requests_without_a_password_are_no_wrong_ones(behind_proxy: RunningAuthServer) -> None:
    client = behind_proxy.deploy(products(f"app-{uuid.uuid4().hex[:8]}"))
    for _ in range(40):
        assert behind_proxy.token(client, grant_type="password", username="victim").status_code == 400
    right = behind_proxy.token(client, grant_type="password", username="victim", password=PASSWORD)
    assert right.status_code == 200


def test_a_secret_that_is_a_key_is_no_way_in_either(server: RunningAuthServer, app: BoundApplication) -> None:
    """A client's secret does not sign tokens of ours (HS256 with the secret)."""
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    forged = jwt.encode(
        {"alg": "HS256", "kid": server.http.get("/token_key").json()["kid"]},
        claims(own) | {"scope": ["uaa.admin", "entryway.platform"]},
        OctKey.import_key(app.secret),
    )
    assert believed(server, app, forged) == []
