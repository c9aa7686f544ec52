from __future__ import annotations

import base64
import hashlib
import json

import pytest

from entryway.testing.authserver import REDIRECT_URI, BoundApplication, Browser, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql


def claims(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def header(token: str) -> dict:
    part = token.partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_user_token_has_every_claim_that_applications_read(
    server: RunningAuthServer, app: BoundApplication, code: str, editor: str
) -> None:
    answer = server.redeem(app, code)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert 43190 < body["expires_in"] <= 43200
    assert set(body["scope"].split()) == {"openid", f"{app.name}.Display", f"{app.name}.Edit"}
    said = claims(body["access_token"])
    assert said["jti"] == body["jti"]
    assert len(said["jti"]) == 32
    assert said["iss"] == f"{server.url}/oauth/token"
    assert said["client_id"] == said["cid"] == said["azp"] == app.client_id
    assert set(said["aud"]) == {app.client_id, app.name, "openid"}
    assert set(said["scope"]) == set(body["scope"].split())
    assert said["grant_type"] == "authorization_code"
    assert said["origin"] == "entryway"
    assert said["user_name"] == editor
    assert said["given_name"].startswith("Erin")
    assert said["family_name"] == "Example"
    assert said["email"].endswith("@example.com")
    assert said["sub"] == said["user_id"] == said["user_uuid"]
    assert said["zid"] == app.credentials["zoneid"]
    assert said["ext_attr"] == {"enhancer": "XSUAA", "subaccountid": said["zid"], "zdn": "dev"}
    assert said["xs.user.attributes"] == {}
    assert said["xs.system.attributes"] == {
        "xs.saml.groups": [],
        "xs.rolecollections": [f"{app.name.partition('!')[0]} Editor"],
    }
    assert len(said["rev_sig"]) == 8
    assert said["iat"] <= server.clock().timestamp() < said["exp"]
    assert said["auth_time"] <= said["iat"]
    head = header(body["access_token"])
    assert head["alg"] == "RS256"
    assert head["jku"] == f"{server.url}/token_keys"
    assert head["kid"].startswith("default-jwt-key-")
    identity = claims(body["id_token"])
    assert identity["aud"] == [app.client_id]
    assert identity["sub"] == said["sub"]
    half = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    assert identity["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    told = server.http.get("/userinfo", headers={"authorization": f"Bearer {body['access_token']}"}).json()
    for where in (identity, told):
        assert where["name"] == f"{said['given_name']} {said['family_name']}"
        assert where["preferred_username"] == editor


def test_a_clients_own_token(server: RunningAuthServer, app: BoundApplication) -> None:
    body = server.token(app, grant_type="client_credentials").json()

    assert body["scope"] == "uaa.resource"
    assert "refresh_token" not in body
    said = claims(body["access_token"])
    assert said["sub"] == app.client_id
    assert said["authorities"] == said["scope"] == ["uaa.resource"]
    assert set(said["aud"]) == {app.client_id, "uaa"}
    assert said["grant_type"] == "client_credentials"
    assert not {"user_id", "user_name", "origin", "email", "auth_time", "xs.user.attributes"} & said.keys()


def test_every_way_to_present_credentials(server: RunningAuthServer, app: BoundApplication) -> None:
    form = {"grant_type": "client_credentials"}
    basic = (app.client_id, app.secret)
    without_values = {"client_id": "", "client_secret": "", "client_assertion": "", "client_assertion_type": ""}
    assert server.http.post("/oauth/token", data=form | without_values, auth=basic).status_code == 200
    encoded = base64.b64encode(
        f"{app.client_id.replace('!', '%21')}:{app.secret.replace('$', '%24').replace('=', '%3D')}".encode()
    ).decode()
    for answer in (
        server.http.post("/oauth/token", data=form, auth=basic),
        server.http.post("/oauth/token/", data=form, auth=basic),
        server.http.post("/oauth/token", data={**form, "client_id": app.client_id}, auth=basic),
        server.http.post("/oauth/token/", params=form, auth=basic),
        server.http.get("/oauth/token", params=form, auth=basic),
        server.http.post(
            "/oauth/token",
            data=form,
            headers={"authorization": f"Basic {encoded}", "x-cf-encoded-credentials": "true"},
        ),
        server.http.post("/oauth/token", data=form, headers={"authorization": f"Basic {encoded}"}),
        server.http.post("/oauth/token", data=form | {"scope": ""}, auth=basic),
        server.http.post("/oauth/token", data=form, auth=basic, headers={"x-zid": app.credentials["zoneid"]}),
    ):
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("separator", [",", " ", "+", ", "])
def test_scopes_may_be_separated_as_each_library_does(
    server: RunningAuthServer, app: BoundApplication, editor: str, separator: str
) -> None:
    scope = separator.join([f"{app.name}.Display", f"{app.name}.Edit"])
    answer = server.token(app, grant_type="password", username=editor, password="correct horse", scope=scope)
    assert set(answer.json()["scope"].split()) == {f"{app.name}.Display", f"{app.name}.Edit", "openid"}


def test_a_user_without_roles_gets_in_with_openid_only(
    server: RunningAuthServer, app: BoundApplication, browser: Browser
) -> None:
    server.user("nobody@example.com", "correct horse")
    code = browser.log_in(app, "nobody@example.com", "correct horse")
    assert server.redeem(app, code).json()["scope"] == "openid"


def test_a_wrong_secret_and_an_unknown_client_get_the_same_answer(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    form = {"grant_type": "client_credentials"}
    wrong = server.http.post("/oauth/token", data=form, auth=(app.client_id, "wrong"))
    unknown = server.http.post("/oauth/token", data=form, auth=("sb-nobody!t1", "wrong"))
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json() == {"error": "unauthorized", "error_description": "Bad credentials"}
    assert 'Basic realm="Entryway"' in wrong.headers["www-authenticate"]


def test_a_secret_of_another_application_is_refused(server: RunningAuthServer, app: BoundApplication) -> None:
    other = server.clone("destination-xsappname")
    answer = server.http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(app.client_id, other.secret)
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("form", "status", "error", "text"),
    [
        ({}, 400, "invalid_request", "Missing grant type"),
        ({"grant_type": "device_code"}, 400, "unsupported_grant_type", "Unsupported grant type"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request", "Missing parameter: code"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_grant", "Invalid authorization code: x"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 401, "invalid_token", "Invalid refresh token"),
        (
            {"grant_type": "client_credentials", "scope": "entryway.platform"},
            400,
            "invalid_scope",
            "entryway.platform is invalid. Please use a valid scope name in the request",
        ),
        ({"grant_type": "client_credentials", "authorities": "[" * 100_000}, 400, "invalid_request", None),
        ({"grant_type": "client_credentials", "authorities": '{"az_attr":{"a":1}}'}, 400, "invalid_request", None),
        (
            {"grant_type": "client_credentials", "authorities": '{"az_attr":{"a":"\\ud800"}}'},
            400,
            "invalid_request",
            None,
        ),
        ({"grant_type": "client_credentials", "scope": "a\x00b"}, 400, "invalid_request", None),
        ({"grant_type": "client_credentials", "scope": 'a"b'}, 400, "invalid_request", None),
        ({"grant_type": "password", "username": "a"}, 400, "invalid_request", "Missing parameter: password"),
    ],
)
def test_bad_requests_get_the_errors_that_clients_know(
    *, server: RunningAuthServer, app: BoundApplication, form: dict, status: int, error: str, text: str | None
) -> None:
    answer = server.token(app, **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["entryway-error"] == error
    if text:
        assert answer.json()["error_description"] == text


def test_credentials_in_two_ways_that_disagree_are_refused(server: RunningAuthServer, app: BoundApplication) -> None:
    answer = server.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "client_id": "sb-other!t1"},
        auth=(app.client_id, app.secret),
    )
    assert answer.status_code == 400
    assert answer.json()["error_description"] == "Given client ID does not match authenticated client"


def test_credentials_that_are_said_twice_must_be_the_same(server: RunningAuthServer, app: BoundApplication) -> None:
    def ask(secret: str) -> int:
        form = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": secret}
        return server.http.post("/oauth/token", data=form, auth=(app.client_id, app.secret)).status_code

    assert ask(app.secret) == 200
    assert ask("another") == 400
    assert ask("") == 200  # as good as not said (RFC 6749 §3.2)


def test_a_secret_in_the_url_is_refused(server: RunningAuthServer, app: BoundApplication) -> None:
    query = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.secret}
    assert server.http.post("/oauth/token", params=query).status_code == 400
    assert server.http.get("/oauth/token", params=query).status_code == 400


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"grant_type=client_credentials&x=" + b"a" * 1_100_000, "application/x-www-form-urlencoded", 413),
        (b"grant_type=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"grant_type=\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a%d=1" % n for n in range(500)), "application/x-www-form-urlencoded", 400),
        (b"grant_type=a&grant_type=b", "application/x-www-form-urlencoded", 400),
        (b'{"grant_type":"client_credentials"}', "application/json", 415),
        (b"x", "multipart/form-data", 415),
    ],
)
def test_bodies_that_are_no_form_are_refused(
    server: RunningAuthServer, body: bytes, content_type: str, status: int
) -> None:
    answer = server.http.post("/oauth/token", content=body, headers={"content-type": content_type})
    assert answer.status_code == status
    assert "error" in answer.json()


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !!!", "Basic Og==", "Basic /w==", "Bearer x", "Basic YTpi\u00ff", "Digest x"]
)
def test_an_authorization_header_that_is_not_basic_is_refused(server: RunningAuthServer, authorization: str) -> None:
    answer = server.http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"authorization": authorization.encode("latin-1")},
    )
    assert answer.status_code == 401
    assert answer.json()["error_description"] == "Bad credentials"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(server: RunningAuthServer, method: str) -> None:
    answer = server.http.request(method, "/oauth/token")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["error"] == "method_not_allowed"
    # Routes for one path stand apart, and all of their methods count.
    answer = server.http.put("/entryway/v1/tenants/x")
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, PATCH")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "method_not_allowed"


