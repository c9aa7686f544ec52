import base64
import re

import httpx
import jwt as pyjwt
import pytest

from entryway.idp.factors.totp import code_at
from entryway.testing.idp import PASSWORD, Person, RunningIdp, code_in, hidden_fields

REQUIRED = [{"second_factor": "required"}]


def code_of(secret: bytes, idp: RunningIdp, steps: int = 0) -> str:
    return code_at(secret, int(idp.clock().timestamp()) // 30 + steps)


def secret_in(page: httpx.Response) -> bytes:
    (key,) = re.findall(r"<code>([A-Z2-7]+)</code>", page.text)
    return base64.b32decode(key + "=" * (-len(key) % 8))


def codes_in(page: httpx.Response) -> list[str]:
    return re.findall(r"<li>([a-z2-9]{5}-[a-z2-9]{5})</li>", page.text)


def enrol(idp: RunningIdp, person: Person, name: str) -> tuple[bytes, list[str]]:
    """Log in to an application that needs a second factor, enrol an app, and come back with a code."""
    idp.user(name)
    page = person.log_in(person.authorize(idp.application(factor_rules=REQUIRED)), name)
    assert "Set up a second factor" in page.text
    assert "data:image/svg+xml" in page.text
    secret = secret_in(page)
    wrong = person.send(page, "/login/enrol", code="000000")
    assert wrong.status_code == 400
    assert secret_in(wrong) == secret
    shown = person.send(wrong, "/login/enrol", code=code_of(secret, idp))
    codes = codes_in(shown)
    assert len(codes) == 10
    assert code_in(person.send(shown, "/login/continue"))
    return secret, codes


def test_an_application_lets_its_users_enrol_a_second_factor(
    idp: RunningIdp, person: Person, other_person: Person, name: str
) -> None:
    secret, _ = enrol(idp, person, name)
    # From now on every application asks for it, unless its rules say otherwise.
    application = idp.application()
    page = other_person.log_in(other_person.authorize(application), name)
    assert "Confirm that it is you" in page.text
    idp.clock.advance(seconds=60)
    answer = other_person.send(page, "/login/code", code=code_of(secret, idp))
    tokens = idp.redeem(application, code_in(answer)).json()
    info = idp.http.post(
        "/oauth2/introspect", data={"token": tokens["access_token"]}, auth=(application.client_id, application.secret)
    )
    assert info.json()["amr"] == ["pwd", "otp"]
    assert code_in(idp_login(idp, idp.application(factor_rules=[{"second_factor": "off"}]), name))


def idp_login(idp: RunningIdp, application, name: str) -> httpx.Response:
    person = idp.person()
    answer = person.log_in(person.authorize(application), name)
    person.http.close()
    return answer


def test_the_page_asks_for_what_the_user_has(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    enrol(idp, person, name)
    page = other_person.log_in(other_person.authorize(idp.application()), name)
    assert ('name="code"' in page.text, "data-passkey" in page.text) == (True, False)


def test_a_code_works_once(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    secret, _ = enrol(idp, person, name)
    page = other_person.log_in(other_person.authorize(idp.application()), name)
    # The one that enrolled the app was used by that.
    again = other_person.send(page, "/login/code", code=code_of(secret, idp))
    assert again.status_code == 401
    idp.clock.advance(seconds=60)
    assert code_in(other_person.send(again, "/login/code", code=code_of(secret, idp)))


def test_guesses_lock_the_second_factor(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    secret, _ = enrol(idp, person, name)
    idp.clock.advance(seconds=60)
    page = other_person.log_in(other_person.authorize(idp.application()), name)
    for _ in range(5):
        page = other_person.send(page, "/login/code", code="000000")
        assert page.status_code == 401
    assert other_person.send(page, "/login/code", code=code_of(secret, idp)).status_code == 401
    idp.clock.advance(minutes=6)
    page = other_person.log_in(other_person.authorize(idp.application()), name)
    assert code_in(other_person.send(page, "/login/code", code=code_of(secret, idp)))


def test_a_recovery_code_works_once(idp: RunningIdp, person: Person, name: str) -> None:
    _, codes = enrol(idp, person, name)
    for expected in (302, 401):
        other = idp.person()
        page = other.log_in(other.authorize(idp.application()), name)
        answer = other.send(page, "/login/code", code=codes[0].upper().replace("-", " "))
        other.http.close()
        assert answer.status_code == expected


def test_nobody_gets_past_the_second_factor(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    enrol(idp, person, name)
    page = other_person.log_in(other_person.authorize(idp.application()), name)
    fields = hidden_fields(page, "/login/code")
    for path in ("/login/continue", "/login/enrol", "/login/password"):
        answer = other_person.http.post(path, data=fields | {"code": "1", "password": "x", "repeated": "x"})
        assert "location" not in answer.headers
    # Half a login is no login.
    assert "Log in" in other_person.authorize(idp.application()).text
    assert "Log in" in other_person.http.get("/profile").text


def test_who_has_a_second_factor_cannot_enrol_another_by_the_password_alone(
    idp: RunningIdp, person: Person, other_person: Person, name: str
) -> None:
    idp.user(name)
    page = other_person.log_in(other_person.authorize(idp.application(factor_rules=REQUIRED)), name)
    secret = secret_in(page)
    enrol(idp, person, name)
    answer = other_person.send(page, "/login/enrol", code=code_of(secret, idp))
    assert answer.headers["entryway-error"] == "login_over"


def test_rules_are_by_group_and_the_first_that_fits_decides(idp: RunningIdp, name: str) -> None:
    rules = [{"groups": ["Admirals"], "second_factor": "required"}, {"second_factor": "off"}]
    application = idp.application(factor_rules=rules)
    idp.user(name, groups=["Sailors"])
    assert code_in(idp_login(idp, application, name))
    idp.user(name, groups=["Sailors", "Admirals"])
    assert "Set up a second factor" in idp_login(idp, application, name).text


def test_a_login_goes_on_when_an_application_needs_more(idp: RunningIdp, person: Person, name: str) -> None:
    secret, _ = enrol(idp, idp_person := idp.person(), name)
    idp_person.http.close()
    code_in(person.log_in(person.authorize(idp.application(factor_rules=[{"second_factor": "off"}])), name))
    strict = idp.application(factor_rules=REQUIRED)
    silent = person.authorize(strict, prompt="none")
    assert "error=login_required" in silent.headers["location"]
    page = person.authorize(strict)
    assert "Confirm that it is you" in page.text
    idp.clock.advance(seconds=60)
    assert code_in(person.send(page, "/login/code", code=code_of(secret, idp)))
    assert code_in(person.authorize(strict, prompt="none"))


def test_the_password_grant_has_no_page_for_a_second_factor(idp: RunningIdp, person: Person, name: str) -> None:
    enrol(idp, person, name)
    application = idp.application(grant_types=["password"])
    answer = idp.token(application, grant_type="password", username=name, password=PASSWORD)
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", '{"response": {}}', '{"rawId": "AA", "response": {}}', "[" * 9999]
)
def test_answers_that_are_no_passkey(idp: RunningIdp, person: Person, credential: str) -> None:
    page = person.authorize(idp.application())
    answer = person.http.post("/login/passkey", data=hidden_fields(page, "/login/passkey") | {"credential": credential})
    assert answer.status_code == 401
    assert "User name or password is not right" in answer.text


def test_the_code_follows_the_password_where_there_is_no_page(idp: RunningIdp, person: Person, name: str) -> None:
    secret, _ = enrol(idp, person, name)
    application = idp.application(grant_types=["password"])

    def ask(password: str) -> httpx.Response:
        return idp.token(application, grant_type="password", username=name, password=password)

    idp.clock.advance(minutes=1)
    code = code_of(secret, idp)
    assert ask("wrong" + code).status_code == 400
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert ask(PASSWORD + wrong).status_code == 400
    answer = ask(PASSWORD + code)
    assert answer.status_code == 200, answer.text
    claims = pyjwt.decode(answer.json()["access_token"], options={"verify_signature": False})
    assert claims["amr"] == ["pwd", "otp"]
    # A code works once, and the password alone is not enough.
    assert ask(PASSWORD + code).status_code == 400
    assert ask(PASSWORD).status_code == 400
    # Guesses are counted, like those on the page.
    idp.clock.advance(minutes=1)
    for _ in range(5):
        ask(PASSWORD + wrong)
    assert ask(PASSWORD + code_of(secret, idp)).status_code == 400


def test_a_login_that_waits_for_a_second_factor_ends_with_the_session_that_it_began_from(
    idp: RunningIdp, person: Person, other_person: Person, name: str
) -> None:
    idp.user(name)
    code_in(person.log_in(person.authorize(idp.application()), name))
    waiting = person.authorize(idp.application(factor_rules=[{"second_factor": "required"}]))
    secret = secret_in(waiting)
    other_person.log_in(other_person.http.get("/profile"), name)
    page = other_person.http.get("/profile")
    other_person.http.post("/profile/sessions/end", data=hidden_fields(page, "/profile/password"))

    shown = person.send(waiting, "/login/enrol", code=code_of(secret, idp))
    assert "Log in" in person.send(shown, "/login/continue").text
