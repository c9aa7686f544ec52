"""Applications that sign who they are."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from entryway.testing.idp import RegisteredApplication, RunningIdp
from entryway.testing.tls_server import running_tls_server

pytestmark = pytest.mark.once_on_postgresql

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = ECKey.generate_key("P-256", {"kid": "two"})


@pytest.fixture
def application(idp: RunningIdp) -> RegisteredApplication:
    return idp.application(jwks=[KEY.as_dict(private=False), OTHER.as_dict(private=False)])


def assertion(
    idp: RunningIdp, application: RegisteredApplication, key: Any = KEY, algorithm: str = "RS256", **changes: Any
) -> str:
    now = int(idp.clock().timestamp())
    claims = {
        "iss": application.client_id,
        "sub": application.client_id,
        "aud": f"{idp.url}/oauth2/token",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 120,
        **changes,
    }
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, {name: value for name, value in claims.items() if value is not None}, key)


def ask(idp: RunningIdp, signed: str, **form: str) -> httpx.Response:
    body = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": signed, **form}
    return idp.http.post("/oauth2/token", data={name: value for name, value in body.items() if value})


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"] == "invalid_client"


def test_a_signature_is_as_good_as_a_secret(idp: RunningIdp, application: RegisteredApplication) -> None:
    signed = assertion(idp, application)
    assert ask(idp, signed).status_code == 200
    refused(ask(idp, signed))
    assert ask(idp, assertion(idp, application, OTHER, "ES256", aud=[idp.url])).status_code == 200
    assert ask(idp, assertion(idp, application), client_id=application.client_id).status_code == 200
    token = ask(idp, assertion(idp, application)).json()["access_token"]
    body = {"client_assertion_type": TYPE, "token": token}
    asked = assertion(idp, application, aud=f"{idp.url}/oauth2/introspect")
    introspected = idp.http.post("/oauth2/introspect", data={**body, "client_assertion": asked})
    assert introspected.json()["active"] is True
    methods = idp.http.get("/.well-known/openid-configuration").json()["token_endpoint_auth_methods_supported"]
    assert "private_key_jwt" in methods


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/oauth2/token"},
        {"aud": None},
        {"iss": "somebody-else"},
        {"sub": "somebody-else"},
        {"jti": None},
        {"jti": "x" * 300},
        {"exp": None},
        {"exp": 1},
        {"exp": 99_999_999_999},
        {"exp": "soon"},
        {"nbf": 99_999_999_999},
    ],
)
def test_an_assertion_that_does_not_hold(
    idp: RunningIdp, application: RegisteredApplication, changes: dict[str, Any]
) -> None:
    refused(ask(idp, assertion(idp, application, **changes)))


def test_an_assertion_by_a_key_that_is_not_the_applications(
    idp: RunningIdp, application: RegisteredApplication
) -> None:
    refused(ask(idp, assertion(idp, application, RSAKey.generate_key(2048, {"kid": "one"}))))
    refused(ask(idp, assertion(idp, idp.application())))
    header, claims, _ = assertion(idp, application).split(".")
    for bad in (f"{header}.{claims}.", f"eyJhbGciOiJub25lIn0.{claims}.", "nonsense", "a.b.c", "x" * 50_000):
        refused(ask(idp, bad))


def test_one_way_to_prove_it(idp: RunningIdp, application: RegisteredApplication) -> None:
    for form in (
        {"client_secret": application.secret},
        {"client_assertion_type": "urn:example"},
        {"client_assertion_type": ""},
        {"client_id": "other"},
    ):
        assert ask(idp, assertion(idp, application), **form).status_code == 400
    both = idp.token(
        application,
        grant_type="client_credentials",
        client_assertion_type=TYPE,
        client_assertion=assertion(idp, application),
    )
    assert both.status_code == 400


class Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"keys": [KEY.as_dict(private=False)]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(idp: RunningIdp) -> Iterator[str]:
    with running_tls_server(Keys, idp.authority) as server:
        yield f"{server.url}/keys"


def test_keys_that_are_published(idp: RunningIdp, published: str) -> None:
    application = idp.application(jwks_uri=published)
    assert ask(idp, assertion(idp, application)).status_code == 200
    refused(ask(idp, assertion(idp, application, OTHER, "ES256")))


@pytest.mark.parametrize(
    "settings",
    [
        {"jwks": [KEY.as_dict(private=True)]},
        {"jwks": [{"kty": "RSA", "n": "u" * 171, "e": "AQAB"}]},
        {"jwks": [{"kty": "oct", "k": "c2VjcmV0"}]},
        {"jwks": [{}]},
        {"jwks_uri": "http://app.example.com/keys"},
        {"jwks": [KEY.as_dict(private=False)], "public": True, "grant_types": ["authorization_code"]},
    ],
)
def test_keys_that_are_none_are_not_stored(idp: RunningIdp, settings: dict[str, Any]) -> None:
    answer = idp.admin("PUT", f"/applications/{uuid.uuid4()}", {"settings": settings})
    assert answer.status_code == 400
