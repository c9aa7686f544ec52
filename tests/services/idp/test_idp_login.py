from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from entryway.testing.idp import PASSWORD, Person, RunningIdp, code_in, hidden_fields, running_idp
from entryway.testing.passwords import NotingHasher

WRONG = "User name or password is not right"


@pytest.mark.parametrize("path", ["/login/code", "/login/password", "/profile/verification", "/profile/password"])
def test_who_opens_the_address_of_a_form_sees_a_page(person: Person, path: str) -> None:
    answer = person.http.get(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "This page cannot be used like this." in answer.text


def test_a_user_logs_in_and_comes_back_with_a_code_and_the_state(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    page = person.authorize(application, state="a state")
    assert page.status_code == 200
    assert "Log in" in page.text
    answer = person.log_in(page, name)
    assert answer.headers["location"].startswith("https://app.example.com/login/callback?code=")
    assert parse_qs(urlsplit(answer.headers["location"]).query)["state"] == ["a state"]


def test_a_user_may_log_in_by_mail_address_and_in_any_case(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    answer = person.log_in(person.authorize(idp.application()), f"{name.upper()}@Example.COM")
    assert code_in(answer)


def test_who_is_logged_in_is_not_asked_again_by_another_application(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    code_in(person.log_in(person.authorize(idp.application()), name))
    assert code_in(person.authorize(idp.application()))


def test_the_login_page_is_protected(idp: RunningIdp, person: Person) -> None:
    page = person.authorize(idp.application())
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    cookies = page.headers.get_list("set-cookie")
    assert all(
        cookie.startswith("__Host-entryway-idp-") and "HttpOnly" in cookie and "Secure" in cookie for cookie in cookies
    )


@pytest.mark.parametrize(
    ("accepted", "language", "heading"),
    [("de-DE,de;q=0.9,en;q=0.5", "de", "Anmelden"), ("fr", "en", "Log in"), ("en;q=0.2, de;q=0.1", "en", "Log in")],
)
def test_pages_speak_the_language_of_the_browser(idp: RunningIdp, accepted: str, language: str, heading: str) -> None:
    person = idp.person(accepted)
    page = person.authorize(idp.application())
    person.http.close()
    assert f'<html lang="{language}">' in page.text
    assert f"<h1>{heading}</h1>" in page.text


@pytest.mark.parametrize("kind", ["wrong password", "unknown", "locked", "inactive", "no password"])
def test_nobody_learns_why_a_login_failed(idp: RunningIdp, person: Person, name: str, kind: str) -> None:
    if kind != "unknown":
        idp.user(name, None if kind == "no password" else PASSWORD, active=kind != "inactive")
    page = person.authorize(idp.application())
    if kind == "locked":
        for _ in range(5):
            page = person.log_in(page, name, "wrong")
    password = "wrong" if kind == "wrong password" else PASSWORD
    answer = person.log_in(page, name, password)
    assert answer.status_code == 401
    assert WRONG in answer.text
    # Byte for byte the same, but for what differs with every page.
    forms = hidden_fields(answer, "/login")
    text = answer.text.replace(name, "NAME")
    for value in forms.values():
        text = text.replace(value, "VALUE")
    blanked = text.split("data-options=")[0]
    unknown = person.log_in(page, "nobody-at-all", "wrong")
    other = unknown.text.replace("nobody-at-all", "NAME")
    for value in hidden_fields(unknown, "/login").values():
        other = other.replace(value, "VALUE")
    assert blanked == other.split("data-options=")[0]


def test_an_unknown_user_costs_what_a_wrong_password_costs(tmp_path: Path) -> None:
    hasher = NotingHasher()
    with running_idp(tmp_path, hasher=hasher) as running:
        running.user("known")
        person = running.person()
        page = person.authorize(running.application())
        for user_name in ("known", "nobody"):
            assert person.log_in(page, user_name, "wrong").status_code == 401
        person.http.close()
    known, unknown = hasher.checked
    assert known == unknown


def test_five_wrong_passwords_lock_and_time_unlocks(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    for _ in range(5):
        page = person.log_in(page, name, "wrong")
    assert person.log_in(page, name).status_code == 401
    # The mail address is the same account, and as locked.
    assert person.log_in(page, f"{name}@example.com").status_code == 401
    idp.clock.advance(minutes=6)
    page = person.authorize(idp.application())
    assert code_in(person.log_in(page, name))


def test_a_form_without_its_token_is_refused(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    fields = hidden_fields(page, "/login") | {"csrf": "0" * 64, "username": name, "password": PASSWORD}
    answer = person.http.post("/login", data=fields)
    assert answer.status_code == 403
    assert answer.headers["entryway-error"] == "csrf"


def test_a_form_of_another_browser_is_refused(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    other_person.authorize(idp.application())
    fields = hidden_fields(page, "/login") | {"username": name, "password": PASSWORD}
    answer = other_person.http.post("/login", data=fields)
    assert answer.headers["entryway-error"] == "login_over"


def test_an_attempt_leads_to_one_code(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    code_in(person.log_in(page, name))
    assert person.log_in(page, name).headers["entryway-error"] == "login_over"


def test_an_attempt_ends_after_half_an_hour(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    idp.clock.advance(minutes=31)
    assert person.log_in(page, name).headers["entryway-error"] == "login_over"


def test_a_planted_cookie_is_never_taken_over(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    person.http.cookies.set("__Host-entryway-idp-login", "planted", domain="localhost.local")
    answer = person.log_in(person.authorize(idp.application()), name)
    issued = [each for each in answer.headers.get_list("set-cookie") if "idp-login=" in each]
    assert len(issued) == 1
    assert "planted" not in issued[0]


def test_a_session_ends_when_the_password_changes(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    code_in(person.log_in(person.authorize(application), name))
    idp.user(name, "another good password")
    assert "Log in" in person.authorize(application).text


def test_a_session_ends_when_the_user_is_made_inactive(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    code_in(person.log_in(person.authorize(application), name))
    idp.user(name, active=False)
    assert "Log in" in person.authorize(application).text


def test_an_idle_session_ends(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    code_in(person.log_in(person.authorize(application), name))
    idp.clock.advance(minutes=31)
    assert "Log in" in person.authorize(application).text


def test_a_password_that_must_be_changed_is_good_for_one_login(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name, must_change_password=True)
    page = person.log_in(person.authorize(idp.application()), name)
    assert "Choose a new password" in page.text
    again = person.send(page, "/login/password", password="a brand new secret", repeated="another")
    assert "not the same" in again.text
    again = person.send(again, "/login/password", password=PASSWORD, repeated=PASSWORD)
    assert "used before" in again.text
    again = person.send(again, "/login/password", password="short", repeated="short")
    assert "at least 8 characters" in again.text
    again = person.send(again, "/login/password", password=f"my {name}!", repeated=f"my {name}!")
    assert "not contain your name" in again.text
    done = person.send(again, "/login/password", password="a brand new secret", repeated="a brand new secret")
    assert code_in(done)


def test_nobody_gets_past_the_new_password(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name, must_change_password=True)
    page = person.log_in(person.authorize(idp.application()), name)
    answer = person.http.post("/login/continue", data=hidden_fields(page, "/login/password"))
    assert "Choose a new password" in answer.text


def test_a_new_password_needs_a_first_factor(idp: RunningIdp, person: Person) -> None:
    page = person.authorize(idp.application())
    fields = hidden_fields(page, "/login") | {"password": "a brand new secret", "repeated": "a brand new secret"}
    assert person.http.post("/login/password", data=fields).headers["entryway-error"] == "login_over"


def test_who_is_locked_half_way_gets_no_further(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name, must_change_password=True)
    page = person.log_in(person.authorize(idp.application()), name)
    idp.user(name, None, active=False)
    answer = person.send(page, "/login/password", password="a brand new secret", repeated="a brand new secret")
    assert answer.headers["entryway-error"] == "login_over"


@pytest.mark.parametrize("path", ["/nothing", "/login/nothing"])
def test_a_page_that_does_not_exist_is_a_page(person: Person, path: str) -> None:
    answer = person.http.get(path)
    assert answer.status_code == 404
    assert answer.headers["entryway-error"] == "not_found"
    assert "This page does not exist" in answer.text
