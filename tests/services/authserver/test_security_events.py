"""Who tried what: logins, clients and tokens on the audit trail."""

from __future__ import annotations

from pathlib import Path

from entryway.testing.authserver import running_authserver
from entryway.testing.databases import DatabaseUrl, contents, execute

_EVENTS = "select event, object_id, details from audit_entries where category = 'audit.security-events' order by number"


def test_who_logs_in_and_who_fails_to_is_told_without_what_they_typed(
    tmp_path: Path, database_url: DatabaseUrl
) -> None:
    with running_authserver(tmp_path, database_url=database_url) as server:
        app = server.deploy({"xsappname": "watched"})
        erin = server.user("erin", "correct horse")["id"]
        for name, password in (
            ("erin", "correct horse"),
            ("erin", "wrong-battery-staple"),
            ("my-password-in-the-wrong-field", "x"),
        ):
            server.token(app, grant_type="password", username=name, password=password)
        for _ in range(3):
            server.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=(app.client_id, "guessed"))
    told = execute(database_url(tmp_path, "authserver"), _EVENTS)
    events = [(event, of) for event, of, _ in told]
    assert ("UserAuthenticationSuccess", erin) in events
    assert ("UserAuthenticationFailure", erin) in events
    assert ("UserNotFound", "UNKNOWN_USER") in events
    assert ("AccessGranted", app.client_id) in events
    assert any(event == "ClientAuthenticationFailure" and app.client_id in str(details) for event, _, details in told)
    stored = contents(database_url(tmp_path, "authserver"))
    for typed in (b"wrong-battery-staple", b"my-password-in-the-wrong-field", b"guessed"):
        assert typed not in stored
