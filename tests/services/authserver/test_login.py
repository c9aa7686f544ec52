from __future__ import annotations

import re
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from product_descriptor import products
from test_token_endpoint import claims

from entryway.oauth.pkce import s256
from entryway.testing.authserver import (
    REDIRECT_URI,
    BoundApplication,
    Browser,
    RunningAuthServer,
    code_in,
    running_authserver,
)
from entryway.testing.passwords import NotingHasher

pytestmark = pytest.mark.once_on_postgresql

VERIFIER = "v" * 50
PASSWORD = "correct horse"


def sent_back(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 302, response.text
    location = urlsplit(response.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == REDIRECT_URI
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def cookies_of(response: httpx.Response) -> dict[str, str]:
    return {cookie.partition("=")[0]: cookie for cookie in response.headers.get_list("set-cookie")}


def test_a_login_gives_the_application_a_code_and_its_state(
    browser: Browser, app: BoundApplication, editor: str
) -> None:
    page = browser.authorize(app, state="a&b=c d", nonce="n1")
    assert page.status_code == 200
    answer = sent_back(browser.submit(page, editor, PASSWORD))
    assert answer["state"] == "a&b=c d"
    assert len(answer["code"]) >= 32


def test_the_nonce_reaches_the_id_token(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    tokens = server.redeem(app, browser.log_in(app, editor, PASSWORD, nonce="n-123", scope="openid")).json()
    assert claims(tokens["id_token"])["nonce"] == "n-123"


def test_the_login_page_is_safe_and_accessible(browser: Browser, app: BoundApplication) -> None:
    page = browser.authorize(app)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    # Chromium applies form-action to the redirects after the form, and the last one leads to the application.
    assert "form-action" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in page.headers
    assert '<html lang="en">' in page.text
    assert '<label for="username">' in page.text
    assert '<label for="password">' in page.text
    assert 'autocomplete="current-password"' in page.text
    assert "<script" not in page.text
    assert app.name.partition("!")[0] not in page.text
    style = browser.http.get("/resources/pages.css")
    assert style.headers["content-type"].startswith("text/css")


def test_the_session_cookie_stays_with_this_host_over_tls(browser: Browser, app: BoundApplication, editor: str) -> None:
    cookies = cookies_of(browser.submit(browser.authorize(app), editor, PASSWORD))
    cookie = cookies["__Host-entryway-login"].lower()
    assert "secure" in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "domain" not in cookie


def test_an_application_that_names_scopes_which_its_user_has_not_learns_it_at_once(
    browser: Browser, app: BoundApplication, viewer: str
) -> None:
    page = browser.authorize(app, scope=f"{app.name}.Edit", state="s")
    answer = browser.submit(page, viewer, PASSWORD)
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (answer.status_code, told["error"], told["state"]) == (302, ["invalid_scope"], ["s"])
    assert "This user is not allowed any of the requested scopes" in told["error_description"][0]
    assert code_in(browser.authorize(app, scope=f"{app.name}.Edit openid"))


def test_the_bare_address_leads_to_the_login(browser: Browser) -> None:
    assert browser.http.get("/").headers["location"] == "/login"


def test_a_second_application_needs_no_second_login(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    other = server.deploy({"xsappname": "second-application"})
    code = code_in(browser.authorize(other))
    assert server.redeem(other, code).json()["scope"] == "openid"


def test_a_session_ends_when_it_was_idle_for_long(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    server.clock.advance(minutes=31)
    assert browser.authorize(app).status_code == 200


def test_a_changed_password_ends_sessions(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    server.user(editor, "a new password")
    assert browser.authorize(app).status_code == 200


# --- prompt and max_age


def test_prompt_none_without_a_session_is_refused_in_the_redirect(browser: Browser, app: BoundApplication) -> None:
    assert sent_back(browser.authorize(app, prompt="none", state="s"))["error"] == "login_required"


def test_prompt_none_with_a_session_gives_a_code(browser: Browser, app: BoundApplication, editor: str) -> None:
    browser.log_in(app, editor, PASSWORD)
    assert sent_back(browser.authorize(app, prompt="none"))["code"]


def test_prompt_login_asks_again(browser: Browser, app: BoundApplication, editor: str) -> None:
    browser.log_in(app, editor, PASSWORD)
    page = browser.authorize(app, prompt="login")
    assert page.status_code == 200
    assert sent_back(browser.submit(page, editor, PASSWORD))["code"]


def test_max_age_asks_again_when_the_login_is_older(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    server.clock.advance(minutes=2)
    assert browser.authorize(app, max_age="3600").status_code == 302
    assert browser.authorize(app, max_age="60").status_code == 200


def posted(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return where a page sends a form by itself, and its fields."""
    assert page.status_code == 200, page.text
    assert "script-src 'sha256-" in page.headers["content-security-policy"]
    [action] = re.findall(r'<form method="post" action="([^"]+)"', page.text)
    return action, dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


def test_an_answer_is_posted_to_a_client_that_wants_it_so(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    mode = {"response_mode": "form_post", "state": 's"<1>'}
    action, told = posted(browser.authorize(app, prompt="none", **mode))
    assert (action, told["error"]) == (REDIRECT_URI, "login_required")
    action, told = posted(browser.authorize(app, scope="nobody.Reads", **mode))
    assert (action, told["error"]) == (REDIRECT_URI, "invalid_scope")

    action, told = posted(browser.submit(browser.authorize(app, **mode), editor, PASSWORD))

    assert (action, told.keys()) == (REDIRECT_URI, {"code", "state", "iss"})
    assert told["state"] == "s&#34;&lt;1&gt;"
    assert server.redeem(app, told["code"]).status_code == 200


def test_an_answer_comes_behind_the_number_sign_to_a_client_that_wants_it_so(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    mode = {"response_mode": "fragment", "state": "s&x=1"}
    refused = urlsplit(browser.authorize(app, prompt="none", **mode).headers["location"])
    assert parse_qs(refused.fragment)["error"] == ["login_required"]

    back = urlsplit(browser.submit(browser.authorize(app, **mode), editor, PASSWORD).headers["location"])

    told = parse_qs(back.fragment)
    assert (f"{back.scheme}://{back.netloc}{back.path}", back.query) == (REDIRECT_URI, "")
    assert (told.keys(), told["state"]) == ({"code", "state", "iss"}, ["s&x=1"])
    assert server.redeem(app, told["code"][0]).status_code == 200


# --- requests that are wrong


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_mode": "jwt"}, "invalid_request"),
        ({"request": "x"}, "invalid_request"),
        ({"scope": "entryway.platform"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "c" * 43, "code_challenge_method": "md5"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"state": "x" * 5000}, "invalid_request"),
        ({"authorities": "{"}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_reported_to_the_client(
    browser: Browser, app: BoundApplication, parameters: dict, error: str
) -> None:
    answer = sent_back(browser.authorize(app, **{"state": "s1", **parameters}))
    assert answer["error"] == error
    assert "code" not in answer


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/login/callback",
        "https://x.apps.example.com.evil.example/login/callback",
        "https://evil.example/x.apps.example.com/login/callback",
        "https://x.apps.example.com@evil.example/login/callback",
        "https://localhost@evil.example/",
        "https://evil.example\\.apps.example.com/login/callback",
        "https://evil.example\\@x.apps.example.com/login/callback",
        "https://x.apps.example.com/login/callback/../../steal",
        "https://x.apps.example.com/login/%2e%2e/steal",
        "https://x.y.apps.example.com/login/callback",
        "https://.apps.example.com/login/callback",
        "http://x.apps.example.com/login/callback",
        "https://x.apps.example.com:8443/login/callback",
        "https://x.apps.example.com/login/callback#fragment",
        "http://localhost.evil.example/login/callback",
        "//evil.example/login/callback",
        "/login/callback",
        "javascript:alert(1)//localhost",
        "data:text/html,x",
        "http://localhost:5000/a\r\nSet-Cookie: x=y",
        "http://[::1/",
        "http://localhost:99999/",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    browser: Browser, app: BoundApplication, editor: str, redirect_uri: str
) -> None:
    answer = browser.authorize(app, redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<form" not in answer.text


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://shop.apps.example.com/login/callback",
        "https://SHOP.apps.example.com/login/callback",
        "https://shop.apps.example.com:443/login/callback",
        "https://shop.apps.example.com/login/callback?x=1",
        "http://localhost:1234/any/path",
        "https://localhost/",
    ],
)
def test_registered_addresses_and_localhost_are_allowed(
    browser: Browser, app: BoundApplication, editor: str, redirect_uri: str
) -> None:
    page = browser.authorize(app, redirect_uri=redirect_uri)
    answer = browser.submit(page, editor, PASSWORD)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(redirect_uri)


def test_an_unknown_client_is_told_to_the_person(browser: Browser) -> None:
    answer = browser.authorize(BoundApplication("x", {"clientid": "sb-<b>nobody!t1"}))
    assert answer.status_code == 400
    assert "No client with requested id: sb-&lt;b&gt;nobody!t1" in answer.text
    as_script = browser.http.get(
        "/oauth/authorize", params={"client_id": "sb-nobody!t1"}, headers={"accept": "application/json"}
    )
    assert as_script.json()["error"] == "invalid_client"


def test_repeated_parameters_are_refused(browser: Browser, app: BoundApplication) -> None:
    query = (
        f"client_id={app.client_id}&response_type=code&redirect_uri={REDIRECT_URI}&redirect_uri=https://evil.example"
    )
    assert browser.http.get(f"/oauth/authorize?{query}").status_code == 400


def test_the_platform_client_logs_nobody_in(browser: Browser) -> None:
    answer = browser.authorize(BoundApplication("x", {"clientid": "entryway-platform"}))
    assert answer.status_code == 400


# --- PKCE


def test_the_verifier_of_the_challenge_redeems_the_code(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    code = browser.log_in(app, editor, PASSWORD, code_challenge=s256(VERIFIER), code_challenge_method="S256")
    assert server.redeem(app, code, code_verifier=VERIFIER).status_code == 200
    plain = code_in(browser.authorize(app, code_challenge=VERIFIER))
    assert server.redeem(app, plain, code_verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize(
    ("verifier", "text"),
    [
        ("w" * 50, f"Invalid code verifier: {'w' * 50}"),
        (s256(VERIFIER), f"Invalid code verifier: {s256(VERIFIER)}"),
        ("short", "Invalid code verifier: short"),
        ("", "Code verifier must be provided for this authorization code."),
    ],
)
def test_a_wrong_or_missing_verifier_is_refused(
    *, server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str, verifier: str, text: str
) -> None:
    code = browser.log_in(app, editor, PASSWORD, code_challenge=s256(VERIFIER), code_challenge_method="S256")
    answer = server.redeem(app, code, **({"code_verifier": verifier} if verifier else {}))
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": text}
    assert server.redeem(app, code, code_verifier=VERIFIER).status_code == 400


def test_a_code_of_another_client_is_told_like_one_that_is_unknown(server: RunningAuthServer, code: str) -> None:
    other = server.deploy(products(f"other-{uuid.uuid4().hex[:8]}"))
    answer = server.redeem(other, code)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": f"Invalid authorization code: {code}",
    }


def test_a_verifier_for_a_code_without_challenge_is_refused(
    server: RunningAuthServer, app: BoundApplication, code: str
) -> None:
    answer = server.redeem(app, code, code_verifier=VERIFIER)
    assert answer.json()["error_description"] == "Code verifier not required for this authorization code."


# --- codes


def test_a_code_works_once_and_its_replay_ends_what_it_gave(
    server: RunningAuthServer, app: BoundApplication, code: str
) -> None:
    tokens = server.redeem(app, code).json()
    assert active(server, app, tokens["access_token"])

    assert server.redeem(app, code).json()["error"] == "invalid_grant"

    refreshed = server.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 401
    assert not active(server, app, tokens["access_token"])


def test_a_code_of_another_client_is_refused(server: RunningAuthServer, app: BoundApplication, code: str) -> None:
    thief = server.deploy({"xsappname": "thief"})
    assert server.redeem(thief, code).json()["error"] == "invalid_grant"


def test_a_code_expires_after_five_minutes(server: RunningAuthServer, app: BoundApplication, code: str) -> None:
    server.clock.advance(minutes=5, seconds=1)
    assert server.redeem(app, code).json()["error"] == "invalid_grant"


def test_a_code_of_a_deleted_user_is_refused(
    server: RunningAuthServer, app: BoundApplication, code: str, editor: str
) -> None:
    assert server.platform("DELETE", f"/users/{editor}").status_code == 204
    assert server.redeem(app, code).json()["error"] == "invalid_grant"


def active(server: RunningAuthServer, app: BoundApplication, token: str) -> bool:
    answer = server.http.post("/introspect", data={"token": token}, auth=(app.client_id, app.secret))
    assert answer.status_code == 200
    return answer.json()["active"]


# --- the form


def test_a_form_from_elsewhere_is_refused(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    page = browser.authorize(app)
    assert browser.submit(page, editor, PASSWORD, **{"X-Uaa-Csrf": "0" * 64}).status_code == 403
    assert browser.submit(page, editor, PASSWORD, **{"X-Uaa-Csrf": ""}).status_code == 403
    stranger = server.browser()
    assert stranger.submit(page, editor, PASSWORD).status_code == 403
    stranger.authorize(app)
    assert stranger.submit(page, editor, PASSWORD).status_code == 400
    stranger.http.close()
    assert browser.submit(page, editor, PASSWORD).status_code == 302


def test_a_login_form_works_once(browser: Browser, app: BoundApplication, editor: str) -> None:
    page = browser.authorize(app)
    assert browser.submit(page, editor, PASSWORD).status_code == 302
    assert browser.submit(page, editor, PASSWORD).status_code == 400


def test_a_login_page_expires(server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str) -> None:
    page = browser.authorize(app)
    server.clock.advance(minutes=31)
    answer = browser.submit(page, editor, PASSWORD)
    assert answer.status_code == 400
    assert "expired" in answer.text


def test_a_planted_session_cookie_is_not_taken_over(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    page = browser.authorize(app)
    jar = f"__Host-entryway-login=planted; __Host-entryway-browser={browser.http.cookies['__Host-entryway-browser']}"
    browser.http.cookies.clear()
    browser.http.headers["cookie"] = jar
    cookie = cookies_of(browser.submit(page, editor, PASSWORD))["__Host-entryway-login"]
    assert "planted" not in cookie

    thief = server.browser()
    thief.http.headers["cookie"] = "__Host-entryway-login=planted"
    assert thief.authorize(app).status_code == 200
    thief.http.headers["cookie"] = cookie.partition(";")[0]
    assert thief.authorize(app).status_code == 302  # the real value would have let them in
    thief.http.close()


def test_the_session_of_before_ends_with_a_new_login(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str, viewer: str
) -> None:
    browser.log_in(app, editor, PASSWORD)
    before = browser.http.cookies["__Host-entryway-login"]
    browser.submit(browser.authorize(app, prompt="login"), viewer, PASSWORD)
    assert browser.http.cookies["__Host-entryway-login"] != before
    other = server.browser()
    other.http.headers["cookie"] = f"__Host-entryway-login={before}"
    assert other.authorize(app).status_code == 200
    other.http.close()


def test_without_name_or_password_the_page_asks_for_them(browser: Browser, app: BoundApplication) -> None:
    answer = browser.submit(browser.authorize(app), "", "")
    assert answer.status_code == 200
    assert "Please enter user name and password." in answer.text


# --- wrong passwords


def text_of(page: httpx.Response) -> str:
    return re.sub(r'value="[^"]*"', "", page.text)


def test_a_wrong_password_and_an_unknown_user_look_the_same(
    browser: Browser, app: BoundApplication, editor: str
) -> None:
    page = browser.authorize(app)
    wrong = browser.submit(page, editor, "wrong")
    unknown = browser.submit(page, "nobody-here@example.com", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert text_of(wrong) == text_of(unknown)
    assert 'role="alert"' in wrong.text
    assert "__Host-entryway-login" not in cookies_of(wrong)


def test_a_wrong_password_and_an_unknown_user_cost_the_same(tmp_path: Path) -> None:
    hasher = NotingHasher()
    with running_authserver(tmp_path, hasher=hasher) as server:
        app = server.deploy(products("timed"))
        server.user("known@example.com", PASSWORD)
        for name in ("known@example.com", "unknown@example.com"):
            assert server.token(app, grant_type="password", username=name, password="wrong").status_code == 401
    known, unknown = hasher.checked
    assert known == unknown


def test_what_was_typed_is_escaped_in_the_page(browser: Browser, app: BoundApplication) -> None:
    answer = browser.submit(browser.authorize(app), '"><script>alert(1)</script>', "wrong")
    assert "<script" not in answer.text


def test_five_failures_lock_the_name_for_five_minutes_and_look_like_a_wrong_password(
    server: RunningAuthServer, browser: Browser, app: BoundApplication, editor: str
) -> None:
    page = browser.authorize(app)
    for _ in range(5):
        wrong = browser.submit(page, editor, "wrong")
    locked = browser.submit(page, editor, PASSWORD)
    assert locked.status_code == 401
    assert text_of(locked) == text_of(wrong)
    by_grant = server.token(app, grant_type="password", username=editor, password=PASSWORD)
    assert by_grant.status_code == 401
    told = "Your account has been locked because of too many failed attempts to login."
    assert by_grant.json() == {"error": "unauthorized", "error_description": told}
    for _ in range(6):
        unknown = server.token(app, grant_type="password", username="no-such-user", password=PASSWORD)
    assert unknown.json() == by_grant.json()

    server.clock.advance(minutes=5, seconds=1)
    assert browser.submit(page, editor, PASSWORD).status_code == 302


def test_a_right_password_clears_the_count(server: RunningAuthServer, app: BoundApplication, editor: str) -> None:
    for _ in range(2):
        for _ in range(4):
            server.token(app, grant_type="password", username=editor, password="wrong")
        answer = server.token(app, grant_type="password", username=editor, password=PASSWORD)
        assert answer.status_code == 200


def test_user_names_are_compared_without_regard_to_case(
    server: RunningAuthServer, app: BoundApplication, editor: str
) -> None:
    answer = server.token(app, grant_type="password", username=f" {editor.upper()} ", password=PASSWORD)
    assert answer.status_code == 200
    assert claims(answer.json()["access_token"])["user_name"] == editor


# --- the page without an application


def test_somebody_may_log_in_without_an_application(browser: Browser, editor: str) -> None:
    page = browser.http.get("/login")
    assert page.status_code == 200
    answer = browser.submit(page, editor, PASSWORD)
    assert answer.status_code == 200
    assert "You are logged in" in answer.text
    assert 'href="/config?action=who"' in answer.text
    assert 'href="/logout.do"' in browser.http.get("/config?action=who", headers={"accept": "text/html"}).text
    assert "You are logged in" in browser.http.get("/login").text


def test_the_login_page_describes_itself_to_scripts(browser: Browser, server: RunningAuthServer) -> None:
    answer = browser.http.get("/login", headers={"accept": "application/json"})
    assert answer.json()["links"]["login"] == f"{server.url}/login"
