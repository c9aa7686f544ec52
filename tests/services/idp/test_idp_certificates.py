"""Applications of the identity provider that prove themselves with a TLS certificate."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from entryway import certificates
from entryway.landscape.identity_provider import asking_tls
from entryway.testing.idp import RegisteredApplication, RunningIdp, running_idp
from entryway.testing.serving import served_by_us

pytestmark = pytest.mark.once_on_postgresql

END = "-----END CERTIFICATE-----\n"
NOW = datetime.now(UTC)
AUTHORITY = certificates.new_authority(x509.Name([certificates.common_name("A company")]), NOW)


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    """An identity provider that asks for certificates at its own port, as `entryway idp` does."""
    serve = partial(served_by_us, tls=asking_tls)
    with running_idp(tmp_path_factory.mktemp("certified"), serve=serve) as running:
        yield running


@pytest.fixture
def application(certified: RunningIdp) -> RegisteredApplication:
    return certified.application()


def bind(idp: RunningIdp, application: RegisteredApplication, binding_id: str = "", **wanted: object) -> httpx.Response:
    body = {name.replace("_", "-"): value for name, value in wanted.items()}
    return idp.admin("PUT", f"/applications/{application.id}/bindings/{binding_id or uuid.uuid4()}", body)


def generated(idp: RunningIdp, application: RegisteredApplication, binding_id: str = "") -> dict[str, str]:
    answer = bind(idp, application, binding_id, credential_type="X509_GENERATED")
    assert answer.status_code == 200, answer.text
    return answer.json()


def own(name: str, days: float = 30, now: datetime = NOW) -> dict[str, str]:
    """Make a certificate that a company's authority has signed, in the form of credentials."""
    key = certificates.new_key()
    subject = x509.Name([certificates.common_name(name)])
    certificate = certificates.issue(
        AUTHORITY, subject, key.public_key(), usage=certificates.FOR_CLIENTS, now=now, lifetime=timedelta(days=days)
    )
    return {"certificate": certificates.pem(certificate).decode(), "key": certificates.key_pem(key).decode()}


def leaf(credentials: dict[str, str]) -> str:
    return credentials["certificate"].partition(END)[0] + END


