"""Tokens that the server knows one by one, and how tokens end before their time."""

from __future__ import annotations

import re

import httpx
import pytest
from test_exchanges import JWT_BEARER, PASSWORD
from test_token_endpoint import claims

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer


def introspect(server: RunningAuthServer, app: BoundApplication, token: str) -> dict:
    answer = server.http.post("/introspect", data={"token": token}, auth=(app.client_id, app.secret))
    assert answer.status_code == 200
    return answer.json()


def revoke(server: RunningAuthServer, app: BoundApplication, token: str, path: str = "/oauth/revoke") -> httpx.Response:
    return server.http.post(path, data={"token": token}, auth=(app.client_id, app.secret))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def login(server: RunningAuthServer, app: BoundApplication, code: str) -> dict:
    return server.redeem(app, code).json()


def test_an_opaque_token_says_nothing_and_is_known_here(
    server: RunningAuthServer, app: BoundApplication, editor: str
) -> None:
    body = server.token(app, grant_type="password", username=editor, password=PASSWORD, token_format="opaque").json()

    assert re.fullmatch(r"[0-9a-f]{32}", body["access_token"])
    known = introspect(server, app, body["access_token"])
    assert known["active"] is True
    assert known["user_name"] == editor
    assert known["revocable"] is True
    assert known["jti"] == body["access_token"]
    assert set(known["scope"]) == set(body["scope"].split())
    who = server.http.get("/userinfo", headers=bearer(body["access_token"]))
    assert who.json()["user_name"] == editor
    exchanged = server.token(app, grant_type=JWT_BEARER, assertion=body["access_token"])
    assert claims(exchanged.json()["access_token"])["user_name"] == editor


