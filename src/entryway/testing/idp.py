"""The real identity provider for a test, with its administrator's and an application's side of it."""

from __future__ import annotations

import html
import json
import re
import ssl
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from argon2 import PasswordHasher

from entryway.accounts.passwords import Passwords
from entryway.clients.outgoing_addresses import INSIDE
from entryway.idp.build import build
from entryway.idp.settings import IdpSettings, MailSettings
from entryway.telemetry.service_meters import ServiceMeters
from entryway.testing.authority import TestAuthority
from entryway.testing.clock import MovableClock
from entryway.testing.databases import DatabaseUrl, sqlite_url
from entryway.testing.passwords import CHEAP
from entryway.testing.serving import Serve, served

ADMIN_SECRET = "the-admin-client-secret-of-a-test"  # noqa: S105 - of a test
MASTER_KEY = bytes(range(32))
CALLBACK = "https://app.example.com/login/callback"
PASSWORD = "correct horse battery"  # noqa: S105 - of a test


@dataclass(frozen=True)
class RegisteredApplication:
    """An application with the credentials of one binding."""

    id: str
    credentials: dict[str, Any] = field(repr=False)

    @property
    def client_id(self) -> str:
        client_id: str = self.credentials["clientid"]
        return client_id

    @property
    def secret(self) -> str:
        secret: str = self.credentials["clientsecret"]
        return secret


