"""Clients that show their certificate to us, without a proxy: who gets a token, and who does not."""

from __future__ import annotations

import base64
import hashlib
import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from admin_client import Administrator, administrator, encoded
from cryptography import x509
from product_descriptor import products
from test_token_endpoint import claims

from entryway import certificates
from entryway.testing.authserver import (
    REDIRECT_URI,
    BoundApplication,
    Browser,
    RunningAuthServer,
    running_authserver,
)
from entryway.testing.serving import free_port

END = "-----END CERTIFICATE-----\n"
NOW = datetime.now(UTC)
CA, FOREIGN_CA = (certificates.new_authority(x509.Name([certificates.common_name("A company")]), NOW) for _ in "12")


@dataclass(frozen=True)
class Key:
    """A certificate and its key, as the files that programs take."""

    certificate: str
    key: str

    @property
    def leaf(self) -> str:
        return self.certificate.partition(END)[0] + END

    @property
    def thumbprint(self) -> str:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.leaf)).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def made(name: str, *, by: certificates.Certified = CA, now: datetime = NOW, days: float = 30) -> Key:
    """Make a certificate as a company's authority does."""
    key = certificates.new_key()
    subject = x509.Name([certificates.common_name(name)])
    certificate = certificates.issue(
        by, subject, key.public_key(), usage=certificates.FOR_CLIENTS, now=now, lifetime=timedelta(days=days)
    )
    return Key(certificates.pem(certificate).decode(), certificates.key_pem(key).decode())


class Clients:
    """Clients of the listener, each with a certificate of its own or none."""

    def __init__(self, server: RunningAuthServer, url: str, folder: Path) -> None:
        self.server, self.url, self.folder = server, url, folder
        self._opened: list[httpx.Client] = []

    def showing(self, key: Key | None, version: ssl.TLSVersion | None = None) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.server.ca_file))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if key is not None:
            file = self.folder / f"{uuid.uuid4()}.pem"
            file.write_text(key.key + key.certificate)
            context.load_cert_chain(file)
        opened = httpx.Client(base_url=self.url, verify=context, timeout=30)
        self._opened.append(opened)
        return opened

    def token(self, key: Key | None, client_id: str, **more: str) -> httpx.Response:
        return ask(self.showing(key), client_id, **more)

    def close(self) -> None:
        for opened in self._opened:
            opened.close()


def ask(client: httpx.Client, client_id: str, path: str = "/oauth/token", **headers: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client_id}
    return client.post(path, data=form, headers=headers)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    port = free_port()
    with running_authserver(
        tmp_path_factory.mktemp("certificates"),
        certificate_port=port,
        certificate_url=f"https://localhost:{port}",
        certificate_authorities=CA.certificate_pem,
        tenant_url="{url}/t/{subdomain}",
    ) as running:
        yield running


@pytest.fixture
def clients(server: RunningAuthServer, tmp_path: Path) -> Iterator[Clients]:
    discovery = server.http.get("/.well-known/openid-configuration").json()
    url = discovery["mtls_endpoint_aliases"]["token_endpoint"].removesuffix("/oauth/token")
    opened = Clients(server, url, tmp_path)
    yield opened
    opened.close()


