"""What a running authorization server has counted of tokens and logins."""

from __future__ import annotations

from pathlib import Path

from entryway.telemetry.service_meters import ServiceMeters
from entryway.testing.authserver import running_authserver

PASSWORD = "correct horse"


def test_tokens_and_logins_are_counted_in_the_browser_and_at_the_token_endpoint(tmp_path: Path) -> None:
    meters = ServiceMeters("authserver")
    with running_authserver(tmp_path, meters=meters) as server:
        app = server.deploy(
            {"xsappname": "counted", "oauth2-configuration": {"redirect-uris": ["http://localhost:*/**"]}}
        )
        server.user("erin", PASSWORD)
        browser = server.browser()
        code = browser.log_in(app, "erin", PASSWORD)
        refresh = server.redeem(app, code).json()["refresh_token"]
        server.token(app, grant_type="refresh_token", refresh_token=refresh)
        server.token(app, grant_type="password", username="erin", password=PASSWORD)
        for _ in range(6):
            server.token(app, grant_type="password", username="erin", password="wrong")
        browser.http.close()
    assert meters.tokens.pop("client_credentials") > 0  # the platform's
    assert dict(meters.tokens) == {"authorization_code": 1, "refresh_token": 1, "password": 1}
    assert dict(meters.logins) == {("own", "succeeded"): 2, ("own", "failed"): 5, ("own", "locked"): 1}
    assert sum(meters.requests["/login.do", "POST", 3].counts) == 1
    assert sum(meters.requests["/oauth/token", "POST", 4].counts) == 6
    assert meters.refusals["unauthorized"] == 6