class Person:
    """What a browser does: keeps cookies, fills in forms; follows redirects only where told."""

    def __init__(self, url: str, tls: ssl.SSLContext, language: str = "en") -> None:
        headers = {"accept": "text/html", "accept-language": language, "user-agent": "Mozilla/5.0 (test)"}
        self.http = httpx.Client(base_url=url, verify=tls, headers=headers, timeout=30)

    def authorize(self, application: RegisteredApplication, **parameters: str) -> httpx.Response:
        """Come from an application to log in."""
        query = {
            "response_type": "code",
            "client_id": application.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            **parameters,
        }
        return self.http.get("/oauth2/authorize", params={name: value for name, value in query.items() if value})

    def send(self, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
        """Fill in the page's form with this action and send it."""
        return self.http.post(action, data={**hidden_fields(page, action), **fields})

    def log_in(self, page: httpx.Response, user_name: str, password: str = PASSWORD) -> httpx.Response:
        """Fill in the login page and send it."""
        return self.send(page, "/login", username=user_name, password=password)


def hidden_fields(page: httpx.Response, action: str) -> dict[str, str]:
    """Return the hidden fields of the page's form with this action."""
    form = re.search(rf'<form method="post"[^>]*action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
    assert form is not None, f"no form {action} in {page.status_code}: {page.text}"
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: html.unescape(value) for name, value in found}


def code_in(response: httpx.Response) -> str:
    """Return the code of a redirect back to an application."""
    assert response.status_code == 302, f"{response.status_code}: {response.text}"
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert "code" in query, response.headers["location"]
    return query["code"][0]


class RunningIdp:
    """An identity provider on real HTTPS."""

    def __init__(self, url: str, authority: TestAuthority, clock: MovableClock, mail: Path) -> None:
        self.url = url
        self.clock = clock
        self.mail = mail
        self.authority = authority
        self.tls = ssl.create_default_context(cafile=str(authority.ca_file))
        self.http = httpx.Client(base_url=url, verify=self.tls, timeout=30)

    def person(self, language: str = "en") -> Person:
        """Return a browser without any cookies."""
        return Person(self.url, self.tls, language)

    def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask the interface of administrators."""
        return self.http.request(method, f"/entryway/v1{path}", json=body, auth=("entryway-admin", ADMIN_SECRET))

    def user(
        self, name: str, password: str | None = PASSWORD, groups: Sequence[str] = (), **more: Any
    ) -> dict[str, Any]:
        """Create or update a user."""
        local = name.partition("@")[0]
        body = {
            "password": password,
            "given_name": local.capitalize(),
            "family_name": "Example",
            "email": f"{local}@example.com",
            "groups": list(groups),
            **more,
        }
        answer = self.admin("PUT", f"/users/{name}", body)
        assert answer.status_code in {200, 201}, answer.text
        user: dict[str, Any] = answer.json()
        return user

    def users(self) -> list[dict[str, Any]]:
        """Return every user, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.admin("GET", f"/users?start={len(found)}").json()
            found += page["users"]
            if len(found) >= page["total"] or not page["users"]:
                return found

    def application(
        self, *, client_id: str | None = None, app_tid: str = "tenant-1", **settings: Any
    ) -> RegisteredApplication:
        """Create an application with a binding."""
        application_id = str(uuid.uuid4())
        body = {
            "name": client_id or "An application",
            "client_id": client_id,
            "app_tid": app_tid,
            "settings": {"redirect_uris": [CALLBACK], **settings},
        }
        answer = self.admin("PUT", f"/applications/{application_id}", body)
        assert answer.status_code == 200, answer.text
        bound = self.admin("PUT", f"/applications/{application_id}/bindings/b1")
        assert bound.status_code == 200, bound.text
        return RegisteredApplication(application_id, bound.json())

    def provider(self, alias: str, **settings: Any) -> None:
        """Trust a company's identity provider."""
        answer = self.admin("PUT", f"/providers/{alias}", {"name": alias.title(), **settings})
        assert answer.status_code == 200, answer.text

    def set(self, name: str, **values: Any) -> None:
        """Change a document of settings."""
        answer = self.admin("PUT", f"/settings/{name}", values)
        assert answer.status_code == 200, answer.text

    def token(self, application: RegisteredApplication, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        return self.http.post("/oauth2/token", data=form, auth=(application.client_id, application.secret))

    def redeem(self, application: RegisteredApplication, code: str, **form: str) -> httpx.Response:
        """Exchange a code for tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **form}
        return self.token(application, **form)

    def tokens(self, application: RegisteredApplication, user_name: str, **parameters: str) -> dict[str, Any]:
        """Log a user in by password in a fresh browser and return the tokens."""
        person = self.person()
        answer = person.log_in(person.authorize(application, **parameters), user_name)
        redeemed = self.redeem(application, code_in(answer))
        person.http.close()
        assert redeemed.status_code == 200, redeemed.text
        tokens: dict[str, Any] = redeemed.json()
        return tokens

    def mail_to(self, address: str, count: int = 1) -> dict[str, str]:
        """Return the latest mail to an address, when `count` have been sent to it."""
        deadline = time.monotonic() + 20
        while len(found := [mail for mail in self.mails() if mail["to"] == address]) < count:
            assert time.monotonic() < deadline, f"{len(found)} mails to {address}"
            time.sleep(0.02)
        return found[-1]

    def mails(self) -> list[dict[str, str]]:
        """Return what was sent, the oldest first."""
        return [json.loads(file.read_text()) for file in sorted(self.mail.glob("*.json"))]


@contextmanager
def running_idp(
    folder: Path,
    clock: MovableClock | None = None,
    database_url: DatabaseUrl = sqlite_url,
    hasher: PasswordHasher = CHEAP,
    *,
    host: str = "localhost",
    authority: TestAuthority | None = None,
    serve: Serve = served,
    meters: ServiceMeters | None = None,
    **more: Any,
) -> Iterator[RunningIdp]:
    """Run an identity provider with its state in `folder`, and its database there too unless somewhere is given.

    `more` are further settings of it.
    """
    authority, clock = authority or TestAuthority.create(folder / "ca"), clock or MovableClock()
    mail = folder / "mail"

    def make(url: str) -> Any:
        settings = IdpSettings(
            public_url=url.replace("localhost", host),
            database_url=database_url(folder, "idp"),
            master_key=MASTER_KEY,
            admin_client_secret=ADMIN_SECRET,
            mail=MailSettings(folder=mail),
            ca_file=authority.ca_file,
            **{"outgoing": INSIDE} | more,
        )
        return build(settings, clock=clock, passwords=Passwords(hasher), meters=meters)

    with serve(make, authority) as url:
        server = RunningIdp(url, authority, clock, mail)
        try:
            yield server
        finally:
            server.http.close()