def thumbprint(credentials: dict[str, str]) -> str:
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf(credentials))).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def claims_of(token: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def ask(
    idp: RunningIdp,
    folder: Path,
    shown: dict[str, str] | None,
    client_id: str,
    path: str = "/oauth2/token",
    **more: str,
) -> httpx.Response:
    context = ssl.create_default_context(cafile=str(idp.authority.ca_file))
    if shown is not None:
        file = folder / f"{uuid.uuid4()}.pem"
        file.write_text(shown["key"] + shown["certificate"])
        context.load_cert_chain(file)
    form = {"grant_type": "client_credentials", "client_id": client_id, **more}
    with httpx.Client(base_url=idp.url, verify=context, timeout=30) as http:
        return http.post(path, data=form)


def refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text


def test_a_generated_certificate_gets_a_token_that_names_it(
    certified: RunningIdp, application: RegisteredApplication, tmp_path: Path
) -> None:
    told = generated(certified, application, "one")
    assert (told["credential-type"], told["url"]) == ("X509_GENERATED", certified.url)
    assert "clientsecret" not in told
    [certificate, _] = x509.load_pem_x509_certificates(told["certificate"].encode())
    assert serialization.load_pem_private_key(told["key"].encode(), None).public_key() == certificate.public_key()
    assert datetime.fromisoformat(told["certificate_expires_at"]) == certificate.not_valid_after_utc
    assert generated(certified, application, "one") == told
    answer = ask(certified, tmp_path, told, application.client_id)
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert claims_of(token)["cnf"] == {"x5t#S256": thumbprint(told)}
    introspected = ask(certified, tmp_path, told, application.client_id, "/oauth2/introspect", token=token)
    assert introspected.json()["cnf"] == {"x5t#S256": thumbprint(told)}


def test_tokens_by_secret_are_bound_to_nothing(
    certified: RunningIdp, application: RegisteredApplication, tmp_path: Path
) -> None:
    answer = ask(certified, tmp_path, own("x"), application.client_id, client_secret=application.secret)
    assert "cnf" not in claims_of(answer.json()["access_token"])


def test_a_users_token_is_bound_too_and_the_id_token_is_not(
    certified: RunningIdp, application: RegisteredApplication, tmp_path: Path
) -> None:
    told = generated(certified, application)
    certified.user("carla")
    person = certified.person()
    try:
        answered = person.log_in(person.authorize(application), "carla")
        code = answered.headers["location"].partition("code=")[2].partition("&")[0]
    finally:
        person.http.close()
    back = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://app.example.com/login/callback"}
    tokens = ask(certified, tmp_path, told, application.client_id, **back).json()
    assert claims_of(tokens["access_token"])["cnf"] == {"x5t#S256": thumbprint(told)}
    assert "cnf" not in claims_of(tokens["id_token"])
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = ask(certified, tmp_path, told, application.client_id, **again).json()
    assert claims_of(refreshed["access_token"])["cnf"] == {"x5t#S256": thumbprint(told)}
    refused(ask(certified, tmp_path, None, application.client_id, **again))


def test_nobody_elses_certificate_counts(
    certified: RunningIdp, application: RegisteredApplication, tmp_path: Path
) -> None:
    mine, theirs = generated(certified, application), generated(certified, certified.application())
    refused(ask(certified, tmp_path, None, application.client_id))
    refused(ask(certified, tmp_path, theirs, application.client_id))
    refused(ask(certified, tmp_path, own(application.client_id), application.client_id))
    refused(ask(certified, tmp_path, mine, "somebody"))
    header = {"x-forwarded-client-cert": quote(leaf(mine))}
    form = {"grant_type": "client_credentials", "client_id": application.client_id}
    refused(certified.http.post("/oauth2/token", data=form, headers=header))


def test_a_binding_that_ends_ends_its_certificate_and_no_other(
    certified: RunningIdp, application: RegisteredApplication, tmp_path: Path
) -> None:
    first, second = generated(certified, application, "first"), generated(certified, application, "second")
    for each in (first, second):
        assert ask(certified, tmp_path, each, application.client_id).status_code == 200
    assert certified.admin("DELETE", f"/applications/{application.id}/bindings/first").status_code == 204
    refused(ask(certified, tmp_path, first, application.client_id))
    assert ask(certified, tmp_path, second, application.client_id).status_code == 200


def test_a_certificate_of_ones_own_counts_as_it_is_while_it_lasts(
    certified: RunningIdp, application: RegisteredApplication, tmp_path: Path
) -> None:
    mine, same_name = own("robot", days=2), own("robot", days=2)
    told = bind(certified, application, credential_type="X509_PROVIDED", certificate=mine["certificate"]).json()
    assert told["certificate"] == mine["certificate"]
    assert not {"key", "clientsecret"} & told.keys()
    assert ask(certified, tmp_path, mine, application.client_id).status_code == 200
    refused(ask(certified, tmp_path, same_name, application.client_id))
    again = bind(certified, application, credential_type="X509_PROVIDED", certificate=mine["certificate"])
    assert again.status_code == 409
    certified.clock.advance(days=2)
    try:
        refused(ask(certified, tmp_path, mine, application.client_id))
    finally:
        certified.clock.advance(days=-2)


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"credential_type": "X509_ATTESTED"}, "credential-type"),
        ({"credential_type": "X509_PROVIDED"}, "certificate"),
        ({"credential_type": "X509_PROVIDED", "certificate": "nonsense"}, "certificate"),
        (
            {"credential_type": "X509_PROVIDED", "certificate": own("o", now=NOW - timedelta(60))["certificate"]},
            "expired",
        ),
        ({"credential_type": "X509_GENERATED", "certificate": own("o")["certificate"]}, "certificate"),
        ({"credential_type": "X509_GENERATED", "validity": 0}, "validity"),
        ({"credential_type": "X509_GENERATED", "validity": 2, "validity_type": "YEARS"}, "validity"),
        ({"credential_type": "X509_GENERATED", "key_length": 1024}, "key-length"),
        ({"validity": 3}, "validity"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_binding_that_cannot_be_is_refused(
    certified: RunningIdp, application: RegisteredApplication, wanted: dict, word: str
) -> None:
    answer = bind(certified, application, **wanted)
    assert answer.status_code == 400
    assert word in answer.text


def test_browsers_are_told_whose_certificates_are_meant(certified: RunningIdp, tmp_path: Path) -> None:
    """A browser asks people for a certificate only if one of theirs is of an authority that the server names."""
    host = certified.url.removeprefix("https://")
    heard = subprocess.run(
        ["openssl", "s_client", "-connect", host, "-CAfile", str(certified.authority.ca_file)],
        input="",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    names = heard.stdout.partition("Acceptable client certificate CA names\n")[2].partition("\nRequested")[0]
    assert "Entryway applications" in names


def test_behind_a_proxy_its_header_counts(tmp_path: Path) -> None:
    with running_idp(tmp_path, certificate_proxies=("127.0.0.1", "::1")) as behind:
        application = behind.application()
        told = generated(behind, application)
        form = {"grant_type": "client_credentials", "client_id": application.client_id}
        header = {"x-forwarded-client-cert": quote(leaf(told))}
        assert behind.http.post("/oauth2/token", data=form, headers=header).status_code == 200
        refused(behind.http.post("/oauth2/token", data=form))
        twice = {"x-forwarded-client-cert": quote(leaf(told)) * 2}
        assert behind.http.post("/oauth2/token", data=form, headers=twice).status_code == 400
