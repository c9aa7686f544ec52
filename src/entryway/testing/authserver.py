"""The real authorization server for a test, with the platform's and an application's side of it."""

from __future__ import annotations

import re
import ssl
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from argon2 import PasswordHasher

from entryway.accounts.passwords import Passwords
from entryway.authserver.build import build
from entryway.authserver.settings import AuthServerSettings
from entryway.clients.outgoing_addresses import INSIDE
from entryway.landscape.admin_listener import counted
from entryway.landscape.certificate_listener import CertificateListener
from entryway.landscape.dispatch import EVERYTHING_ELSE, Dispatcher
from entryway.landscape.serve import Endpoint
from entryway.telemetry.service_meters import ServiceMeters
from entryway.testing.authority import TestAuthority
from entryway.testing.clock import MovableClock
from entryway.testing.databases import DatabaseUrl, sqlite_url
from entryway.testing.passwords import CHEAP
from entryway.testing.serving import served

PLATFORM_SECRET = "the-platform-client-secret-of-a-test"  # noqa: S105 - of a test
MASTER_KEY = bytes(range(32))
REDIRECT_URI = "http://localhost:5000/login/callback"


@dataclass(frozen=True)
class BoundApplication:
    """An application that has been deployed and bound: its credentials as a binding gives them."""

    instance_id: str
    credentials: dict[str, str] = field(repr=False)

    @property
    def client_id(self) -> str:
        return self.credentials["clientid"]

    @property
    def secret(self) -> str:
        return self.credentials["clientsecret"]

    @property
    def name(self) -> str:
        return self.credentials["xsappname"]


class Browser:
    """What a browser does at a login: follows redirects inside the server, keeps cookies, fills in the form."""

    def __init__(self, url: str, tls: ssl.SSLContext) -> None:
        self.http = httpx.Client(base_url=url, verify=tls, headers={"accept": "text/html"}, timeout=30)

    def authorize(self, application: BoundApplication, **parameters: str) -> httpx.Response:
        """Come from an application to log in."""
        query = {
            "response_type": "code",
            "client_id": application.client_id,
            "redirect_uri": REDIRECT_URI,
            **parameters,
        }
        return self.http.get("/oauth/authorize", params={name: value for name, value in query.items() if value})

    def submit(self, page: httpx.Response, user_name: str, password: str, **fields: str) -> httpx.Response:
        """Fill in the login page and send it."""
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        form = {**hidden, "username": user_name, "password": password, **fields}
        return self.http.post("/login.do", data=form)

    def log_in(self, application: BoundApplication, user_name: str, password: str, **parameters: str) -> str:
        """Log in and return the code that the application is given."""
        page = self.authorize(application, **parameters)
        assert page.status_code == 200, page.text
        return code_in(self.submit(page, user_name, password))


def code_in(response: httpx.Response) -> str:
    """Return the code of a redirect back to an application."""
    assert response.status_code == 302, f"{response.status_code}: {response.text}"
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


class RunningAuthServer:
    """An authorization server on real HTTPS."""

    def __init__(self, url: str, authority: TestAuthority, clock: MovableClock, database_url: str) -> None:
        self.url = url
        self.database_url = database_url
        self.clock = clock
        self.authority = authority
        self.ca_file = authority.ca_file
        self.tls = ssl.create_default_context(cafile=str(authority.ca_file))
        self.http = httpx.Client(base_url=url, verify=self.tls, timeout=30)

    def browser(self) -> Browser:
        """Return a browser without any cookies."""
        return Browser(self.url, self.tls)

    def platform_token(self) -> str:
        """Return a token of the platform."""
        answer = self.http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=("entryway-platform", PLATFORM_SECRET)
        )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def platform(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Ask the internal interface."""
        headers = {"authorization": f"Bearer {self.platform_token()}"}
        return self.http.request(method, f"/entryway/v1{path}", json=body, headers=headers)

    def deploy(self, xs_security: Mapping[str, Any], instance_id: str | None = None) -> BoundApplication:
        """Create an application and a binding of it."""
        instance_id = instance_id or str(uuid.uuid4())
        answer = self.platform(
            "PUT", f"/applications/{instance_id}", {"plan": "application", "xs_security": dict(xs_security)}
        )
        assert answer.status_code in {200, 201}, answer.text
        return self.bind(instance_id)

    def clone(self, master: str) -> BoundApplication:
        """Create an instance of a service and a binding of it."""
        instance_id = str(uuid.uuid4())
        answer = self.platform("PUT", f"/applications/{instance_id}", {"plan": "clone", "master": master})
        assert answer.status_code == 201, answer.text
        return self.bind(instance_id)

    def bind(
        self, instance_id: str, binding_id: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> BoundApplication:
        """Create a binding."""
        path = f"/applications/{instance_id}/bindings/{binding_id or uuid.uuid4()}"
        answer = self.platform("PUT", path, {"parameters": dict(parameters or {})})
        assert answer.status_code == 200, answer.text
        return BoundApplication(instance_id, answer.json())

    def user(self, name: str, password: str, role_collections: Sequence[str] = ()) -> dict[str, Any]:
        """Create or update a user."""
        body = {
            "password": password,
            "given_name": name.partition("@")[0].capitalize(),
            "family_name": "Example",
            "email": f"{name.partition('@')[0]}@example.com",
            "role_collections": list(role_collections),
        }
        answer = self.platform("PUT", f"/users/{name}", body)
        assert answer.status_code in {200, 201}, answer.text
        user: dict[str, Any] = answer.json()
        return user

    def token(self, application: BoundApplication, **form: str) -> httpx.Response:
        """Ask the token endpoint, with the credentials in the body as most clients of this format send them."""
        return self.http.post(
            "/oauth/token", data={"client_id": application.client_id, "client_secret": application.secret, **form}
        )

    def redeem(self, application: BoundApplication, code: str, **form: str) -> httpx.Response:
        """Exchange a code for tokens."""
        return self.token(
            application, **{"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, **form}
        )


@contextmanager
def running_authserver(
    folder: Path,
    clock: MovableClock | None = None,
    database_url: DatabaseUrl = sqlite_url,
    *,
    certificate_port: int | None = None,
    meters: ServiceMeters | None = None,
    hasher: PasswordHasher = CHEAP,
    **settings: Any,
) -> Iterator[RunningAuthServer]:
    """Run an authorization server with its state in `folder`; `settings` are further ones of its own.

    In a `tenant_url`, `{url}` stands for the server's address, which is not known before. At `certificate_port`
    clients show certificates, and `meters` count.
    """
    authority, clock = TestAuthority.create(folder / "ca"), clock or MovableClock()

    def make(url: str) -> Any:
        if "tenant_url" in settings:
            settings["tenant_url"] = settings["tenant_url"].replace("{url}", url)
        chosen = AuthServerSettings(
            public_url=url,
            database_url=database_url(folder, "authserver"),
            master_key=MASTER_KEY,
            platform_client_secret=PLATFORM_SECRET,
            **{"outgoing": INSIDE} | settings,
        )
        app = counted(build(chosen, clock=clock, passwords=Passwords(hasher), meters=meters), meters)
        if certificate_port is None:
            return app
        files = authority.issue_server()
        door = CertificateListener(app, Endpoint("127.0.0.1", certificate_port, files.certificate, files.key))
        return Dispatcher({EVERYTHING_ELSE: ("authorization server", app)}, door)

    with served(make, authority) as url:
        server = RunningAuthServer(url, authority, clock, database_url(folder, "authserver"))
        try:
            yield server
        finally:
            server.http.close()
