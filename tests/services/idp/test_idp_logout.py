from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import jwt as pyjwt
import pytest

from entryway.testing.idp import CALLBACK, Person, RegisteredApplication, RunningIdp, code_in

GOODBYE = "https://app.example.com/goodbye"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Notices(BaseHTTPRequestHandler):
    """An application that is told of logouts, and answers what its server says."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, parse_qs(body.decode())))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def notices():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Notices)
    server.received, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: ThreadingHTTPServer) -> str:
    return f"http://localhost:{server.server_address[1]}/notice"


def wait_for(server: ThreadingHTTPServer, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(server.received) < count:
        assert time.monotonic() < deadline, f"{len(server.received)} notices"
        time.sleep(0.01)


def logged_in(idp: RunningIdp, person: Person, application: RegisteredApplication, name: str) -> dict:
    page = person.authorize(application)
    answer = page if page.status_code == 302 else person.log_in(page, name)
    return idp.redeem(application, code_in(answer)).json()


def test_who_comes_from_an_application_is_logged_out_and_sent_back(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application(post_logout_redirect_uris=[GOODBYE])
    tokens = logged_in(idp, person, application, name)
    query = {"post_logout_redirect_uri": GOODBYE, "id_token_hint": tokens["id_token"], "state": "s"}
    answer = person.http.get("/oauth2/logout", params=query)
    assert answer.headers["location"] == f"{GOODBYE}?state=s"
    assert "Log in" in person.authorize(application).text
    # Every token of the session has ended with it.
    refreshed = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert idp.http.get("/oauth2/userinfo", headers=bearer).status_code == 401


def test_a_hint_may_have_expired(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application(post_logout_redirect_uris=[GOODBYE])
    tokens = logged_in(idp, person, application, name)
    idp.clock.advance(hours=5)
    query = {"post_logout_redirect_uri": GOODBYE, "id_token_hint": tokens["id_token"]}
    assert person.http.get("/oauth2/logout", params=query).headers["location"] == GOODBYE


@pytest.mark.parametrize(
    "target",
    ["https://evil.example.com/", "//evil.example.com", "javascript:alert(1)", f"{GOODBYE}.evil.example", CALLBACK],
)
def test_nobody_is_sent_elsewhere(idp: RunningIdp, person: Person, name: str, target: str) -> None:
    idp.user(name)
    application = idp.application(post_logout_redirect_uris=[GOODBYE])
    logged_in(idp, person, application, name)
    query = {"post_logout_redirect_uri": target, "client_id": application.client_id}
    answer = person.http.get("/oauth2/logout", params=query)
    assert answer.status_code == 200
    assert "location" not in answer.headers
    # Logged out nevertheless.
    assert "You are logged out" in answer.text
    assert "Log in" in person.authorize(application).text


def test_who_comes_from_nowhere_is_asked(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    logged_in(idp, person, application, name)
    foreign = {"id_token_hint": "x.y.z", "client_id": application.client_id}
    for query in ({}, {"post_logout_redirect_uri": GOODBYE}, {"client_id": "nobody"}, foreign):
        page = person.http.get("/oauth2/logout", params=query)
        assert "Do you want to log out?" in page.text
    assert code_in(person.authorize(application))
    logged_in(idp, other_person, application, name)
    theirs = other_person.http.get("/oauth2/logout")
    (csrf,) = [part.split('"')[0] for part in theirs.text.split('name="csrf" value="')[1:]]
    assert person.http.post("/oauth2/logout", data={"csrf": csrf}).headers["entryway-error"] == "csrf"
    assert "You are logged out" in person.send(page, "/oauth2/logout").text
    assert "Log in" in person.authorize(application).text


def test_applications_are_told_by_a_token_that_can_be_believed(
    idp: RunningIdp, person: Person, notices: ThreadingHTTPServer, name: str
) -> None:
    idp.user(name)
    application = idp.application(back_channel_logout_uri=address(notices))
    silent = idp.application()
    tokens = logged_in(idp, person, application, name)
    logged_in(idp, person, silent, name)
    # Which of several applications sends the user away does not matter.
    person.http.get("/oauth2/logout", params={"client_id": silent.client_id})
    wait_for(notices, 1)
    ((path, form),) = notices.received
    assert path == "/notice"
    (token,) = form["logout_token"]
    keys = pyjwt.PyJWKSet.from_dict(idp.http.get("/oauth2/certs").json())
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    body = pyjwt.decode(token, key, algorithms=["RS256"], audience=application.client_id, issuer=idp.url)
    access = pyjwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert body["sid"] == access["sid"]
    assert body["sub"] == access["sub"]
    assert body["events"] == {EVENT: {}}
    assert "nonce" not in body
    assert body["jti"]
    # It is no token by which anybody could act.
    assert idp.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {token}"}).status_code == 401
    exchanged = idp.token(application, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=token)
    assert exchanged.json()["error"] == "invalid_grant"


def test_an_application_that_fails_is_told_twice_and_holds_up_nobody(
    idp: RunningIdp, person: Person, notices: ThreadingHTTPServer, name: str
) -> None:
    idp.user(name)
    notices.status = 503
    failing = idp.application(back_channel_logout_uri=address(notices))
    away = idp.application(back_channel_logout_uri="http://localhost:9/away")
    for application in (failing, away):
        logged_in(idp, person, application, name)
    assert "You are logged out" in person.http.get("/oauth2/logout", params={"client_id": away.client_id}).text
    wait_for(notices, 2)
    assert len(notices.received) == 2


@pytest.mark.parametrize("how", ["inactive", "another password", "deleted"])
def test_administrators_log_users_out_of_applications_too(
    idp: RunningIdp, person: Person, notices: ThreadingHTTPServer, name: str, how: str
) -> None:
    idp.user(name)
    application = idp.application(back_channel_logout_uri=address(notices))
    logged_in(idp, person, application, name)
    match how:
        case "inactive":
            idp.user(name, active=False)
        case "another password":
            idp.user(name, "another good password")
        case "deleted":
            assert idp.admin("DELETE", f"/users/{name}").status_code == 204
    wait_for(notices, 1)
    assert json.dumps(notices.received[0][1])
