"""Keys, metadata, tenants, introspection, userinfo, logout: what surrounds the tokens."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest
from joserfc.jwk import RSAKey
from test_token_endpoint import claims

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql

PASSWORD = "correct horse"


@pytest.fixture
def login(server: RunningAuthServer, app: BoundApplication, code: str) -> dict:
    return server.redeem(app, code).json()


# --- keys


def test_each_key_is_published_in_both_forms(server: RunningAuthServer) -> None:
    answer = server.http.get("/token_keys")
    (key,) = answer.json()["keys"]
    assert key["kty"] == "RSA"
    assert key["alg"] == "RS256"
    assert key["use"] == "sig"
    assert key["kid"].startswith("default-jwt-key-")
    from_pem = RSAKey.import_key(key["value"]).as_dict(private=False)
    assert (from_pem["n"], from_pem["e"]) == (key["n"], key["e"])
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()
    assert "max-age" in answer.headers["cache-control"]
    active = server.http.get("/token_key").json()
    assert active["kid"] == key["kid"]


def test_keys_that_have_not_changed_are_not_sent_again(server: RunningAuthServer) -> None:
    tag = server.http.get("/token_keys").headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', tag.strip('"')):
        assert server.http.get("/token_keys", headers={"if-none-match": sent}).status_code == 304
    assert server.http.get("/token_keys", headers={"if-none-match": '"other"'}).status_code == 200
    assert server.http.get("/token_key", headers={"if-none-match": tag}).status_code == 304
    assert server.http.get("/token_key").headers["etag"] == tag


def test_the_tenant_may_be_named_in_three_ways(server: RunningAuthServer, app: BoundApplication) -> None:
    zid = app.credentials["zoneid"]
    port = server.url.rpartition(":")[2]
    for answer in (
        server.http.get("/token_keys", params={"zid": zid}),
        server.http.get("/token_keys", headers={"x-zid": zid}),
        server.http.get("/token_keys", headers={"host": f"dev.localhost:{port}"}),
        server.http.get("/token_keys", headers={"host": f"DEV.localhost:{port}"}),
        server.http.get("/token_keys", headers={"host": "127.0.0.1"}),
        server.http.get("/token_keys", headers={"host": "[::1]:1234"}),
        server.http.get("/token_keys", headers={"host": "localhost"}),
    ):
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"zid": "6c0c8d0e-0000-0000-0000-000000000000"}, {}, 404),
        ({"zid": "x'; drop table zones; --"}, {}, 404),
        ({}, {"x-zid": "nothing"}, 404),
        ({}, {"x-zid": "\xff"}, 404),
        ({}, {"host": "other.localhost:1"}, 404),
        ({}, {"host": "a.dev.localhost:1"}, 404),
        ({}, {"host": "localhost.evil.example"}, 404),
        ({}, {"host": "evil.example"}, 404),
        ({}, {"host": ":1"}, 404),
        ({}, {"host": "["}, 404),
        ({"zid": "a"}, {"x-zid": "b"}, 400),
    ],
)
def test_an_unknown_tenant_is_not_found(server: RunningAuthServer, query: dict, headers: dict, status: int) -> None:
    for path in ("/token_keys", "/.well-known/openid-configuration"):
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = server.http.get(path, params=query, headers=raw)
        assert answer.status_code == status
        assert answer.headers["entryway-error"] == ("zone_unknown" if status == 404 else "invalid_request")


def test_a_token_may_be_asked_of_the_bare_host_with_the_tenant_in_a_header(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.secret}
    zid = app.credentials["zoneid"]
    answer = server.http.post("/oauth/token", data=form, headers={"x-zid": zid})
    assert claims(answer.json()["access_token"])["zid"] == zid
    assert server.http.post("/oauth/token", data=form, headers={"x-zid": "other"}).status_code == 404


# --- metadata


def test_the_metadata_is_at_both_paths_and_true(server: RunningAuthServer) -> None:
    at_root = server.http.get("/.well-known/openid-configuration").json()
    at_issuer = server.http.get("/oauth/token/.well-known/openid-configuration").json()
    assert at_root == at_issuer
    assert at_root["issuer"] == f"{server.url}/oauth/token"
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" in at_root["grant_types_supported"]
    assert at_root["code_challenge_methods_supported"] == ["S256", "plain"]
    for name in ("authorization", "token", "userinfo", "end_session", "introspection", "revocation"):
        path = at_root[f"{name}_endpoint"].removeprefix(server.url)
        assert server.http.get(path).status_code != 404
    assert {"private_key_jwt", "tls_client_auth", "none"} <= set(at_root["token_endpoint_auth_methods_supported"])
    assert at_root["mtls_endpoint_aliases"]["token_endpoint"] == f"{server.url}/oauth/token"
    for name in ("jwks_uri", "service_documentation"):
        assert server.http.get(at_root[name].removeprefix(server.url)).status_code == 200


def test_health_and_info(server: RunningAuthServer) -> None:
    assert server.http.get("/healthz").text == "ok"
    info = server.http.get("/info").json()
    assert info["links"]["uaa"] == server.url
    assert info["app"]["version"]
    assert info["prompts"]["passcode"][1].endswith(f"{server.url}/passcode)")
    assert datetime.fromisoformat(info["timestamp"]) <= server.clock()
    login = server.http.get("/login", headers={"accept": "application/json"}).json()
    assert login == info | {"timestamp": login["timestamp"]}
    assert set(info["prompts"]) == {"username", "password", "passcode"}
    for origin in ("entryway", "nobody", ""):
        asked = server.http.get("/login", params={"origin": origin}, headers={"accept": "application/json"})
        assert asked.json()["prompts"] == info["prompts"]


def test_an_unknown_path_is_not_found(server: RunningAuthServer) -> None:
    answer = server.http.get("/nothing-here")
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_headers_beyond_all_measure_are_refused(server: RunningAuthServer) -> None:
    with httpx.Client(base_url=server.url, verify=server.tls) as client:
        try:
            answer = client.get("/healthz", headers={f"x-{number}": "a" * 8000 for number in range(10)})
        except httpx.HTTPError:
            return  # the HTTP server in front has its own, lower limit and hangs up
        assert answer.status_code in {400, 431}


# --- introspection


def test_a_tokens_claims_are_told_to_clients(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    basic = (app.client_id, app.secret)
    answer = server.http.post("/introspect", data={"token": login["access_token"]}, auth=basic).json()
    assert answer.pop("active") is True
    assert answer == claims(login["access_token"])
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    by_bearer = server.http.post(
        "/introspect", data={"token": login["access_token"]}, headers={"authorization": f"Bearer {own}"}
    )
    assert by_bearer.json()["active"] is True
    checked = server.http.post("/check_token", data={"token": login["access_token"]}, auth=basic)
    assert checked.json() == claims(login["access_token"])


def test_introspection_by_the_standard_has_the_scopes_in_one_text(
    server: RunningAuthServer, app: BoundApplication, login: dict
) -> None:
    document = server.http.get("/.well-known/openid-configuration").json()
    assert document["introspection_endpoint"] == f"{server.url}/oauth/introspect"

    def introspect(token: str) -> dict:
        answer = server.http.post("/oauth/introspect", data={"token": token}, auth=(app.client_id, app.secret))
        told: dict = answer.json()
        return told

    said = claims(login["access_token"])
    told = introspect(login["access_token"])
    assert told == {
        **said,
        "active": True,
        "scope": " ".join(said["scope"]),
        "token_type": "bearer",
        "username": said["user_name"],
    }
    assert len(said["scope"]) > 1
    assert introspect("nothing") == {"active": False}


def test_introspection_needs_a_client(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    for path in ("/introspect", "/oauth/introspect", "/check_token"):
        form = {"token": login["access_token"]}
        assert server.http.post(path, data=form).status_code == 401
        assert server.http.post(path, data=form, auth=(app.client_id, "wrong")).status_code == 401
        by_user = {"authorization": f"Bearer {login['access_token']}"}
        assert server.http.post(path, data=form, headers=by_user).status_code == 403


def test_check_token_says_what_is_wrong(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    def check(**form: str) -> tuple[int, str]:
        answer = server.http.post("/check_token", data=form, auth=(app.client_id, app.secret))
        return answer.status_code, answer.json()["error_description"]

    token = login["access_token"]
    assert check() == (400, "Missing parameter: token")
    assert check(token="x") == (400, "Token was not recognised")
    assert check(token=token, scopes=f"{app.name}.Delete,openid") == (
        400,
        f"Some requested scopes are missing: {app.name}.Delete",
    )
    server.clock.advance(hours=12, seconds=1)
    assert check(token=token) == (400, "Token has expired")


# --- userinfo


def test_a_token_for_userinfo_may_come_in_a_form_but_in_no_query(server: RunningAuthServer, login: dict) -> None:
    token = {"access_token": login["access_token"]}
    in_form = server.http.post("/userinfo", data=token)
    assert in_form.json()["user_name"] == claims(login["access_token"])["user_name"]
    assert server.http.post("/userinfo", data=token, headers={"content-type": "text/plain"}).status_code == 401
    for method in ("GET", "POST"):
        assert server.http.request(method, "/userinfo", params=token).status_code == 401


def test_userinfo_says_who_the_user_is(server: RunningAuthServer, login: dict, editor: str) -> None:
    headers = {"authorization": f"Bearer {login['access_token']}"}
    answer = server.http.get("/userinfo", headers=headers).json()
    assert answer["user_name"] == editor
    assert answer["sub"] == answer["user_id"] == claims(login["access_token"])["sub"]
    assert answer["name"].endswith(" Example")
    assert server.http.post("/userinfo", headers=headers).json() == answer


def test_userinfo_needs_a_users_token(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    for authorization, status in ((None, 401), ("Bearer x", 401), (f"Bearer {own}", 403)):
        headers = {"authorization": authorization} if authorization else {}
        answer = server.http.get("/userinfo", headers=headers)
        assert answer.status_code == status
    narrowed = server.token(
        app, grant_type="refresh_token", refresh_token=login["refresh_token"], scope=f"{app.name}.Display"
    ).json()
    headers = {"authorization": f"Bearer {narrowed['access_token']}"}
    assert server.http.get("/userinfo", headers=headers).status_code == 403


# --- logout


def test_logout_ends_the_session_and_goes_back_to_the_application(
    browser: Browser, app: BoundApplication, editor: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    cookie = browser.http.cookies["__Host-entryway-login"]
    target = "https://shop.apps.example.com/login/callback"
    answer = browser.http.get("/logout.do", params={"redirect": target, "client_id": app.client_id})
    assert answer.status_code == 302
    assert answer.headers["location"] == target
    assert 'entryway-login=""' in answer.headers["set-cookie"]
    browser.http.headers["cookie"] = f"__Host-entryway-login={cookie}"
    assert browser.authorize(app).status_code == 200  # the cookie of before opens nothing


def test_openid_connect_names_work_at_logout_too(browser: Browser, app: BoundApplication, login: dict) -> None:
    query = {
        "post_logout_redirect_uri": "http://localhost:5000/bye?x=1",
        "id_token_hint": login["id_token"],
        "state": "s",
    }
    answer = browser.http.get("/logout.do", params=query)
    assert answer.status_code == 302
    assert answer.headers["location"] == "http://localhost:5000/bye?x=1&state=s"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "https://localhost.evil.example/",
        "https://x@evil.example/",
        "https://evil.example\\.apps.example.com/login/callback",
        "https://localhost:8443@evil.example/",
        "https://localhost\\@evil.example",
        "javascript:alert(1)",
        "http://localhost:1/\n",
        "",
    ],
)
def test_logout_is_no_open_redirect_and_logs_out_all_the_same(
    browser: Browser, app: BoundApplication, editor: str, target: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    answer = browser.http.get("/logout.do", params={"redirect": target, "client_id": app.client_id})
    if answer.status_code == 400:  # a control character is no parameter at all
        assert "\n" in target
        return
    assert answer.status_code == 200
    assert "You are logged out" in answer.text
    assert "evil.example" not in answer.text
    assert browser.authorize(app).status_code == 200


def test_without_a_client_logout_goes_nowhere_else(browser: Browser, server: RunningAuthServer) -> None:
    assert browser.http.get("/logout.do", params={"redirect": "http://localhost:5000/"}).status_code == 200
    unknown = {"redirect": "http://localhost:5000/", "client_id": "sb-nobody!t1"}
    assert browser.http.get("/logout.do", params=unknown).status_code == 200
    home = browser.http.get("/logout.do", params={"redirect": f"{server.url}/login"})
    assert home.headers["location"] == f"{server.url}/login"


def test_logging_out_twice_does_no_harm(browser: Browser) -> None:
    assert browser.http.get("/logout.do").status_code == 200
    assert browser.http.get("/logout").status_code == 200
