"""How clients prove who they are without a secret: signed assertions and certificates."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest
from admin_client import administrator
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from product_descriptor import products
from test_token_endpoint import claims

from entryway import certificates
from entryway.oauth.client_assertions import TYPE
from entryway.testing.authority import TestAuthority
from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.serving import served
from entryway.web.client_certificates import CLIENT_CERTIFICATE_HEADER

END = "-----END CERTIFICATE-----"
CA = certificates.new_authority(x509.Name([certificates.common_name("A trusted authority")]), datetime.now(UTC))
OTHER_CA = certificates.new_authority(x509.Name([certificates.common_name("A trusted authority")]), datetime.now(UTC))


def intermediate(name: str, by: certificates.Certified) -> certificates.Certified:
    made = certificates.new_authority(x509.Name([certificates.common_name(name)]), datetime.now(UTC))
    signed = (
        x509.CertificateBuilder()
        .subject_name(made.certificate.subject)
        .issuer_name(by.certificate.subject)
        .public_key(made.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(made.certificate.not_valid_before_utc)
        .not_valid_after(made.certificate.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(by.key, hashes.SHA256())
    )
    return certificates.Certified(signed, made.key)


# May have others below it.
ROOT = intermediate("A trusted root", CA)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    """Behind a proxy that tells it of certificates: the test itself, for it comes from this machine."""
    folder = tmp_path_factory.mktemp("proofs")
    keys = TestAuthority.create(folder / "keys-ca")
    with running_authserver(
        folder,
        certificate_url="https://cert.example.com",
        certificate_proxies=("127.0.0.1", "::1"),
        certificate_authorities=CA.certificate_pem + ROOT.certificate_pem,
        ca_file=keys.ca_file,
    ) as running:
        running.keys_authority = keys  # type: ignore[attr-defined]
        yield running


# --- private_key_jwt


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


def signing(server: RunningAuthServer, **oauth2: object) -> BoundApplication:
    descriptor = products(f"signing-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"].update(oauth2)
    return server.deploy(descriptor)


@pytest.fixture
def signer(server: RunningAuthServer, key: RSAKey) -> BoundApplication:
    return signing(server, jwks={"keys": [key.as_dict(private=False)]})


def body(server: RunningAuthServer, client_id: str, **changed: object) -> dict:
    now = server.clock().timestamp()
    content = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{server.url}/oauth/token",
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + 60,
        **changed,
    }
    return {name: value for name, value in content.items() if value is not None}


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def ask(server: RunningAuthServer, assertion: str, **form: str) -> httpx.Response:
    return server.http.post(
        "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": TYPE,
            "client_assertion": assertion,
            **form,
        },
    )


def test_a_client_signs_who_it_is_once(server: RunningAuthServer, signer: BoundApplication, key: RSAKey) -> None:
    assertion = jwt.encode({"alg": "RS256", "kid": "one"}, body(server, signer.client_id), key)
    answer = ask(server, assertion)
    assert answer.status_code == 200, answer.text
    assert claims(answer.json()["access_token"])["client_auth_method"] == "private_key_jwt"
    again = ask(server, assertion)
    assert (again.status_code, again.json()["error"]) == (401, "unauthorized")


@pytest.mark.parametrize("algorithm", ["PS256", "RS512"])
def test_other_signatures_of_the_same_key_hold(
    server: RunningAuthServer, signer: BoundApplication, key: RSAKey, algorithm: str
) -> None:
    header = {"alg": algorithm}
    assertion = jwt.encode(header, body(server, signer.client_id), key, algorithms=[algorithm])
    assert ask(server, assertion, client_id=signer.client_id).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"sub": "somebody"},
        {"aud": "https://elsewhere.example.com/oauth/token"},
        {"aud": None},
        {"aud": 7},
        {"exp": time.time() - 3600},
        {"exp": time.time() + 10 * 86400},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": time.time() + 3600},
        {"iat": time.time() + 3600},
        {"jti": None},
        {"jti": ""},
        {"jti": 5},
    ],
)
def test_an_assertion_that_does_not_hold_is_refused(
    server: RunningAuthServer, signer: BoundApplication, key: RSAKey, changed: dict
) -> None:
    answer = ask(server, jwt.encode({"alg": "RS256"}, body(server, signer.client_id, **changed), key))
    assert (answer.status_code, answer.json()["error_description"]) == (401, "Bad credentials")


def test_a_signature_of_anybody_else_is_refused(
    server: RunningAuthServer, signer: BoundApplication, key: RSAKey, app: BoundApplication
) -> None:
    content = body(server, signer.client_id)
    public = key.as_pem(private=False)
    none, hs256 = (encoded(json.dumps({"alg": name}).encode()) for name in ("none", "HS256"))
    payload = encoded(json.dumps(content).encode())
    for forged in (
        jwt.encode({"alg": "RS256", "kid": "one"}, content, RSAKey.generate_key(2048)),
        jwt.encode({"alg": "ES256", "kid": "one"}, content, ECKey.generate_key("P-256")),
        f"{hs256}.{payload}.{encoded(hmac.digest(public, f'{hs256}.{payload}'.encode(), 'sha256'))}",
        f"{none}.{payload}.",
        "nonsense",
        "",
    ):
        assert ask(server, forged).status_code == 401
    # Of a client without keys, and for another client than the one that the form names.
    assert ask(server, jwt.encode({"alg": "RS256"}, body(server, app.client_id), key)).status_code == 401
    assert ask(server, jwt.encode({"alg": "RS256"}, body(server, "nobody"), key)).status_code == 401
    named = ask(server, jwt.encode({"alg": "RS256"}, content, key), client_id=app.client_id)
    assert (named.status_code, named.json()["error"]) == (400, "invalid_request")


def test_two_proofs_at_once_are_refused(server: RunningAuthServer, signer: BoundApplication, key: RSAKey) -> None:
    assertion = jwt.encode({"alg": "RS256"}, body(server, signer.client_id), key)
    assert ask(server, assertion, client_secret=signer.secret).status_code == 400
    assert ask(server, assertion, client_assertion_type="urn:something:else").status_code == 400
    assert ask(server, assertion).status_code == 200


def test_keys_that_a_client_publishes_are_fetched_and_renewed(server: RunningAuthServer, key: RSAKey) -> None:
    published = [key.as_dict(private=False)]
    asked: list[str] = []

    async def publish(scope: dict, receive: object, send) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        asked.append(scope["path"])
        content = json.dumps({"keys": published}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": content})

    with served(lambda _: publish, server.keys_authority) as url:
        client = signing(server, jwks_uri=f"{url}/jwks")
        for _ in range(2):
            assertion = jwt.encode({"alg": "RS256", "kid": "one"}, body(server, client.client_id), key)
            assert ask(server, assertion).status_code == 200
        assert asked == ["/jwks"]
        renewed = ECKey.generate_key("P-256", {"kid": "two"})
        published[:] = [renewed.as_dict(private=False)]
        after = {"alg": "ES256", "kid": "two"}
        server.clock.advance(minutes=1)
        answer = ask(server, jwt.encode(after, body(server, client.client_id), renewed, algorithms=["ES256"]))
        assert answer.status_code == 200
        for _ in range(3):
            guessed = jwt.encode({"alg": "ES256", "kid": "guess"}, body(server, client.client_id), renewed)
            assert ask(server, guessed).status_code == 401
        assert asked == ["/jwks", "/jwks"]
    server.clock.advance(hours=1)
    gone = jwt.encode(after, body(server, client.client_id), renewed, algorithms=["ES256"])
    assert ask(server, gone).status_code == 200, "keys that were fetched once outlive a failure to fetch them"


@pytest.mark.parametrize("uri", ["http://keys.example.com", "https://", "https://u:p@keys.example.com/jwks", 7])
def test_keys_come_by_https(server: RunningAuthServer, uri: object) -> None:
    descriptor = products("insecure")
    descriptor["oauth2-configuration"]["jwks_uri"] = uri
    answer = server.platform("PUT", f"/applications/{uuid.uuid4()}", {"plan": "application", "xs_security": descriptor})
    assert answer.status_code == 400


# --- certificates


def x509_application(server: RunningAuthServer) -> str:
    descriptor = products(f"x509-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["credential-types"] = ["x509", "binding-secret"]
    return server.deploy(descriptor).instance_id


@pytest.fixture
def instance(server: RunningAuthServer) -> str:
    return x509_application(server)


def with_certificate(
    server: RunningAuthServer, client_id: str, certificate: str, header: str = CLIENT_CERTIFICATE_HEADER
) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client_id}
    return server.http.post("/oauth/token", data=form, headers={header: certificate})


def leaf_of(bound: BoundApplication) -> str:
    """Return the first certificate of a binding as a proxy would write it into the header."""
    return quote(bound.credentials["certificate"].partition(END)[0] + END)


def self_signed(name: str) -> str:
    return certificates.pem(
        certificates.new_authority(x509.Name([certificates.common_name(name)]), datetime.now(UTC)).certificate
    ).decode()


def issued(name: str, *, by: certificates.Certified = CA, now: datetime | None = None, days: int = 30) -> str:
    certificate = certificates.issue(
        by,
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        usage=certificates.FOR_CLIENTS,
        now=now or datetime.now(UTC),
        lifetime=timedelta(days=days),
    )
    return certificates.pem(certificate).decode()


def test_a_binding_may_have_a_certificate_that_we_make(server: RunningAuthServer, instance: str) -> None:
    bound = server.bind(instance, parameters={"credential-type": "x509", "x509": {"validity": 30}})
    told = bound.credentials
    assert "clientsecret" not in told
    assert (told["credential-type"], told["certurl"]) == ("x509", "https://cert.example.com")
    leaf, authority = x509.load_pem_x509_certificates(told["certificate"].encode())
    leaf.verify_directly_issued_by(authority)
    lifetime = leaf.not_valid_after_utc - server.clock()
    assert timedelta(days=29) < lifetime <= timedelta(days=30)
    key = serialization.load_pem_private_key(told["key"].encode(), None)
    assert told["key"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert key.public_key() == leaf.public_key()
    pem = certificates.pem(leaf).decode()
    der = base64.b64encode(leaf.public_bytes(serialization.Encoding.DER)).decode()
    for presented in (
        quote(pem),
        der,
        f":{der}:",
        f'Hash=abc;Cert="{quote(pem)}";Subject="x"',
        pem.strip().replace("\n", " "),
    ):
        answer = with_certificate(server, bound.client_id, presented)
        assert answer.status_code == 200, answer.text
        digest = base64.urlsafe_b64encode(leaf.fingerprint(hashes.SHA256())).rstrip(b"=").decode()
        assert claims(answer.json()["access_token"])["cnf"] == {"x5t#S256": digest}


def test_the_same_binding_has_the_same_certificate_and_ends_with_it(server: RunningAuthServer, instance: str) -> None:
    binding = str(uuid.uuid4())
    first, second = server.bind(instance, binding), server.bind(instance, binding)
    assert first.credentials == second.credentials
    path = f"/applications/{instance}/bindings/{binding}"
    assert server.platform("GET", path).json() == first.credentials
    presented = quote(
        first.credentials["certificate"].partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----"
    )
    assert with_certificate(server, first.client_id, presented).status_code == 200
    assert server.platform("DELETE", path).status_code == 204
    assert with_certificate(server, first.client_id, presented).status_code == 401
    assert server.platform("GET", path).status_code == 404


def test_a_generated_certificate_ends(server: RunningAuthServer, instance: str) -> None:
    bound = server.bind(instance, parameters={"x509": {"validity": 1}})
    leaf = quote(
        certificates.pem(x509.load_pem_x509_certificates(bound.credentials["certificate"].encode())[0]).decode()
    )
    assert with_certificate(server, bound.client_id, leaf).status_code == 200
    server.clock.advance(days=1, minutes=1)
    assert with_certificate(server, bound.client_id, leaf).status_code == 401


@pytest.mark.parametrize(("validity", "unit", "days"), [(30, "DAYS", 30), (12, "MONTHS", 360), (1, "YEARS", 365)])
def test_reuse_services_ask_for_months_and_years(
    server: RunningAuthServer, instance: str, validity: int, unit: str, days: int
) -> None:
    bound = server.bind(instance, parameters={"x509": {"validity": validity, "validity-type": unit}})
    leaf = x509.load_pem_x509_certificates(bound.credentials["certificate"].encode())[0]
    assert timedelta(days=days - 1) < leaf.not_valid_after_utc - server.clock() <= timedelta(days=days)


def test_a_pinned_certificate_is_this_one_and_no_other(server: RunningAuthServer, instance: str) -> None:
    mine, same_names = self_signed("robot"), self_signed("robot")
    bound = server.bind(instance, parameters={"credential-type": "x509", "x509": {"certificate": mine}})
    assert bound.credentials["certificate"] == mine
    assert "key" not in bound.credentials
    assert with_certificate(server, bound.client_id, quote(mine)).status_code == 200
    refused = with_certificate(server, bound.client_id, quote(same_names))
    assert (refused.status_code, refused.json()["error_description"]) == (401, "Bad credentials")
    other = server.bind(x509_application(server))
    assert with_certificate(server, other.client_id, quote(mine)).status_code == 401


def test_without_pinning_a_newer_certificate_of_the_same_names_is_accepted(
    server: RunningAuthServer, instance: str
) -> None:
    now = datetime.now(UTC)
    first, newer = issued("robot", now=now - timedelta(days=2)), issued("robot", now=now)
    bound = server.bind(instance, parameters={"x509": {"certificate": first, "certificate-pinning": False}})
    assert with_certificate(server, bound.client_id, quote(first)).status_code == 200
    assert with_certificate(server, bound.client_id, quote(newer)).status_code == 200
    for refused in (
        first,  # older than one that was seen
        issued("robot", by=OTHER_CA),
        issued("another"),
        self_signed("robot"),
        issued("robot", now=now - timedelta(days=60), days=30),
    ):
        assert with_certificate(server, bound.client_id, quote(refused)).status_code == 401


def test_a_chain_leads_to_the_authority(server: RunningAuthServer, instance: str) -> None:
    now = datetime.now(UTC)
    between = intermediate("Between", ROOT)
    first, newer = issued("robot", by=between, now=now - timedelta(days=2)), issued("robot", by=between, now=now)
    chain = first + certificates.pem(between.certificate).decode()
    alone = server.platform(
        "PUT",
        f"/applications/{instance}/bindings/alone",
        {"parameters": {"x509": {"certificate": first, "certificate-pinning": False}}},
    )
    assert (alone.status_code, "between" in alone.text) == (400, True)
    bound = server.bind(instance, parameters={"x509": {"certificate": chain, "certificate-pinning": False}})
    assert with_certificate(server, bound.client_id, quote(first)).status_code == 200
    assert with_certificate(server, bound.client_id, quote(newer)).status_code == 200
    forged = issued("robot", by=intermediate("Between", OTHER_CA))
    assert with_certificate(server, bound.client_id, quote(forged)).status_code == 401


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"credential-type": "instance-secret"}, "credential-type"),
        ({"credential-type": "magic"}, "credential-type"),
        ({"x509": {"key-length": 1024}}, "key-length"),
        ({"x509": {"validity": 0}}, "validity"),
        ({"x509": {"validity": 31}}, "validity"),
        ({"x509": {"validity": 2, "validity-type": "YEARS"}}, "validity"),
        ({"x509": {"validity": 13, "validity-type": "MONTHS"}}, "validity"),
        ({"x509": {"validity": "7"}}, "validity"),
        ({"x509": {"hide-certificate": True}}, "hide-certificate"),
        ({"x509": {"certificate-pinning": "false"}}, "certificate-pinning"),
        ({"x509": {"ensure-uniqueness": True}}, "ensure-uniqueness"),
        ({"x509": {"certificate": self_signed("robot"), "validity": 3}}, "validity"),
        ({"x509": {"certificate": self_signed("robot"), "key-length": 4096}}, "key-length"),
        ({"x509": {"certificate": "nonsense"}}, "certificate"),
        ({"x509": {"certificate": issued("old", now=datetime.now(UTC) - timedelta(days=60))}}, "expired"),
        ({"x509": {"certificate": self_signed("robot"), "certificate-pinning": False}}, "certificate-pinning"),
        ({"x509": {"certificate": self_signed("robot"), "certificate-pining": False}}, "certificate-pining"),
        ({"credential-type": "binding-secret", "x509": {"validity": 3}}, "x509"),
        ({"credential-type": "x509", "hide-secret": "true"}, "hide-secret"),
        ({"colour": "blue"}, "colour"),
        ({"xsuaa": {"credential-type": "x509"}, "colour": "blue"}, "xsuaa"),
        ({"xsuaa": "x509"}, "xsuaa"),
    ],
)
def test_a_binding_that_cannot_be_is_refused(
    server: RunningAuthServer, instance: str, parameters: dict, word: str
) -> None:
    answer = server.platform("PUT", f"/applications/{instance}/bindings/{uuid.uuid4()}", {"parameters": parameters})
    assert answer.status_code == 400
    assert word in answer.json()["detail"]


def test_one_certificate_is_for_one_binding(server: RunningAuthServer, instance: str) -> None:
    mine = self_signed("shared")
    server.bind(instance, parameters={"x509": {"certificate": mine}})
    again = {"parameters": {"x509": {"certificate": mine}}}
    assert server.platform("PUT", f"/applications/{instance}/bindings/{uuid.uuid4()}", again).status_code == 409
    elsewhere = x509_application(server)
    unique = {"parameters": {"x509": {"certificate": mine, "ensure-uniqueness": True}}}
    assert server.platform("PUT", f"/applications/{elsewhere}/bindings/{uuid.uuid4()}", unique).status_code == 409
    assert server.platform("PUT", f"/applications/{elsewhere}/bindings/{uuid.uuid4()}", again).status_code == 200


def test_what_the_platform_asks_not_to_be_told(server: RunningAuthServer, instance: str) -> None:
    hidden = {"x509": {"certificate": self_signed("hidden"), "hide-certificate": True}}
    assert not {"certificate", "key", "clientsecret"} & server.bind(instance, parameters=hidden).credentials.keys()
    secret = server.bind(instance, parameters={"credential-type": "binding-secret", "hide-secret": "true"})
    assert "clientsecret" not in secret.credentials


def test_a_reuse_service_gets_its_credentials_wrapped(server: RunningAuthServer, instance: str) -> None:
    bound = server.bind(instance, parameters={"xsuaa": {"credential-type": "x509", "x509": {"key-length": 2048}}})
    assert bound.credentials.keys() == {"uaa"}
    assert bound.credentials["uaa"]["credential-type"] == "x509"


def test_bindings_with_the_secret_of_the_instance_share_it(server: RunningAuthServer) -> None:
    descriptor = products(f"legacy-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["credential-types"] = ["instance-secret"]
    first = server.deploy(descriptor)
    second = server.bind(first.instance_id)
    assert first.secret == second.secret
    assert first.credentials["credential-type"] == "instance-secret"
    admin, app = administrator(server), f"/apps/{quote(first.name, safe='')}"
    assert admin.get(app)["instanceSecretLastUsedAt"] is None
    assert server.token(first, grant_type="client_credentials").status_code == 200
    used = datetime.fromisoformat(admin.get(app)["instanceSecretLastUsedAt"])
    assert abs(server.clock() - used) < timedelta(minutes=1)


def test_a_certificate_is_believed_from_the_proxy_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_authserver(tmp_path_factory.mktemp("unproxied"), certificate_proxies=("192.0.2.0/24",)) as unproxied:
        bound = unproxied.bind(x509_application(unproxied))
        refused = with_certificate(unproxied, bound.client_id, leaf_of(bound))
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized")


def test_a_header_that_holds_no_one_certificate_is_refused(server: RunningAuthServer, instance: str) -> None:
    bound = server.bind(instance)
    mine = quote(
        certificates.pem(x509.load_pem_x509_certificates(bound.credentials["certificate"].encode())[0]).decode()
    )
    for presented in ("nonsense", ":", "::", f'Cert="{mine}",Cert="{mine}"', f"{mine}{mine}", "A" * 30_000):
        answer = with_certificate(server, bound.client_id, presented)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_type_of_credentials_that_is_taken_away_ends_its_bindings(server: RunningAuthServer, instance: str) -> None:
    with_secret = server.bind(instance, parameters={"credential-type": "binding-secret"})
    by_certificate = server.bind(instance)
    presented = leaf_of(by_certificate)
    descriptor = products(with_secret.name.partition("!")[0])
    server.platform("PUT", f"/applications/{instance}", {"plan": "application", "xs_security": descriptor})
    assert server.token(with_secret, grant_type="client_credentials").status_code == 200
    assert with_certificate(server, with_secret.client_id, presented).status_code == 401
