import re
import socketserver
import threading
from pathlib import Path

import pytest

from entryway.idp.mail.outbox import Mail, outbox
from entryway.idp.settings import MailSettings
from entryway.testing.idp import Person, RunningIdp, code_in

NEW = "a brand new secret"


def link_in(mail: dict[str, str], idp: RunningIdp) -> str:
    (link,) = re.findall(rf"{re.escape(idp.url)}(\S+)", mail["text"])
    return link


def ask_for_reset(person: Person, name: str):
    return person.send(person.http.get("/password/forgotten"), "/password/forgotten", username=name)


def test_a_password_is_reset_by_mail(idp: RunningIdp, person: Person, other_person: Person, name: str) -> None:
    idp.user(name)
    application = idp.application()
    code_in(other_person.log_in(other_person.authorize(application), name))
    assert "a mail with a link is on its way" in ask_for_reset(person, name).text
    link = link_in(idp.mail_to(f"{name}@example.com"), idp)
    page = person.http.get(link)
    differing = person.send(page, "/password/new", password=NEW, repeated="other")
    assert "not the same" in differing.text
    short = person.send(page, "/password/new", password="short", repeated="short")
    assert "at least 8 characters" in short.text
    assert "has been changed" in person.send(page, "/password/new", password=NEW, repeated=NEW).text
    # Once; and whoever was logged in with the old one is no more.
    assert person.http.get(link).headers["entryway-error"] == "link_used"
    again = person.send(page, "/password/new", password="yet another one", repeated="yet another one")
    assert again.headers["entryway-error"] == "link_used"
    assert "Log in" in other_person.authorize(application).text
    assert code_in(person.log_in(person.authorize(application), name, NEW))


