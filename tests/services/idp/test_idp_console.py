from __future__ import annotations

import re
import time

import httpx
import pytest
from test_idp_self_service import link_in

from entryway.testing.idp import PASSWORD, Person, RunningIdp, code_in, hidden_fields

ADMINS = "Identity Administrators"


@pytest.fixture
def admin(idp: RunningIdp, name: str):
    idp.user(f"{name}-admin", groups=[ADMINS])
    person = idp.person()
    answer = person.log_in(person.http.get("/admin/users"), f"{name}-admin")
    assert answer.headers["location"] == "/admin/users"
    yield person
    person.http.close()


def user_page(admin: Person, name: str) -> tuple[str, httpx.Response]:
    """Find a user by the search of the list, and return its address and its page."""
    listed = admin.http.get("/admin/users", params={"search": name})
    (link,) = re.findall(rf'href="(/admin/users/[^"]+)">{re.escape(name)}<', listed.text)
    return link, admin.http.get(link)


def test_a_user_is_created_and_invited(idp: RunningIdp, admin: Person, person: Person, name: str) -> None:
    fields = {"user_name": name, "email": f"{name}@example.com", "given_name": "Ada", "groups": "Poets, Makers"}
    made = admin.send(admin.http.get("/admin/users/new"), "/admin/users", **fields)
    assert made.status_code == 303
    page = admin.http.get(made.headers["location"])
    assert "Makers, Poets" in page.text
    link = link_in(idp.mail_to(f"{name}@example.com"), idp)
    person.send(person.http.get(link), "/password/new", password=PASSWORD, repeated=PASSWORD)
    assert code_in(person.log_in(person.authorize(idp.application()), name))
    again = admin.send(admin.http.get("/admin/users/new"), "/admin/users", **fields)
    assert again.status_code == 400
    assert "is used already" in again.text
    wrong = admin.send(admin.http.get("/admin/users/new"), "/admin/users", user_name="x", email="no address")
    assert "A value is not valid" in wrong.text


def test_a_user_is_changed_locked_and_deleted(idp: RunningIdp, admin: Person, person: Person, name: str) -> None:
    idp.user(name, groups=["Poets"])
    application = idp.application()
    code_in(person.log_in(person.authorize(application), name))
    link, page = user_page(admin, name)
    saved = {"user_name": name, "email": f"{name}@example.com", "family_name": "Changed", "active": "on", "groups": ""}
    assert admin.send(page, link, **saved).status_code == 303
    assert "Changed" in admin.http.get(link).text
    assert code_in(person.authorize(application))
    admin.send(page, f"{link}/lock")
    assert "Log in" in person.authorize(application).text
    assert person.log_in(person.authorize(application), name).status_code == 401
    admin.send(admin.http.get(link), f"{link}/unlock")
    assert code_in(person.log_in(person.authorize(application), name))
    admin.send(admin.http.get(link), link, **{name: value for name, value in saved.items() if name != "active"})
    assert "Log in" in person.authorize(application).text
    assert admin.send(admin.http.get(link), f"{link}/deletion").headers["location"] == "/admin/users?done=1"
    assert admin.http.get(link).headers["entryway-error"] == "user_unknown"


def test_a_password_of_an_administrator_is_good_for_one_login(
    idp: RunningIdp, admin: Person, person: Person, name: str
) -> None:
    idp.user(name)
    link, page = user_page(admin, name)
    assert "at least 8 characters" in admin.send(page, f"{link}/password", password="short").text
    admin.send(page, f"{link}/password", password="for one login only")
    answer = person.log_in(person.authorize(idp.application()), name, "for one login only")
    assert "Choose a new password" in answer.text


def test_failed_logins_are_forgotten(idp: RunningIdp, admin: Person, person: Person, name: str) -> None:
    idp.user(name)
    page = person.authorize(idp.application())
    for _ in range(5):
        page = person.log_in(page, name, "wrong")
    link, shown = user_page(admin, name)
    admin.send(shown, f"{link}/unlock")
    assert code_in(person.log_in(page, name))


def test_lists_have_pages_and_a_search(idp: RunningIdp, admin: Person, name: str) -> None:
    for number in range(3):
        idp.user(f"{name}-{number}", None)
    found = admin.http.get("/admin/users", params={"search": f"{name}-"})
    assert found.text.count('<th scope="row">') == 4
    assert "1\u20134 of 4" in found.text
    beyond = admin.http.get("/admin/users", params={"search": f"{name}-", "start": "50"})
    assert 'rel="prev"' in beyond.text
    assert admin.http.get("/admin/users", params={"search": "%"}).text.count('<th scope="row">') == 0
    assert admin.http.get("/admin/users", params={"start": "x"}).status_code == 400


def test_groups(idp: RunningIdp, admin: Person, name: str) -> None:
    made = admin.send(admin.http.get("/admin/groups"), "/admin/groups", name=f"group-{name}", description="Some")
    link = made.headers["location"]
    table = "user_name,groups\n" + "".join(f"{name}-{number:02},group-{name}\n" for number in range(51))
    assert idp.admin("POST", "/users/import", {"table": table}).status_code == 200
    page = admin.http.get(link)
    assert [text in page.text for text in (f"{name}-00", f"{name}-49", f"{name}-50", "1\u201350 of 51")] == [1, 1, 0, 1]
    assert f"{name}-50" in admin.http.get(link, params={"start": "50"}).text
    twice = admin.send(admin.http.get("/admin/groups"), "/admin/groups", name=f"group-{name}")
    assert "is used already" in twice.text
    assert admin.send(page, f"{link}/deletion").status_code == 303
    listed = admin.http.get("/admin/groups", params={"search": ADMINS})
    (own,) = re.findall(r'href="(/admin/groups/[^"]+)"', listed.text)
    assert admin.send(admin.http.get(own), f"{own}/deletion").status_code == 400


