"""Where people come from counts: passwords of many users, and mails to many people, from one address."""

from __future__ import annotations

import httpx
import pytest

from entryway.testing.idp import PASSWORD, RunningIdp, running_idp


@pytest.fixture(scope="module")  # nothing of it is in a database, so one kind is enough
def idp(tmp_path_factory: pytest.TempPathFactory):
    limits = {"certificate_proxies": ("127.0.0.1",), "address_failures": 2, "address_mails": 2}
    with running_idp(tmp_path_factory.mktemp("addresses"), **limits) as running:
        running.user("victim")
        running.set("self-service", registration=True)
        yield running


def sent(idp: RunningIdp, address: str, page: str, **fields: str) -> httpx.Response:
    person = idp.person()
    person.http.headers["x-forwarded-for"] = address
    try:
        return person.send(person.http.get(page), page, **fields)
    finally:
        person.http.close()


def test_one_address_that_tries_many_users_is_slowed_down(idp: RunningIdp) -> None:
    def tried(address: str, name: str, password: str) -> httpx.Response:
        return sent(idp, address, "/login", username=name, password=password)

    for number in range(3):
        assert tried("203.0.113.8", "victim", PASSWORD).status_code in {200, 302, 303}, f"right, {number}"
    for number in range(2):
        assert tried("203.0.113.7", f"user-{number}", "wrong").status_code == 401
    slowed = tried("203.0.113.7", "victim", PASSWORD)
    assert slowed.status_code == 429
    assert 0 < int(slowed.headers["retry-after"]) <= 10
    assert "Too many attempts" in slowed.text
    # What the client wrote itself is not believed: only what the proxy added, at the end.
    assert tried("198.51.100.1, 203.0.113.7", "victim", PASSWORD).status_code == 429
    assert tried("198.51.100.1", "victim", PASSWORD).status_code != 429


def test_an_application_that_brings_passwords_of_many_users_is_slowed_down(idp: RunningIdp) -> None:
    application = idp.application(grant_types=["password"])
    wrong = [
        idp.token(application, grant_type="password", username=f"user-{number}", password="wrong").status_code
        for number in range(25)
    ]  # one is forgiven every second
    slowed = idp.token(application, grant_type="password", username="victim", password=PASSWORD)
    assert wrong[:20] == [400] * 20
    assert slowed.status_code == 429
    assert slowed.json()["error"] == "too_many_requests"
    assert slowed.headers["retry-after"] == "1"


@pytest.mark.parametrize(("page", "field"), [("/register", "email"), ("/password/forgotten", "username")])
def test_strangers_have_mails_sent_so_often_from_one_address_and_all_together(
    idp: RunningIdp, page: str, field: str
) -> None:
    def asked(address: str, number: int) -> httpx.Response:
        return sent(idp, address, page, **{field: f"{page[1:4]}-{number}@example.com"})

    assert [asked("203.0.113.9", number).status_code for number in range(3)] == [200, 200, 429]
    assert 0 < int(asked("203.0.113.9", 3).headers["retry-after"]) <= 60
    spread = [asked(f"203.0.113.{10 + number}", 10 + number).status_code for number in range(20)]
    assert spread[:16] == [200] * 16
    assert spread[-1] == 429


def test_rules_by_network_go_by_what_a_trusted_proxy_says(idp: RunningIdp) -> None:
    config = {"issuer": "https://company.example", "client_id": "ours", "client_secret": "secret"}
    idp.provider("company", type="oidc1.0", config=config)
    rules = [{"provider": "company", "networks": ["198.51.100.0/24", "127.0.0.0/8"]}]
    application = idp.application(logins={"rules": rules})

    def is_sent_on(*forwarded: str) -> bool:
        person = idp.person()
        for hop in forwarded:
            person.http.headers["x-forwarded-for"] = hop
        try:
            return 'name="password"' not in person.authorize(application).text
        finally:
            person.http.close()

    assert is_sent_on("198.51.100.7")
    assert is_sent_on("192.0.2.1, 198.51.100.7")
    assert not is_sent_on("198.51.100.7, 192.0.2.1")
    # The connection is the proxy's own, and what it says cannot be read: nobody's address.
    assert not is_sent_on()
    assert not is_sent_on("unknown")