def test_nobody_learns_who_has_an_account(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    known, unknown = ask_for_reset(person, name), ask_for_reset(person, "nobody-at-all")
    assert known.text == unknown.text
    assert known.status_code == unknown.status_code == 200


def test_a_link_ends_with_time_and_with_every_change(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    ask_for_reset(person, name)
    link = link_in(idp.mail_to(f"{name}@example.com"), idp)
    assert person.http.get(link).status_code == 200
    idp.clock.advance(minutes=61)
    assert person.http.get(link).headers["entryway-error"] == "link_used"
    idp.clock.advance(minutes=-61)
    idp.user(name, "changed by somebody")
    assert person.http.get(link).headers["entryway-error"] == "link_used"


def test_a_newer_link_replaces_an_older_one(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    ask_for_reset(person, name)
    old = link_in(idp.mail_to(f"{name}@example.com"), idp)
    ask_for_reset(person, name)
    new = link_in(idp.mail_to(f"{name}@example.com", 2), idp)
    used = person.http.get(old)
    assert used.headers["entryway-error"] == "link_used"
    assert 'href="/password/forgotten"' in used.text
    shown = person.http.get(new)
    assert shown.status_code == 200
    # For whoever keeps passwords: the browser learns whose this one is.
    assert f'name="username" value="{name}" autocomplete="username"' in shown.text


def test_a_link_is_for_its_purpose(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    ask_for_reset(person, name)
    link = link_in(idp.mail_to(f"{name}@example.com"), idp)
    for other in (link.replace("reset", "invitation"), link.replace("/password/new", "/email/verification"), link[:-3]):
        assert person.http.get(other).headers["entryway-error"] == "link_used"


def test_a_locked_user_gets_no_mail_and_nobodys_mailbox_is_filled(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(f"{name}-locked", active=False)
    ask_for_reset(person, f"{name}-locked")
    idp.user(name)
    for _ in range(5):
        ask_for_reset(person, name)
    idp.mail_to(f"{name}@example.com", 3)
    idp.user(f"{name}-last")
    ask_for_reset(person, f"{name}-last")
    idp.mail_to(f"{name}-last@example.com")
    addresses = [mail["to"] for mail in idp.mails()]
    assert addresses.count(f"{name}@example.com") == 3
    assert f"{name}-locked@example.com" not in addresses


def test_a_form_of_ours_is_needed(idp: RunningIdp, person: Person, name: str) -> None:
    idp.user(name)
    person.http.get("/password/forgotten")
    answer = person.http.post("/password/forgotten", data={"username": name, "csrf": "0" * 64})
    assert answer.headers["entryway-error"] == "csrf"


def test_mails_speak_the_language_of_who_asks(idp: RunningIdp, name: str) -> None:
    idp.user(name)
    person = idp.person("de")
    ask_for_reset(person, name)
    person.http.close()
    assert idp.mail_to(f"{name}@example.com")["subject"] == "Entryway: neues Kennwort wählen"


def test_registration_is_off_until_it_is_switched_on(idp: RunningIdp, person: Person) -> None:
    assert person.http.get("/register").status_code == 404
    assert "/register" not in person.authorize(idp.application()).text
    assert person.http.post("/register", data={}).status_code == 404


@pytest.fixture
def registration(idp: RunningIdp):
    idp.set("self-service", registration=True, registration_domains=["example.com"])
    yield
    idp.set("self-service")


@pytest.mark.usefixtures("registration")
def test_people_register_and_prove_their_address(idp: RunningIdp, person: Person, name: str) -> None:
    assert "/register" in person.authorize(idp.application()).text
    page = person.http.get("/register")
    fields = {"given_name": "Ada", "family_name": "Lovelace"}
    refused = person.send(page, "/register", email=f"{name}@elsewhere.example", **fields)
    assert "cannot create an account" in refused.text
    # What was typed stays.
    assert 'value="Lovelace"' in refused.text
    assert 'href="/login"' in refused.text
    first = person.send(page, "/register", email=f"{name}@example.com", **fields)
    page = person.http.get(link_in(idp.mail_to(f"{name}@example.com"), idp))
    assert "has been changed" in person.send(page, "/password/new", password=NEW, repeated=NEW).text
    application = idp.application()
    answer = person.log_in(person.authorize(application), f"{name}@example.com", NEW)
    token = idp.redeem(application, code_in(answer)).json()["access_token"]
    info = idp.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {token}"}).json()
    assert info["email_verified"] is True
    assert info["name"] == "Ada Lovelace"
    # Who comes a second time is told by mail; the page says the same as before.
    second = person.send(person.http.get("/register"), "/register", email=f"{name}@example.com", **fields)
    assert second.text == first.text
    assert idp.mail_to(f"{name}@example.com", 2)["subject"] == "Entryway: you have an account already"


@pytest.mark.usefixtures("registration")
def test_what_a_stranger_typed_is_mailed_to_nobody(idp: RunningIdp, person: Person, name: str) -> None:
    page = person.http.get("/register")
    fields = {"given_name": "You have won, see https://evil.example", "family_name": "now"}
    person.send(page, "/register", email=f"{name}@example.com", **fields)
    text = idp.mail_to(f"{name}@example.com")["text"]
    assert "evil.example" not in text
    assert f"Hello {name}@example.com," in text


@pytest.mark.usefixtures("registration")
@pytest.mark.parametrize("email", ["", "no address", "a@b@example.com", "x\u0000@example.com", "Evil <e@example.com>"])
def test_addresses_that_are_none(person: Person, email: str) -> None:
    answer = person.send(person.http.get("/register"), "/register", email=email)
    assert answer.status_code == 400


class Conversation(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs that has nothing to hide."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line.split()[0].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.received.append(b"".join(lines).decode())
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


async def test_mail_goes_to_a_server(idp: RunningIdp) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.server_address[1]
            settings = MailSettings(sender="idp@example.com", host="127.0.0.1", port=port, starttls=False)
            await outbox(settings, idp.tls).send(Mail("ada@example.com", "Grüße", "Ein Link:\nhttps://x.example/\n"))
            with pytest.raises(Exception, match="STARTTLS"):
                await outbox(MailSettings(host="127.0.0.1", port=port), idp.tls).send(Mail("a@example.com", "", ""))
        finally:
            server.shutdown()
            thread.join()
    (received,) = server.received
    assert "To: ada@example.com" in received
    assert "Subject: =?utf-8?" in received
    assert "https://x.example/" in received


async def test_mail_in_a_folder_is_for_its_owner(idp: RunningIdp, tmp_path: Path) -> None:
    await outbox(MailSettings(folder=tmp_path / "mail"), idp.tls).send(Mail("a@example.com", "s", "t"))
    (file,) = (tmp_path / "mail").iterdir()
    assert file.stat().st_mode & 0o077 == 0
