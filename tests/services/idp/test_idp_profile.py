import re

import httpx
import pytest
from test_idp_second_factors import code_of, codes_in, secret_in
from test_idp_self_service import link_in

from entryway.testing.idp import PASSWORD, Person, RunningIdp, code_in, hidden_fields

pytestmark = pytest.mark.once_on_postgresql

NEW = "a brand new secret"


def profile(idp: RunningIdp, person: Person, name: str, **user) -> httpx.Response:
    """Log in and return the page of the account."""
    idp.user(name, **user)
    answer = person.log_in(person.http.get("/profile"), name)
    assert answer.headers["location"] == "/profile"
    return person.http.get("/profile")


def test_the_page_shows_the_account(idp: RunningIdp, person: Person, name: str) -> None:
    page = profile(idp, person, name, groups=["Admirals"])
    assert page.status_code == 200
    for shown in (name, f"{name}@example.com", "Admirals", "not confirmed", "this one"):
        assert shown in page.text
    assert page.headers["cache-control"] == "no-store"


def test_administrators_find_their_pages_and_everybody_finds_the_account(
    idp: RunningIdp, person: Person, other_person: Person, name: str
) -> None:
    assert 'href="/admin/users"' not in profile(idp, person, name).text
    assert 'href="/profile"' in person.http.get("/admin/users").text
    assert 'href="/profile"' in person.http.get("/nothing").text
    assert person.http.get("/").headers["location"] == "/profile"
    assert 'href="/admin/users"' in profile(idp, other_person, f"{name}-a", groups=["Identity Administrators"]).text


def test_a_password_is_changed_by_who_knows_it(
    idp: RunningIdp, person: Person, other_person: Person, name: str
) -> None:
    page = profile(idp, person, name)
    application = idp.application()
    code_in(other_person.log_in(other_person.authorize(application), name))
    action = "/profile/password"
    wrong = person.send(page, action, current="wrong", password=NEW, repeated=NEW)
    assert "current password is not right" in wrong.text
    assert "not the same" in person.send(page, action, current=PASSWORD, password=NEW, repeated="x").text
    assert "used before" in person.send(page, action, current=PASSWORD, password=PASSWORD, repeated=PASSWORD).text
    done = person.send(page, action, current=PASSWORD, password=NEW, repeated=NEW)
    assert "has been changed" in done.text
    # This browser stays, every other one is logged out.
    assert person.http.get("/profile").status_code == 200
    assert name in person.http.get("/profile").text
    assert "Log in" in other_person.authorize(application).text