def test_a_client_may_only_use_the_grants_it_declared(server: RunningAuthServer) -> None:
    limited = server.deploy({"xsappname": "code-only", "oauth2-configuration": {"grant-types": ["authorization_code"]}})
    answer = server.token(limited, grant_type="client_credentials")
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client", "error_description": "Unauthorized grant type"}


def test_additional_attributes_reach_the_token(server: RunningAuthServer, app: BoundApplication) -> None:
    answer = server.token(app, grant_type="client_credentials", authorities='{"az_attr":{"a":"b"}}')
    assert claims(answer.json()["access_token"])["az_attr"] == {"a": "b"}


def test_a_scope_beyond_what_the_client_may_have_is_refused(
    server: RunningAuthServer, app: BoundApplication, editor: str
) -> None:
    other = server.deploy({"xsappname": "other-scopes", "scopes": [{"name": "$XSAPPNAME.Secret"}]})
    answer = server.token(
        app, grant_type="password", username=editor, password="correct horse", scope=f"{other.name}.Secret"
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_scope"


def test_a_user_gets_no_scope_without_the_role(server: RunningAuthServer, app: BoundApplication, viewer: str) -> None:
    form = {"grant_type": "password", "username": viewer, "password": "correct horse"}
    answer = server.token(app, **form, scope=f"{app.name}.Edit")
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "invalid_scope",
            "error_description": f"{app.name}.Edit is invalid. This user is not allowed any of the requested scopes",
            "scope": f"openid {app.name}.Display",
        },
    )
    assert server.token(app, **form, scope=f"{app.name}.Edit openid").json()["scope"] == "openid"


