"""What a running identity provider has counted, and that the log of the same session holds no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from entryway.telemetry.service_meters import ServiceMeters
from entryway.testing.databases import contents, sqlite_url
from entryway.testing.idp import ADMIN_SECRET, CALLBACK, PASSWORD, code_in, running_idp

WRONG = ["a wrong horse", "a-guessed-code", "a-guessed-refresh-token", "a-guessed-client-secret", "a-guessed-token"]


def test_tokens_and_logins(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    meters = ServiceMeters("idp")
    with running_idp(tmp_path, meters=meters) as server:
        app = server.application(grant_types=["authorization_code", "refresh_token", "client_credentials", "password"])
        server.user("erin@example.com")
        person = server.person()
        page = person.log_in(person.authorize(app), "erin@example.com", WRONG[0])
        assert page.status_code == 401
        code = code_in(person.log_in(page, "erin@example.com"))
        issued = server.redeem(app, code).json()
        secrets = [PASSWORD, ADMIN_SECRET, app.secret, code, *WRONG, *person.http.cookies.values()]
        secrets += [issued[name] for name in ("access_token", "id_token", "refresh_token")]
        assert server.token(app, grant_type="client_credentials").status_code == 200
        refreshed = server.token(app, grant_type="refresh_token", refresh_token=issued["refresh_token"])
        secrets += [refreshed.json()[name] for name in ("access_token", "refresh_token")]
        server.redeem(app, code)
        server.redeem(app, WRONG[1])
        server.token(app, grant_type="refresh_token", refresh_token=WRONG[2])
        server.token(app, grant_type="password", username="erin@example.com", password=WRONG[0])
        server.http.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=(app.client_id, WRONG[3]))
        for path in ("/oauth2/introspect", "/oauth2/revoke"):
            server.http.post(path, data={"token": WRONG[4]}, auth=(app.client_id, app.secret))
        server.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {WRONG[4]}"})
        person.http.close()
        with server.person().http as somebody:
            # A login that is open is as secret as what comes of it.
            query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": CALLBACK, "scope": "openid"}
            page = somebody.get("/oauth2/authorize", params=query | {"state": "state-of-an-open-login"})
            assert page.status_code == 200
    stored = contents(sqlite_url(tmp_path, "idp"))
    assert [each for each in (*secrets, "state-of-an-open-login") if each.encode() in stored] == []
    assert dict(meters.tokens) == {"authorization_code": 1, "client_credentials": 1, "refresh_token": 1}
    assert dict(meters.logins) == {("own", "succeeded"): 1, ("own", "failed"): 2}
    logged = "".join(capfd.readouterr())
    assert "token_issued" in logged
    assert [secret for secret in secrets if secret in logged] == []
