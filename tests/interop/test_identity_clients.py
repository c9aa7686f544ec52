"""Authlib, sap-xssec and MSAL, unmodified, with the identity provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msal
import pytest
import requests
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from entryway.testing.idp import CALLBACK, RunningIdp, running_idp

pytestmark = pytest.mark.peers
# With a label before the domain, as the library wants an issuer to have it; not every resolver knows the name.
HOST = "dev.localhost"
JUDGE = """
import json, socket, sys
found = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: found("localhost" if host == "dev.localhost" else host, *rest, **more)
from sap import xssec
asked = json.load(sys.stdin)
verdicts = []
for token in asked["tokens"]:
    try:
        payload = xssec.create_security_context_ias(token, asked["credentials"]).token_payload
        verdicts.append(payload["email"] if "email" in payload else payload["sub"])
    except Exception as error:
        verdicts.append(f"{type(error).__name__}: {error}")
json.dump(verdicts, sys.stdout)
"""


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    with running_idp(tmp_path_factory.mktemp("idp"), host=HOST) as running:
        running.user("grace")
        yield running


def test_authlib_logs_a_person_in(idp: RunningIdp) -> None:
    application = idp.application()
    client = OAuth2Client(
        application.client_id,
        application.secret,
        scope="openid email",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        verify=idp.tls,
    )
    verifier = "v" * 64
    url, state = client.create_authorization_url("/oauth2/authorize", code_verifier=verifier, nonce="n-1")
    person = idp.person()
    back = person.log_in(person.http.get(url), "grace").headers["location"]
    person.http.close()
    # The document names the public host; this machine's resolver may not know it, so that the test asks by address.
    endpoint = f"{idp.url}/oauth2"
    token = client.fetch_token(f"{endpoint}/token", authorization_response=back, state=state, code_verifier=verifier)
    keys = KeySet.import_key_set(idp.http.get("/oauth2/certs").json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": f"https://{HOST}:{idp.http.base_url.port}"},
        aud={"essential": True, "value": application.client_id},
        nonce={"essential": True, "value": "n-1"},
    ).validate(claims)
    assert client.get(f"{endpoint}/userinfo").json()["sub"] == claims["sub"]
    assert client.refresh_token(f"{endpoint}/token")["access_token"] != token["access_token"]
    told = client.introspect_token(f"{endpoint}/introspect", token=client.token["access_token"]).json()
    assert told["active"] is True
    assert client.revoke_token(f"{endpoint}/revoke", token=client.token["access_token"]).status_code == 200
    assert client.get(f"{endpoint}/userinfo").status_code == 401
    client.close()


def test_sap_xssec_judges_tokens(idp: RunningIdp) -> None:
    application, stranger = idp.application(), idp.application()
    assert application.credentials["domains"] == [f"localhost:{idp.http.base_url.port}"]
    tokens = idp.tokens(application, "grace")
    own = idp.token(application, grant_type="client_credentials").json()["access_token"]
    foreign = idp.token(stranger, grant_type="client_credentials").json()["access_token"]
    head, _, signature = own.rpartition(".")
    forged = f"{head}.{'A' * len(signature)}"
    asked = {"credentials": application.credentials, "tokens": [tokens["id_token"], tokens["access_token"], own]}
    asked["tokens"] += [foreign, forged]
    environment = {**os.environ, "SSL_CERT_FILE": str(idp.authority.ca_file)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", JUDGE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=True,
    )
    verdicts = json.loads(done.stdout)
    assert verdicts[:3] == ["grace@example.com", "grace@example.com", application.client_id]
    assert "Audience Validation Failed" in verdicts[3]
    assert "Error" in verdicts[4]


@pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended")
def test_msal_takes_the_issuer_by_a_path(tmp_path: Path) -> None:
    # MSAL asks the public host by itself, so that this one must be known to every resolver.
    with running_idp(tmp_path) as idp, requests.Session() as session:
        idp.user("grace")
        application = idp.application()
        session.trust_env, session.verify = False, str(idp.authority.ca_file)
        client = msal.ConfidentialClientApplication(
            application.client_id,
            client_credential=application.secret,
            oidc_authority=f"{idp.url}/oauth2",
            http_client=session,
        )
        flow = client.initiate_auth_code_flow(scopes=["email"], redirect_uri=CALLBACK)
        person = idp.person()
        back = person.log_in(person.http.get(flow["auth_uri"]), "grace").headers["location"]
        person.http.close()
        token = client.acquire_token_by_auth_code_flow(flow, dict(parse_qsl(urlsplit(back).query)))
        assert (token["id_token_claims"]["iss"], token["id_token_claims"]["sub"]) == (idp.url, "grace@example.com")
        assert client.acquire_token_by_refresh_token(token["refresh_token"], scopes=[])["access_token"]
        assert client.acquire_token_for_client(scopes=[])["access_token"]