def test_a_client_of_another_origin_is_not_served(server: RunningAuthServer, viewer: str) -> None:
    closed = server.deploy(
        {"xsappname": "partners-only", "oauth2-configuration": {"allowedproviders": ["partner.example"]}}
    )
    answer = server.token(closed, grant_type="password", username=viewer, password="correct horse")
    assert answer.status_code == 401
    assert answer.json()["error_description"] == "Client is not authorized for specified user's identity provider."


def test_the_redirect_uri_must_be_the_one_of_the_authorization(
    server: RunningAuthServer, app: BoundApplication, code: str
) -> None:
    answer = server.redeem(app, code, redirect_uri=REDIRECT_URI + "/other")
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "Redirect URI mismatch."}


def test_a_token_that_no_header_could_carry_is_refused_with_the_reason(server: RunningAuthServer) -> None:
    scopes = [f"$XSAPPNAME.{'x' * 80}{number}" for number in range(200)]
    huge = server.deploy(
        {
            "xsappname": "huge",
            "scopes": [{"name": name} for name in scopes],
            "role-templates": [{"name": "All", "scope-references": scopes}],
            "role-collections": [{"name": "Huge", "role-template-references": ["$XSAPPNAME.All"]}],
        }
    )
    server.user("huge@example.com", "correct horse", ["Huge"])
    form = {"grant_type": "password", "username": "huge@example.com", "password": "correct horse"}
    answer = server.token(huge, **form)
    assert answer.status_code == 400
    assert "larger than 16 KB" in answer.json()["error_description"]
    assert server.token(huge, **form, scope=scopes[0].replace("$XSAPPNAME", huge.name)).status_code == 200


def test_tokens_end_with_their_client(server: RunningAuthServer, app: BoundApplication, code: str) -> None:
    token = server.redeem(app, code).json()["access_token"]
    other = server.clone("connectivity")

    def active() -> bool:
        answer = server.http.post("/introspect", data={"token": token}, auth=(other.client_id, other.secret))
        return answer.json()["active"]

    assert active()
    server.platform("DELETE", f"/applications/{app.instance_id}")
    assert not active()


def test_no_secret_reaches_the_log(
    server: RunningAuthServer,
    app: BoundApplication,
    browser: Browser,
    editor: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    code = browser.log_in(app, editor, "correct horse", state="the-state-of-a-client")
    tokens = server.redeem(app, code).json()
    server.redeem(app, code)
    server.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    server.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"] + "x")
    server.token(app, grant_type="password", username=editor, password="a wrong horse")
    server.token(app, grant_type="password", username="a typed password", password="x")
    server.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(app.client_id, "wrong-secret"))
    logged = "".join(capfd.readouterr())
    assert "login_completed" in logged
    assert "request_refused" in logged
    secrets = [code, "correct horse", "a wrong horse", "a typed password", "wrong-secret", app.secret]
    secrets += [tokens[name] for name in ("access_token", "refresh_token", "id_token")]
    secrets += list(browser.http.cookies.values())
    for secret in secrets:
        assert secret not in logged