def test_an_opaque_token_ends_when_it_expires_and_is_of_its_kind(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    token = server.token(app, grant_type="client_credentials", token_format="opaque").json()["access_token"]
    assert introspect(server, app, token)["sub"] == app.client_id
    server.clock.advance(hours=13)
    assert introspect(server, app, token) == {"active": False}
    assert introspect(server, app, "0" * 32) == {"active": False}


def test_a_token_format_that_does_not_exist_is_refused(server: RunningAuthServer, app: BoundApplication) -> None:
    answer = server.token(app, grant_type="client_credentials", token_format="paper")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth/revoke", "/revoke"])
@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_a_client_ends_one_of_its_tokens(
    server: RunningAuthServer, app: BoundApplication, path: str, token_format: str
) -> None:
    one, other = (
        server.token(app, grant_type="client_credentials", token_format=token_format).json()["access_token"]
        for _ in range(2)
    )
    ended = revoke(server, app, one, path)
    assert (ended.status_code, ended.json()) == (200, {})
    assert introspect(server, app, one) == {"active": False}
    assert introspect(server, app, other)["active"] is True
    assert revoke(server, app, one, path).json() == {}


def test_a_revoked_refresh_token_takes_its_access_tokens_along(
    server: RunningAuthServer, app: BoundApplication, login: dict
) -> None:
    assert revoke(server, app, login["refresh_token"]).status_code == 200
    refused = server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert introspect(server, app, login["access_token"]) == {"active": False}


@pytest.fixture
def exchanged(server: RunningAuthServer, login: dict) -> tuple[BoundApplication, dict]:
    other = server.clone("destination-xsappname")
    body = server.token(other, grant_type=JWT_BEARER, assertion=login["access_token"]).json()
    again = server.token(other, grant_type="refresh_token", refresh_token=body["refresh_token"])
    assert again.json()["refresh_token"] == body["refresh_token"]
    assert claims(again.json()["access_token"])["user_id"] == claims(login["access_token"])["user_id"]
    return other, body


def test_the_refresh_token_of_an_exchange_is_its_clients_and_of_this_tenant(
    server: RunningAuthServer, app: BoundApplication, exchanged: tuple[BoundApplication, dict]
) -> None:
    other, body = exchanged
    token = body["refresh_token"]
    foreign = server.token(app, grant_type="refresh_token", refresh_token=token)
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for wrong in (changed, token[:-4], "s.", "s.????", f"s.{'A' * 20_000}"):
        refused = server.token(other, grant_type="refresh_token", refresh_token=wrong)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    server.clock.advance(days=8)
    assert server.token(other, grant_type="refresh_token", refresh_token=token).status_code == 401


def test_the_refresh_token_of_an_exchange_can_be_ended(
    server: RunningAuthServer, exchanged: tuple[BoundApplication, dict]
) -> None:
    other, body = exchanged
    assert revoke(server, other, body["refresh_token"]).status_code == 200
    refused = server.token(other, grant_type="refresh_token", refresh_token=body["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    assert introspect(server, other, body["access_token"]) == {"active": False}


def test_everything_of_a_user_at_a_client_ends_and_nothing_else(
    server: RunningAuthServer, app: BoundApplication, login: dict, exchanged: tuple[BoundApplication, dict]
) -> None:
    other, body = exchanged
    user_id, platform = claims(login["access_token"])["user_id"], bearer(server.platform_token())
    path = f"/oauth/token/revoke/user/{user_id}/client/{other.client_id}"
    assert server.http.delete(path, headers=platform).status_code == 200
    assert introspect(server, other, body["access_token"]) == {"active": False}
    refresh = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert server.token(other, **refresh).status_code == 401
    assert introspect(server, app, login["access_token"])["active"] is True
    server.clock.advance(seconds=2)
    fresh = server.token(other, grant_type=JWT_BEARER, assertion=login["access_token"]).json()
    assert introspect(server, other, fresh["access_token"])["active"] is True
    assert server.token(other, grant_type="refresh_token", refresh_token=fresh["refresh_token"]).status_code == 200


def test_a_users_token_can_be_ended_alone(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    assert revoke(server, app, login["access_token"]).status_code == 200
    assert introspect(server, app, login["access_token"]) == {"active": False}
    assert server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"]).status_code == 200


def test_a_client_cannot_end_tokens_of_another(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    other = server.clone("destination-xsappname")
    for token in (login["access_token"], login["refresh_token"], "nonsense"):
        assert revoke(server, other, token).status_code == 200
    assert introspect(server, app, login["access_token"])["active"] is True
    assert server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"]).status_code == 200


def test_revocation_needs_a_client_and_a_token(server: RunningAuthServer, app: BoundApplication) -> None:
    assert server.http.post("/oauth/revoke", data={"token": "x"}).status_code == 401
    assert server.http.post("/oauth/revoke", data={"token": "x"}, auth=(app.client_id, "wrong")).status_code == 401
    assert server.http.post("/oauth/revoke", auth=(app.client_id, app.secret)).status_code == 400
    assert server.http.get("/oauth/revoke").status_code == 405


def test_a_user_ends_all_of_their_tokens(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    user_id = claims(login["access_token"])["user_id"]
    ended = server.http.get(f"/oauth/token/revoke/user/{user_id}", headers=bearer(login["access_token"]))
    assert ended.status_code == 200
    assert introspect(server, app, login["access_token"]) == {"active": False}
    assert server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"]).status_code == 401


def test_nobody_ends_the_tokens_of_others(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    user_id = claims(login["access_token"])["user_id"]
    for path, token in (
        (f"/oauth/token/revoke/user/{user_id}", own),
        ("/oauth/token/revoke/user/somebody", login["access_token"]),
        (f"/oauth/token/revoke/client/{app.client_id}", login["access_token"]),
        ("/oauth/token/revoke/client/entryway-platform", own),
        (f"/oauth/token/revoke/user/{user_id}/client/{app.client_id}", own),
        ("/oauth/token/revoke/another", own),
        (f"/oauth/token/list/user/{user_id}", own),
        ("/oauth/token/list/client/entryway-platform", own),
    ):
        assert server.http.get(path, headers=bearer(token)).status_code == 403, path
        assert server.http.get(path).status_code == 401, path
    assert introspect(server, app, login["access_token"])["active"] is True


def test_the_platform_ends_tokens_of_users_and_clients(
    server: RunningAuthServer, app: BoundApplication, login: dict
) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    platform, user_id = bearer(server.platform_token()), claims(login["access_token"])["user_id"]
    assert (
        server.http.delete(f"/oauth/token/revoke/user/{user_id}/client/{app.client_id}", headers=platform).status_code
        == 200
    )
    assert introspect(server, app, login["access_token"]) == {"active": False}
    assert introspect(server, app, own)["active"] is True
    assert server.http.delete(f"/oauth/token/revoke/client/{app.client_id}", headers=platform).status_code == 200
    assert introspect(server, app, own) == {"active": False}
    assert server.token(app, grant_type="client_credentials").status_code == 200
    for path in ("user/nobody", "client/nobody", "nothing"):
        assert server.http.delete(f"/oauth/token/revoke/{path}", headers=platform).status_code == 404


def test_opaque_tokens_are_listed_and_ended_by_their_place_in_the_list(
    server: RunningAuthServer, app: BoundApplication, editor: str
) -> None:
    token = server.token(app, grant_type="password", username=editor, password=PASSWORD, token_format="opaque").json()[
        "access_token"
    ]
    user_id = introspect(server, app, token)["user_id"]
    for path, caller in (
        ("/oauth/token/list", token),
        (f"/oauth/token/list/user/{user_id}", token),
        (f"/oauth/token/list/client/{app.client_id}", server.platform_token()),
    ):
        listed = server.http.get(path, headers=bearer(caller)).json()
        assert [(one["clientId"], one["userId"]) for one in listed] == [(app.client_id, user_id)]
        assert token not in str(listed)
    platform = bearer(server.platform_token())
    assert server.http.delete(f"/oauth/token/revoke/{listed[0]['tokenId']}", headers=platform).status_code == 200
    assert introspect(server, app, token) == {"active": False}


def test_a_token_ends_itself(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    jti = claims(login["access_token"])["jti"]
    ended = server.http.delete(f"/oauth/token/revoke/{jti}", headers=bearer(login["access_token"]))
    assert ended.status_code == 200
    assert introspect(server, app, login["access_token"]) == {"active": False}


def test_a_passcode_logs_a_program_in_once(
    server: RunningAuthServer, app: BoundApplication, browser: Browser, editor: str
) -> None:
    page = browser.http.get("/passcode", follow_redirects=True)
    assert 'name="password"' in page.text
    arrived = browser.submit(page, editor, PASSWORD)
    assert (arrived.status_code, arrived.headers["location"]) == (302, "/passcode")
    first = browser.http.get("/passcode", headers={"accept": "application/json"}).json()["passcode"]
    shown = re.search(r"<output>(\w+)</output>", browser.http.get("/passcode").text)
    assert shown
    form = {"grant_type": "password", "passcode": shown[1]}
    assert server.token(app, grant_type="password", passcode=first).status_code == 401
    body = server.token(app, **form).json()
    assert claims(body["access_token"])["user_name"] == editor
    again = server.token(app, **form)
    assert (again.status_code, again.json()["error_description"]) == (401, "Bad credentials")


def test_a_passcode_is_good_for_five_minutes(
    server: RunningAuthServer, app: BoundApplication, browser: Browser, editor: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    code = browser.http.get("/passcode", headers={"accept": "application/json"}).json()["passcode"]
    server.clock.advance(minutes=5)
    assert server.token(app, grant_type="password", passcode=code).status_code == 401


@pytest.mark.parametrize("path", ["/passcode", "/config?action=who"])
def test_a_program_that_is_not_logged_in_is_told_so(server: RunningAuthServer, path: str) -> None:
    answer = server.http.get(path, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (401, "login_required")


def test_people_see_who_they_are(app: BoundApplication, browser: Browser, editor: str) -> None:
    page = browser.http.get("/config", params={"action": "who", "details": "true"})
    arrived = browser.submit(page, editor, PASSWORD)
    assert arrived.headers["location"] == "/config?action=who&details=true"
    who = browser.http.get(
        "/config", params={"action": "who", "details": "true"}, headers={"accept": "application/json"}
    ).json()
    assert who["user_name"] == editor
    assert who["role_collections"] == [f"{app.name.partition('!')[0]} Editor"]
    assert f"{app.name}.Edit" in who["scopes"]
    assert editor in browser.http.get("/config", params={"action": "who"}).text
    assert browser.http.get("/config", params={"action": "reboot"}).status_code == 404