def application(server: RunningAuthServer) -> str:
    descriptor = products(f"direct-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["credential-types"] = ["x509", "binding-secret"]
    return server.deploy(descriptor).instance_id


@pytest.fixture
def instance(server: RunningAuthServer) -> str:
    return application(server)


def key_of(bound: BoundApplication) -> Key:
    return Key(bound.credentials["certificate"], bound.credentials["key"])


def provided(server: RunningAuthServer, instance: str, key: Key, **x509_parameters: object) -> BoundApplication:
    return server.bind(instance, parameters={"x509": {"certificate": key.certificate, **x509_parameters}})


def refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized"), answer.text
    assert "access_token" not in answer.text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_generated_certificate_gets_a_token_that_names_it(
    server: RunningAuthServer, instance: str, clients: Clients, version: ssl.TLSVersion
) -> None:
    bound = server.bind(instance)
    assert bound.credentials["certurl"] == clients.url
    answer = ask(clients.showing(key_of(bound), version), bound.client_id)
    assert answer.status_code == 200, answer.text
    told = claims(answer.json()["access_token"])
    assert told["cnf"] == {"x5t#S256": key_of(bound).thumbprint}
    assert told["iss"] == f"{server.url}/oauth/token"


def test_without_a_certificate_nobody_is_proved(server: RunningAuthServer, instance: str, clients: Clients) -> None:
    bound = server.bind(instance)
    refused(clients.token(None, bound.client_id))
    # A secret is a proof there as anywhere.
    secret = server.bind(instance, parameters={"credential-type": "binding-secret"})
    form = {"grant_type": "client_credentials", "client_id": secret.client_id, "client_secret": secret.secret}
    assert clients.showing(None).post("/oauth/token", data=form).status_code == 200


def test_the_header_of_proxies_is_worth_nothing(server: RunningAuthServer, instance: str, clients: Clients) -> None:
    bound = server.bind(instance)
    header = {"x-forwarded-client-cert": quote(key_of(bound).leaf)}
    refused(clients.token(None, bound.client_id, **header))
    refused(clients.token(made("somebody"), bound.client_id, **header))
    refused(ask(server.http, bound.client_id, **header))


def test_the_certificate_of_one_client_proves_no_other(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    mine, other = server.bind(instance), server.bind(application(server))
    refused(clients.token(key_of(mine), other.client_id))
    refused(clients.token(key_of(mine), "sb-nobody!t1"))
    assert clients.token(key_of(mine), "").status_code == 401
    assert clients.token(key_of(mine), mine.client_id).status_code == 200


def test_nor_a_client_of_the_same_name_of_another_tenant(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    mine = server.bind(instance)
    subdomain = f"acme-{uuid.uuid4().hex[:8]}"
    made_tenant = server.platform("POST", "/tenants", {"subdomain": subdomain, "name": "Acme"})
    assert made_tenant.status_code == 201, made_tenant.text
    zid = made_tenant.json()["id"]
    headers = {"authorization": f"Bearer {server.platform_token()}", "x-identity-zone-id": zid}
    descriptor = products(mine.name.partition("!")[0])
    descriptor["oauth2-configuration"]["credential-types"] = ["x509"]
    there = f"/entryway/v1/applications/{uuid.uuid4()}"
    body = {"plan": "application", "xs_security": descriptor}
    assert server.http.put(there, json=body, headers=headers).status_code == 201
    theirs = BoundApplication("", server.http.put(f"{there}/bindings/one", json={}, headers=headers).json())
    assert theirs.credentials["certurl"] == f"{clients.url}/t/{subdomain}"
    path = f"/t/{subdomain}/oauth/token"
    assert ask(clients.showing(key_of(theirs)), theirs.client_id, path).status_code == 200
    assert ask(clients.showing(key_of(theirs)), theirs.client_id, **{"x-zid": zid}).status_code == 200
    refused(ask(clients.showing(key_of(mine)), theirs.client_id, path))
    refused(ask(clients.showing(key_of(theirs)), theirs.client_id))
    # Whoever has proved to be an application of the landscape is told that this tenant has no such client.
    unsubscribed = ask(clients.showing(key_of(mine)), mine.client_id, path)
    assert (unsubscribed.status_code, unsubscribed.json()["error"]) == (401, "invalid_client")


def test_an_administrators_program_comes_with_a_certificate_instead_of_a_secret(
    server: RunningAuthServer, clients: Clients
) -> None:
    admin, mine, other = administrator(server), made("pipeline"), made("another")
    asked = {"name": f"pipeline {uuid.uuid4().hex[:8]}", "readOnly": True}
    told = admin.done("POST", "/apiCredentials", {**asked, "certificate": mine.certificate})
    assert (told["credentials"]["credential-type"], told["credentials"]["certurl"]) == ("x509", clients.url)
    assert not {"clientsecret", "key"} & told["credentials"].keys()
    shown = admin.get(f"/apiCredentials/{encoded(asked['name'])}")
    assert (shown["credentialType"], shown["readOnly"]) == ("x509", True)

    client_id = told["credentials"]["clientid"]
    reader = Administrator(server, clients.token(mine, client_id).json()["access_token"])
    assert reader.ask("GET", "/apps").status_code == 200
    assert reader.ask("POST", "/rolecollections", {"name": "x"}).status_code == 403
    refused(clients.token(other, client_id))
    refused(clients.token(None, client_id))

    admin.done("DELETE", f"/apiCredentials/{encoded(asked['name'])}")
    assert reader.ask("GET", "/apps").status_code == 401
    refused(clients.token(mine, client_id))


def test_a_certificate_that_is_none_makes_no_credential(server: RunningAuthServer) -> None:
    admin, name = administrator(server), f"pipeline {uuid.uuid4().hex[:8]}"
    for certificate in ("none", made("over", now=NOW - timedelta(days=60)).certificate, made("no key").key):
        asked = {"name": name, "certificate": certificate}
        assert admin.ask("POST", "/apiCredentials", asked).status_code == 400
    assert name not in {each["name"] for each in admin.get("/apiCredentials")}


def test_a_binding_that_ends_ends_at_once_also_on_open_connections(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    first, second = server.bind(instance, "first"), server.bind(instance, "second")
    old, new = clients.showing(key_of(first)), clients.showing(key_of(second))
    # The old one goes on while its successor is being rolled out.
    assert [ask(each, first.client_id).status_code for each in (old, new)] == [200, 200]
    assert server.platform("DELETE", f"/applications/{instance}/bindings/first").status_code == 204
    refused(ask(old, first.client_id))
    refused(clients.token(key_of(first), first.client_id))
    assert ask(new, first.client_id).status_code == 200


def test_the_platform_sees_which_proof_is_still_in_use(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    old, new = server.bind(instance, "old"), server.bind(instance, "new")
    secret = server.bind(instance, "secret", {"credential-type": "binding-secret"})
    assert clients.token(key_of(new), new.client_id).status_code == 200
    answer = server.platform("GET", f"/applications/{instance}/bindings")
    listed = {each["binding_id"]: each for each in answer.json()["bindings"]}
    assert listed.keys() > {"old", "new", "secret"}
    assert (listed["new"]["thumbprint"], listed["old"]["thumbprint"]) == (
        key_of(new).thumbprint,
        key_of(old).thumbprint,
    )
    assert listed["old"]["last_used_at"] is None
    used = datetime.fromisoformat(listed["new"]["last_used_at"])
    assert abs(server.clock() - used) < timedelta(minutes=1)
    assert listed["secret"].keys() == {"binding_id", "credential-type", "created_at", "last_used_at"}
    assert listed["secret"]["last_used_at"] is None
    for hidden in (secret.secret, "PRIVATE KEY"):
        assert hidden not in answer.text
    server.clock.advance(minutes=2)
    try:
        assert clients.token(key_of(new), new.client_id).status_code == 200
        assert server.token(secret, grant_type="client_credentials").status_code == 200
        again = server.platform("GET", f"/applications/{instance}/bindings").json()["bindings"]
        used_now = {each["binding_id"]: each["last_used_at"] for each in again}
        assert used_now["new"] > listed["new"]["last_used_at"]
        assert used_now["secret"] == used_now["new"]
    finally:
        server.clock.advance(minutes=-2)
    assert server.platform("GET", f"/applications/{uuid.uuid4()}/bindings").status_code == 404


def test_a_certificate_of_ones_own_is_this_one_where_it_is_pinned(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    mine, same_subject = made("robot", by=FOREIGN_CA), made("robot", by=FOREIGN_CA)
    bound = provided(server, instance, mine)
    assert "key" not in bound.credentials
    assert claims(clients.token(mine, bound.client_id).json()["access_token"])["cnf"] == {"x5t#S256": mine.thumbprint}
    refused(clients.token(same_subject, bound.client_id))


def test_without_pinning_the_subject_counts_from_an_authority_that_is_registered(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    mine = made("robot", now=NOW - timedelta(days=1))
    bound = provided(server, instance, mine, **{"certificate-pinning": False})
    renewed = made("robot", now=NOW)
    assert clients.token(mine, bound.client_id).status_code == 200
    assert clients.token(renewed, bound.client_id).status_code == 200
    refused(clients.token(mine, bound.client_id))  # older than one that was seen
    refused(clients.token(made("robot", by=FOREIGN_CA), bound.client_id))
    refused(clients.token(made("another"), bound.client_id))
    refused(clients.token(made("robot", now=NOW - timedelta(days=40), days=30), bound.client_id))
    refused(clients.token(made("robot", now=NOW + timedelta(days=1)), bound.client_id))


def test_a_pinned_certificate_ends_with_its_time(server: RunningAuthServer, instance: str, clients: Clients) -> None:
    short = made("robot", days=2)
    bound = provided(server, instance, short)
    connected = clients.showing(short)
    assert ask(connected, bound.client_id).status_code == 200
    server.clock.advance(days=2)
    try:
        refused(ask(connected, bound.client_id))
        server.clock.advance(days=-40)
        refused(ask(connected, bound.client_id))
    finally:
        server.clock.advance(days=38)


def test_users_log_in_and_tokens_are_examined_there_too(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    bound = server.bind(instance)
    client = clients.showing(key_of(bound))
    page = client.get(
        "/oauth/authorize",
        params={
            "response_type": "code",
            "client_id": bound.client_id,
            "redirect_uri": "http://localhost:5000/login/callback",
        },
    )
    assert page.status_code == 200
    assert "login.do" in page.text
    token = ask(client, bound.client_id).json()["access_token"]
    for path, expected in (
        ("/introspect", {"active": True}),
        ("/oauth/revoke", None),
        ("/introspect", {"active": False}),
    ):
        answer = client.post(path, data={"token": token, "client_id": bound.client_id})
        assert answer.status_code == 200, answer.text
        if expected is not None:
            assert answer.json()["active"] is expected["active"]
    refused(clients.showing(None).post("/introspect", data={"token": token, "client_id": bound.client_id}))


def test_a_user_logs_in_there_and_the_code_needs_the_certificate(
    server: RunningAuthServer, instance: str, clients: Clients
) -> None:
    bound = server.bind(instance)
    server.user("lena@example.com", "correct horse")
    for base in (clients.url, server.url):
        browser = Browser(base, server.tls)
        code = browser.log_in(bound, "lena@example.com", "correct horse")
        browser.http.close()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        refused(clients.showing(None).post("/oauth/token", data=form | {"client_id": bound.client_id}))
        answer = clients.showing(key_of(bound)).post("/oauth/token", data=form | {"client_id": bound.client_id})
        assert answer.status_code == 200, answer.text
        told = claims(answer.json()["access_token"])
        assert (told["user_name"], told["iss"]) == ("lena@example.com", f"{server.url}/oauth/token")
        again = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
        renewed = clients.showing(key_of(bound)).post("/oauth/token", data=again | {"client_id": bound.client_id})
        assert claims(renewed.json()["access_token"])["cnf"] == told["cnf"] == {"x5t#S256": key_of(bound).thumbprint}


def test_what_others_serve_is_not_there(server: RunningAuthServer, clients: Clients) -> None:
    for path in ("/v2/catalog", "/destination-configuration/v1/destinations", "/connectivity/v1/connectors"):
        assert clients.showing(None).get(path).status_code == 404
