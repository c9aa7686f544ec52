"""Browsers that an application logs in, with a password that it has: `/autologin`."""

from __future__ import annotations

import re
import uuid

import httpx
import pytest
from product_descriptor import products

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer, code_in

PASSWORD = "correct horse"


def begun(server: RunningAuthServer, app: BoundApplication, name: str, password: str = PASSWORD) -> httpx.Response:
    body = {"username": name, "password": password}
    return server.http.post("/autologin", json=body, auth=(app.client_id, app.secret))


@pytest.fixture
def autologin_code(server: RunningAuthServer, app: BoundApplication, editor: str) -> str:
    answer = begun(server, app, editor)
    assert answer.status_code == 200, answer.text
    assert answer.json()["path"] == "/oauth/authorize"
    return answer.json()["code"]


def arrived(browser: Browser, app: BoundApplication, code: str) -> httpx.Response:
    return browser.http.get("/autologin", params={"code": code, "client_id": app.client_id})


def agreed(browser: Browser, page: httpx.Response) -> httpx.Response:
    link = re.search(r'href="(/autologin\?[^"]+)"', page.text)
    assert link is not None, page.text
    return browser.http.get(link[1].replace("&amp;", "&"))


def test_who_agrees_is_logged_in_without_a_login_page(
    browser: Browser, app: BoundApplication, autologin_code: str, editor: str
) -> None:
    page = arrived(browser, app, autologin_code)
    assert page.status_code == 200
    assert editor in page.text
    # Not yet: a link alone logs nobody in.
    assert browser.authorize(app, prompt="none").headers["location"].count("login_required") == 1

    answer = agreed(browser, page)
    assert (answer.status_code, answer.headers["location"]) == (302, "/login")
    assert code_in(browser.authorize(app))
    # The link works once.
    assert agreed(browser, page).status_code == 400


def test_a_form_does_as_well_as_json(server: RunningAuthServer, app: BoundApplication, editor: str) -> None:
    form = {"username": editor, "password": PASSWORD, "client_id": app.client_id, "client_secret": app.secret}
    assert server.http.post("/autologin", data=form).json()["code"]


def test_a_code_works_once_and_in_the_browser_that_brought_it(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, autologin_code: str
) -> None:
    page = arrived(browser, app, autologin_code)
    assert arrived(browser, app, autologin_code).status_code == 400
    other = server.browser()
    assert agreed(other, page).status_code == 400
    other.http.get("/login")
    assert agreed(other, page).status_code == 400
    assert other.authorize(app, prompt="none").headers["location"].count("login_required") == 1
    other.http.close()


def test_a_link_without_the_browsers_own_token_logs_nobody_in(
    browser: Browser, app: BoundApplication, autologin_code: str
) -> None:
    page = arrived(browser, app, autologin_code)
    attempt = re.search(r"attempt=([^&\"]+)", page.text)
    assert attempt is not None
    for token in ("", "x"):
        answer = browser.http.get("/autologin", params={"attempt": attempt[1], "X-Uaa-Csrf": token})
        assert answer.status_code == 403
    assert browser.authorize(app, prompt="none").headers["location"].count("login_required") == 1


def test_codes_of_other_kinds_and_clients_are_refused(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, code: str, editor: str
) -> None:
    fresh = server.browser()
    assert arrived(fresh, app, code).status_code == 400
    other = server.deploy(products(f"other-{uuid.uuid4().hex[:8]}"))
    mine = begun(server, app, editor).json()["code"]
    assert arrived(fresh, other, mine).status_code == 400
    assert fresh.http.get("/autologin").status_code == 400
    # And one of these buys no token from a browser's application.
    assert server.redeem(app, begun(server, app, editor).json()["code"]).status_code == 400
    expired = begun(server, app, editor).json()["code"]
    server.clock.advance(minutes=6)
    assert arrived(fresh, app, expired).status_code == 400
    fresh.http.close()


def test_a_code_of_one_tenant_is_nobodys_at_another(
    server: RunningAuthServer, app: BoundApplication, autologin_code: str
) -> None:
    made = {"subdomain": f"t{uuid.uuid4().hex[:10]}", "name": "Another"}
    there = server.platform("POST", "/tenants", made).json()["id"]
    visitor = server.browser()
    visitor.http.headers["x-zid"] = there
    assert arrived(visitor, app, autologin_code).status_code == 400
    del visitor.http.headers["x-zid"]
    page = arrived(visitor, app, autologin_code)
    visitor.http.headers["x-zid"] = there
    assert agreed(visitor, page).status_code == 400
    visitor.http.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"username": "{editor}", "password": "wrong"}, 401),
        ({"username": "nobody", "password": "wrong"}, 401),
        ({"username": "{editor}"}, 400),
        ({"username": "", "password": ""}, 400),
        ({"username": 1, "password": []}, 400),
        ([], 400),
    ],
)
def test_what_is_no_password_is_refused(
    server: RunningAuthServer, app: BoundApplication, editor: str, body: object, status: int
) -> None:
    if isinstance(body, dict) and body.get("username") == "{editor}":
        body = body | {"username": editor}
    answer = server.http.post("/autologin", json=body, auth=(app.client_id, app.secret))
    assert answer.status_code == status
    assert "code" not in answer.json()


def test_only_clients_that_may_take_passwords_begin(server: RunningAuthServer, editor: str) -> None:
    descriptor = products(f"web-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["grant-types"] = ["authorization_code"]
    web = server.deploy(descriptor)
    assert begun(server, web, editor).status_code == 401
    body = {"username": editor, "password": PASSWORD}
    assert server.http.post("/autologin", json=body).status_code == 401
    assert server.http.post("/autologin", json=body, auth=(web.client_id, "wrong")).status_code == 401
    public = products(f"public-{uuid.uuid4().hex[:8]}")
    public["oauth2-configuration"]["allowpublic"] = True
    form = {**body, "client_id": server.deploy(public).client_id}
    assert server.http.post("/autologin", data=form).status_code == 401
