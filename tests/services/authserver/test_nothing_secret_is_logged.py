"""A session with every grant, right and wrong, and its log: no password, secret, token, code, assertion or cookie."""

from __future__ import annotations

import pytest
from test_autologin import arrived, begun
from test_token_endpoint import claims

from entryway.authserver.grants.saml_bearer import SAML2_BEARER
from entryway.authserver.grants.table import JWT_BEARER, TOKEN_EXCHANGE
from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer

PASSWORD = "correct horse"
WRONG = {
    "assertion": "PHNhbWw6QXNzZXJ0aW9uPmZvcmdlZA",
    "client_assertion": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJmb3JnZWQifQ.Zm9yZ2Vk",
    "code": "a-code-that-was-guessed",
    "code_verifier": "a-verifier-of-the-length-that-is-wanted-and-more",
    "passcode": "a-guessed-passcode",
    "password": "a wrong horse",
    "refresh_token": "a-refresh-token-that-was-guessed",
    "secret": "a-client-secret-that-was-guessed",
    "subject_token": "a-subject-token-that-was-guessed",
    "typed": "a password in the field of names",
}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def test_every_grant(
    server: RunningAuthServer,
    app: BoundApplication,
    browser: Browser,
    editor: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    other = server.clone("destination-xsappname")
    capfd.readouterr()
    code = browser.log_in(app, editor, PASSWORD)
    issued = [server.redeem(app, code).json()]
    user = {"access": issued[0]["access_token"], "refresh": issued[0]["refresh_token"]}
    autologin = begun(server, app, editor).json()["code"]
    arrived(browser, app, autologin)
    shown = {"accept": "application/json"}
    passcode = browser.http.get("/passcode", headers=shown).json()["passcode"]
    right = [
        (app, {"grant_type": "client_credentials"}),
        (app, {"grant_type": "client_credentials", "token_format": "opaque"}),
        (app, {"grant_type": "refresh_token", "refresh_token": user["refresh"]}),
        (app, {"grant_type": "password", "username": editor, "password": PASSWORD}),
        (app, {"grant_type": "password", "passcode": passcode}),
        (other, {"grant_type": JWT_BEARER, "assertion": user["access"]}),
        (
            other,
            {"grant_type": TOKEN_EXCHANGE, "subject_token": user["access"], "subject_token_type": ACCESS_TOKEN},
        ),
    ]
    for client, form in right:
        answer = server.token(client, **form)
        assert answer.status_code == 200, (form["grant_type"], answer.text)
        issued.append(answer.json())
    bearer = {"authorization": f"Bearer {user['access']}"}
    handed_over = {"grant_type": "user_token", "client_id": other.client_id}
    assert server.http.post("/oauth/token", data=handed_over, headers=bearer).status_code == 403

    wrong = [
        {"grant_type": "authorization_code", "code": WRONG["code"], "code_verifier": WRONG["code_verifier"]},
        {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost:5000/login/callback"},
        {"grant_type": "refresh_token", "refresh_token": WRONG["refresh_token"]},
        {"grant_type": "password", "username": editor, "password": WRONG["password"]},
        {"grant_type": "password", "username": WRONG["typed"], "password": "x"},
        {"grant_type": "password", "passcode": WRONG["passcode"]},
        {"grant_type": JWT_BEARER, "assertion": WRONG["client_assertion"]},
        {"grant_type": SAML2_BEARER, "assertion": WRONG["assertion"]},
        {"grant_type": TOKEN_EXCHANGE, "subject_token": WRONG["subject_token"], "subject_token_type": ACCESS_TOKEN},
        {"grant_type": WRONG["password"]},
    ]
    refused = [server.token(app, **form).status_code for form in wrong]
    assert all(400 <= status < 500 for status in refused), refused
    signed = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": WRONG["client_assertion"]}
    credentials = {"grant_type": "client_credentials"}
    server.http.post("/oauth/token", data={**credentials, **signed})
    server.http.post("/oauth/token", data=credentials, auth=(app.client_id, WRONG["secret"]))
    server.http.get(
        "/oauth/token", params={**credentials, "client_id": app.client_id, "client_secret": WRONG["secret"]}
    )
    opaque = issued[2]["access_token"]
    # An opaque token is its own id, and the id is in the path.
    server.http.delete(f"/oauth/token/revoke/{opaque}", headers={"authorization": f"Bearer {WRONG['subject_token']}"})
    server.http.delete(f"/oauth/token/revoke/{opaque}", headers=bearer)
    server.http.get(f"/oauth/token/revoke/{opaque}", headers=bearer)
    for path in ("/introspect", "/check_token", "/userinfo", "/oauth/revoke"):
        server.http.post(path, data={"token": user["access"]}, auth=(other.client_id, other.secret))
        server.http.post(path, data={"token": WRONG["subject_token"]}, headers=bearer)
    browser.http.get("/oauth/authorize", params={"client_id": "nobody", "state": WRONG["code"]})

    logged = "".join(capfd.readouterr())
    for event in ("token_issued", "request_refused", "login_completed"):
        assert event in logged
    secrets = [
        PASSWORD,
        code,
        autologin,
        passcode,
        app.secret,
        other.secret,
        *WRONG.values(),
        *browser.http.cookies.values(),
    ]
    for answer in issued:
        secrets += [answer[name] for name in ("access_token", "refresh_token", "id_token") if name in answer]
    assert claims(user["access"])["jti"] in logged  # which token it was may be told: a signed one is not its id
    assert [secret for secret in secrets if secret in logged] == []