def test_applications(idp: RunningIdp, admin: Person, person: Person, name: str) -> None:
    made = admin.send(admin.http.get("/admin/applications"), "/admin/applications", name=name, app_tid="t")
    link = made.headers["location"]
    page = admin.http.get(link)
    bad = admin.send(page, link, name=name, app_tid="t", settings='{"redirect_uris": ["nonsense"], "x": 1}')
    assert bad.status_code == 400
    assert "redirect_uris.0" in bad.text
    assert admin.send(page, link, name=name, app_tid="t", settings="{}\x00").status_code == 400
    # As a text of several lines, which browsers end with a carriage return, too.
    settings = '{\r\n\t"redirect_uris": ["https://app.example.com/login/callback"]\r\n}'
    assert admin.send(page, link, name=name, app_tid="t", settings=settings).status_code == 303
    shown = admin.send(admin.http.get(link), f"{link}/secrets")
    client_id, secret = re.findall(r"<code>([^<]+)</code>", shown.text)
    form = {"grant_type": "client_credentials"}
    assert idp.http.post("/oauth2/token", data=form, auth=(client_id, secret)).status_code == 200
    assert secret not in admin.http.get(link).text
    admin.send(shown, f"{link}/secrets/end")
    assert idp.http.post("/oauth2/token", data=form, auth=(client_id, secret)).status_code == 401
    assert admin.send(page, f"{link}/deletion").status_code == 303
    own = admin.http.get("/admin/applications/entryway-admin")
    assert admin.send(own, "/admin/applications/entryway-admin/secrets").status_code == 400


def test_settings(idp: RunningIdp, admin: Person) -> None:
    page = admin.http.get("/admin/settings")
    policy = {"min_length": "12", "max_length": "255", "history": "3", "expires_after_days": "0", "most_failures": "5"}
    policy |= {"counted_minutes": "20", "locked_minutes": "5", "require_digit": "on"}
    try:
        assert admin.send(page, "/admin/settings/password-policy", **policy).status_code == 303
        stored = idp.admin("GET", "/settings/password-policy").json()
        assert (stored["min_length"], stored["require_digit"], stored["require_special"]) == (12, True, False)
        weak = admin.send(page, "/admin/settings/password-policy", **(policy | {"min_length": "1"}))
        assert "min_length" in weak.text
    finally:
        idp.set("password-policy")
    before = idp.http.get("/oauth2/certs").json()["keys"]
    admin.send(page, "/admin/settings/keys")
    assert len(idp.http.get("/oauth2/certs").json()["keys"]) == len(before) + 1


def test_what_is_done_is_said(idp: RunningIdp, admin: Person, name: str) -> None:
    idp.user(name)
    link, page = user_page(admin, name)
    assert "Done." not in page.text
    answer = admin.send(page, f"{link}/lock")
    assert "Done." in admin.http.get(answer.headers["location"]).text


def test_the_trail_tells_who_did_what(idp: RunningIdp, admin: Person, person: Person, name: str) -> None:
    user = idp.user(name)
    person.log_in(person.authorize(idp.application()), name, "wrong")
    link, page = user_page(admin, name)
    admin.send(page, f"{link}/lock")
    # Entries are written in batches, within a second.
    deadline, shown = time.monotonic() + 30, ""
    while time.monotonic() < deadline and not (f"{link}/lock" in shown and "PasswordRefused" in shown):
        shown = admin.http.get("/admin/trail").text
    assert f"{link}/lock" in shown
    assert f'<a href="/admin/users/{user["id"]}">{name}</a>' in shown
    assert "wrong" not in re.sub(r"wrong password", "", shown)


@pytest.mark.parametrize("path", ["users", "users/new", "groups", "applications", "settings", "trail"])
def test_pages_of_administrators_are_for_them_alone(idp: RunningIdp, person: Person, name: str, path: str) -> None:
    assert "Log in" in person.http.get(f"/admin/{path}").text
    idp.user(name)
    person.log_in(person.http.get("/profile"), name)
    refused = person.http.get(f"/admin/{path}")
    assert refused.status_code == 403
    assert "You may not do this" in refused.text


def test_nobody_else_changes_anything(idp: RunningIdp, admin: Person, person: Person, name: str) -> None:
    idp.user(name)
    link, page = user_page(admin, name)
    person.log_in(person.http.get("/profile"), name)
    own = hidden_fields(person.http.get("/profile"), "/profile/password")
    for path in (f"{link}/deletion", f"{link}/lock", "/admin/users", "/admin/settings/keys", "/admin/groups"):
        assert person.http.post(path, data=own).status_code == 403
        # A form of another browser is no form of this one.
        assert person.http.post(path, data=hidden_fields(page, link)).headers["entryway-error"] == "csrf"
    assert idp.admin("GET", "/users").status_code == 200
    assert code_in(person.authorize(idp.application()))


def test_changing_something_needs_a_fresh_login(admin: Person, idp: RunningIdp, name: str) -> None:
    idp.user(name)
    link, page = user_page(admin, name)
    idp.clock.advance(minutes=16)
    assert "Log in" in admin.send(page, f"{link}/deletion").text
    assert admin.http.get(link).status_code == 200
