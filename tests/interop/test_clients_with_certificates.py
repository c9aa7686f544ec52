"""Unmodified clients that prove themselves by a TLS certificate: curl, sap-xssec and OAuth libraries."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from requests_oauth2client import EndpointError, OAuth2Client, PublicApp

from entryway.security.token_client import TokenClient
from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.npm import install
from entryway.testing.serving import free_port

pytestmark = pytest.mark.peers
OPENID_CLIENT = Path(__file__).parent / "openid_client"
END = "-----END CERTIFICATE-----\n"
PERSON, PASSWORD = "carla@example.com", "correct horse battery"
EXCHANGE = """
import asyncio, json, sys
from sap import xssec
asked = json.load(sys.stdin)
context = xssec.create_security_context(asked["token"], asked["credentials"])
other = asked["other"]
at_once, later = context.request_token_for_client(other), context.request_token_for_client_async(other)
json.dump([at_once, asyncio.run(later)], sys.stdout)
"""
DESCRIPTOR = {
    "xsappname": "certified",
    "scopes": [{"name": "$XSAPPNAME.Display"}, {"name": "uaa.user"}],
    "role-templates": [{"name": "Viewer", "scope-references": ["$XSAPPNAME.Display", "uaa.user"]}],
    "role-collections": [{"name": "Certified", "role-template-references": ["$XSAPPNAME.Viewer"]}],
    "oauth2-configuration": {"credential-types": ["x509", "binding-secret"]},
}


@dataclass(frozen=True)
class Certified:
    """An application, and its certificate and key in one file."""

    server: RunningAuthServer
    bound: BoundApplication
    file: Path

    @property
    def credentials(self) -> dict[str, str]:
        return self.bound.credentials

    @property
    def confirmation(self) -> dict[str, str]:
        leaf = self.credentials["certificate"].partition(END)[0] + END
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(leaf)).digest()
        return {"x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}

    @property
    def environment(self) -> dict[str, str]:
        ca = str(self.server.ca_file)
        return {"PATH": os.environ["PATH"], "SSL_CERT_FILE": ca, "NODE_EXTRA_CA_CERTS": ca}


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certified]:
    folder, port = tmp_path_factory.mktemp("certified"), free_port()
    with running_authserver(folder, certificate_port=port, certificate_url=f"https://localhost:{port}") as server:
        bound = server.deploy(DESCRIPTOR)
        file = folder / "client.pem"
        file.write_text(bound.credentials["certificate"] + bound.credentials["key"])
        server.user(PERSON, PASSWORD, ["Certified"])
        yield Certified(server, bound, file)


def confirmed(token: str) -> dict[str, str]:
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims["cnf"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl(certified: Certified, version: str) -> None:
    command = ["curl", "-sS", "--cacert", str(certified.server.ca_file), "--tlsv" + version, "--tls-max", version]
    command += ["-d", "grant_type=client_credentials", "-d", f"client_id={certified.bound.client_id}"]
    command += [f"{certified.credentials['certurl']}/oauth/token"]
    shown = subprocess.run([*command, "--cert", str(certified.file)], capture_output=True, text=True, check=True)
    assert confirmed(json.loads(shown.stdout)["access_token"]) == certified.confirmation
    hidden = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(hidden.stdout)["error"] == "unauthorized"


def test_sap_xssec_exchanges_a_users_token(certified: Certified) -> None:
    secret = certified.server.bind(certified.bound.instance_id, parameters={"credential-type": "binding-secret"})
    token = certified.server.token(secret, grant_type="password", username=PERSON, password=PASSWORD).json()
    asked = {"token": token["access_token"], "credentials": secret.credentials, "other": certified.credentials}
    done = subprocess.run(
        [sys.executable, "-c", EXCHANGE],
        input=json.dumps(asked),
        env=certified.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for exchanged in json.loads(done.stdout):
        assert confirmed(exchanged) == certified.confirmation


def test_requests_oauth2client(certified: Certified) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.verify, session.cert = str(certified.server.ca_file), str(certified.file)
        client = OAuth2Client(
            f"{certified.credentials['certurl']}/oauth/token",
            introspection_endpoint=f"{certified.credentials['certurl']}/introspect",
            auth=PublicApp(certified.bound.client_id),
            session=session,
        )
        token = client.client_credentials()
        assert confirmed(token.access_token) == certified.confirmation
        assert client.introspect_token(token)["cnf"] == certified.confirmation
        session.cert = None
        session.close()
        with pytest.raises(EndpointError):
            client.client_credentials()


def by_openid_client(certified: Certified, certificate: Path | None) -> dict:
    install(OPENID_CLIENT, "openid-client")
    node = shutil.which("node")
    assert node, "node is missing: `make interop` installs it"
    asked = {"issuer": f"{certified.server.url}/oauth/token", "clientId": certified.bound.client_id}
    done = subprocess.run(
        [node, "by_certificate.js", json.dumps(asked | ({"certificate": str(certificate)} if certificate else {}))],
        cwd=OPENID_CLIENT,
        env=certified.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_openid_client_follows_the_aliases_of_the_metadata(certified: Certified) -> None:
    said = by_openid_client(certified, certified.file)
    assert confirmed(said["token"]["access_token"]) == certified.confirmation
    assert said["introspected"]["cnf"] == certified.confirmation
    assert said["revoked"] == {"active": False}
    assert by_openid_client(certified, None) == {"status": 401}


async def test_our_own_library(certified: Certified, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certified.server.ca_file))
    client = TokenClient(certified.credentials)
    assert confirmed(client.client_credentials().access_token) == certified.confirmation
    there = await TokenClient(certified.credentials).client_credentials_async(zid=certified.credentials["zoneid"])
    assert confirmed(there.access_token) == certified.confirmation