def test_an_authenticator_app_comes_and_goes(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    profile(idp, person, name)
    page = person.http.get("/profile/app")
    secret = secret_in(page)
    wrong = person.send(page, "/profile/app", code="000000")
    assert secret_in(wrong) == secret
    shown = person.send(wrong, "/profile/app", code=code_of(secret, idp))
    assert len(codes_in(shown)) == 10
    asked = other_person.log_in(other_person.http.get("/profile"), name)
    assert "Confirm that it is you" in asked.text
    # This browser has shown a code of the app when it was enrolled, and is asked for no other.
    page = person.http.get("/profile")
    renewed = codes_in(person.send(page, "/profile/recovery-codes"))
    assert set(renewed).isdisjoint(codes_in(shown))
    person.send(page, "/profile/app/removal")
    assert "You have no authenticator app" in person.http.get("/profile").text


def test_a_secret_of_another_session_is_refused(
    idp: RunningIdp, person: Person, other_person: Person, name: str
) -> None:
    profile(idp, person, name)
    profile(idp, other_person, f"{name}-other")
    fields = hidden_fields(other_person.http.get("/profile/app"), "/profile/app")
    own = hidden_fields(person.http.get("/profile/app"), "/profile/app")
    answer = person.http.post("/profile/app", data=own | {"secret": fields["secret"], "code": "1"})
    assert answer.headers["entryway-error"] == "link_used"


def test_what_changes_a_login_needs_a_fresh_one(idp: RunningIdp, person: Person, name: str) -> None:
    page = profile(idp, person, name)
    idp.clock.advance(minutes=16)
    assert name in person.http.get("/profile").text
    assert "Log in" in person.http.get("/profile/app").text
    assert "Log in" in person.http.get("/profile/passkeys").text
    assert "Log in" in person.http.post("/profile/recovery-codes", data=hidden_fields(page, "/profile/password")).text


def test_sessions_end_one_by_one_and_all(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    page = profile(idp, person, name)
    application = idp.application()
    code_in(other_person.log_in(other_person.authorize(application), name))
    page = person.http.get("/profile")
    assert page.text.count('action="/profile/sessions/end"') == 3
    ids = re.findall(r'action="/profile/sessions/end">.*?name="id" value="([^"]+)"', page.text, re.DOTALL)
    fields = hidden_fields(page, "/profile/password") | {"id": ids[0]}
    person.http.post("/profile/sessions/end", data=fields)
    assert "Log in" in other_person.authorize(application).text
    code_in(other_person.log_in(other_person.authorize(application), name))
    person.http.post("/profile/sessions/end", data=hidden_fields(page, "/profile/password"))
    assert "Log in" in other_person.authorize(application).text
    assert "Log in" in person.http.get("/profile").text


def test_nobody_ends_the_sessions_of_others(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    page = profile(idp, person, name)
    theirs = profile(idp, other_person, f"{name}-other")
    (victim,) = re.findall(r'name="id" value="([^"]+)"', theirs.text)
    person.http.post("/profile/sessions/end", data=hidden_fields(page, "/profile/password") | {"id": victim})
    assert f"{name}-other" in other_person.http.get("/profile").text


def test_an_address_is_confirmed_by_mail(idp: RunningIdp, person: Person, name: str) -> None:
    page = profile(idp, person, name)
    person.send(page, "/profile/verification")
    link = link_in(idp.mail_to(f"{name}@example.com"), idp)
    asked = person.http.get(link)
    # Opening the link confirms nothing: programs that look into mails do that, too.
    assert "not confirmed" in person.http.get("/profile").text
    assert "is confirmed" in person.send(asked, "/email/verification").text
    assert "not confirmed" not in person.http.get("/profile").text


def test_a_mailbox_gets_three_mails_an_hour(idp: RunningIdp, person: Person, name: str) -> None:
    page = profile(idp, person, name)
    sent = [person.send(page, "/profile/verification") for _ in range(4)]
    assert [answer.status_code for answer in sent] == [200, 200, 200, 429]
    assert "Enough mails have gone to this address" in sent[-1].text
    # Whoever asks for another password in this name fills the same mailbox.
    person.send(person.http.get("/password/forgotten"), "/password/forgotten", username=name)
    assert idp.mail_to(f"{name}@example.com", 3)
    idp.clock.advance(minutes=61)
    assert person.send(profile(idp, person, name), "/profile/verification").status_code == 200
    assert idp.mail_to(f"{name}@example.com", 4)


@pytest.mark.parametrize(
    "path", ["password", "verification", "app", "app/removal", "recovery-codes", "passkeys", "sessions/end"]
)
def test_forms_need_their_token(idp: RunningIdp, person: Person, name: str, path: str) -> None:
    profile(idp, person, name)
    answer = person.http.post(f"/profile/{path}", data={"csrf": "0" * 64})
    assert answer.headers["entryway-error"] == "csrf"


@pytest.mark.parametrize("credential", ["", "{}", '{"response": {}}', '{"id": "x", "rawId": "AA", "response": {}}'])
def test_answers_that_make_no_passkey(idp: RunningIdp, person: Person, name: str, credential: str) -> None:
    profile(idp, person, name)
    page = person.http.get("/profile/passkeys")
    answer = person.send(page, "/profile/passkeys", credential=credential, name="x")
    assert answer.headers["entryway-error"] == "passkey_refused"
