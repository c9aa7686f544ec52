"""Requests that come at one moment: none of them gets what only one may have, and none of them fails."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx

from entryway.testing.authserver import REDIRECT_URI, BoundApplication, Browser, RunningAuthServer

Result = TypeVar("Result")


def together(times: int, ask: Callable[[httpx.Client], Result], server: RunningAuthServer) -> list[Result]:
    def alone(_: int) -> Result:
        with httpx.Client(base_url=server.url, verify=server.tls, timeout=30) as http:
            return ask(http)

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(alone, range(times)))


def test_one_of_many_redeems_a_code_and_then_nobody_has_anything(
    server: RunningAuthServer, app: BoundApplication, code: str
) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "client_id": app.client_id,
        "client_secret": app.secret,
    }
    answers = together(8, lambda http: http.post("/oauth/token", data=form), server)
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.json()["error"] for answer in answers if answer not in won} == {"invalid_grant"}
    refresh = server.token(app, grant_type="refresh_token", refresh_token=won[0].json()["refresh_token"])
    assert refresh.status_code == 401


def test_one_login_form_gives_one_code(
    browser: Browser, server: RunningAuthServer, app: BoundApplication, editor: str
) -> None:
    page = browser.authorize(app)
    cookie = f"__Host-entryway-browser={browser.http.cookies['__Host-entryway-browser']}"

    def submit(http: httpx.Client) -> httpx.Response:
        sender = Browser(server.url, server.tls)
        sender.http.headers["cookie"] = cookie
        answer = sender.submit(page, editor, "correct horse")
        sender.http.close()
        return answer

    assert sorted(answer.status_code for answer in together(4, submit, server)) == [302, 400, 400, 400]


def test_guesses_at_one_moment_are_all_counted(server: RunningAuthServer, app: BoundApplication, editor: str) -> None:
    def guess(http: httpx.Client) -> int:
        form = {"grant_type": "password", "username": editor, "password": "wrong"}
        return http.post("/oauth/token", data=form, auth=(app.client_id, app.secret)).status_code

    assert set(together(8, guess, server)) == {401}
    right = server.token(app, grant_type="password", username=editor, password="correct horse")
    assert right.status_code == 401


def test_the_same_binding_asked_for_at_one_moment_is_one_binding(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    headers = {"authorization": f"Bearer {server.platform_token()}"}
    path = f"/entryway/v1/applications/{app.instance_id}/bindings/{uuid.uuid4()}"
    answers = together(6, lambda http: http.put(path, headers=headers), server)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["clientsecret"] for answer in answers}) == 1


def test_the_same_application_and_user_put_at_one_moment_are_one(server: RunningAuthServer) -> None:
    headers = {"authorization": f"Bearer {server.platform_token()}"}
    instance, name = uuid.uuid4(), f"raced-{uuid.uuid4().hex[:6]}"
    body = {"plan": "application", "xs_security": {"xsappname": name, "scopes": [{"name": "$XSAPPNAME.A"}]}}
    answers = together(
        6, lambda http: http.put(f"/entryway/v1/applications/{instance}", json=body, headers=headers), server
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 200, 201]
    user = {"password": "correct horse"}
    users = together(4, lambda http: http.put(f"/entryway/v1/users/{name}", json=user, headers=headers), server)
    assert {answer.status_code for answer in users} <= {200, 201, 409}
    listed = [row for row in server.platform("GET", "/users").json()["users"] if row["user_name"] == name]
    assert len(listed) == 1
