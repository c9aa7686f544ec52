"""Envoy, unmodified: checks tokens by published keys, and logs browsers in as an OAuth client, for either server."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from application_behind import process, wait_for

from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.idp import RegisteredApplication, RunningIdp, running_idp
from entryway.testing.serving import free_port

pytestmark = pytest.mark.peers
EXTENSIONS = "type.googleapis.com/envoy.extensions"
PERSON, PASSWORD = "grace", "correct horse battery"
OURS = "https://localhost:*/**"


@dataclass(frozen=True)
class Peer:
    """A server, an application of it, and the ports at which Envoy asks for tokens and for logins of it."""

    server: RunningAuthServer | RunningIdp
    application: BoundApplication | RegisteredApplication
    metadata: Mapping[str, Any]
    tokens: int
    logins: int

    def token(self) -> str:
        """Return a token of the application itself."""
        answer = self.server.http.post(
            self.metadata["token_endpoint"],
            data={"grant_type": "client_credentials"},
            auth=(self.application.client_id, self.application.secret),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def asked_with(self, token: str) -> httpx.Response:
        """Show Envoy a token."""
        return self.server.http.get(f"https://localhost:{self.tokens}/", headers={"authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def authserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with running_authserver(tmp_path_factory.mktemp("authserver")) as server:
        server.user(PERSON, PASSWORD)
        application = server.deploy({"xsappname": "shop", "oauth2-configuration": {"redirect-uris": [OURS]}})
        metadata = server.http.get("/.well-known/openid-configuration").json()
        yield Peer(server, application, metadata, free_port(), free_port())


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with running_idp(tmp_path_factory.mktemp("idp")) as server:
        server.user(PERSON, PASSWORD)
        application = server.application(redirect_uris=[OURS], post_logout_redirect_uris=[OURS])
        metadata = server.http.get("/.well-known/openid-configuration").json()
        yield Peer(server, application, metadata, free_port(), free_port())


@pytest.fixture(scope="module")
def peers(authserver: Peer, idp: Peer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Peer]]:
    folder, known = tmp_path_factory.mktemp("envoy"), {"authserver": authserver, "idp": idp}
    configuration = {
        # It reads a client's secret as what it is told while it runs, for which it wants a name of its own.
        "node": {"id": "envoy", "cluster": "envoy"},
        "static_resources": {
            "listeners": [listener for name, peer in known.items() for listener in listeners(name, peer, folder)],
            "clusters": [cluster(name, peer) for name, peer in known.items()],
        },
    }
    (folder / "envoy.json").write_text(json.dumps(configuration))
    command = [str(Path(sys.executable).with_name("envoy")), "-c", str(folder / "envoy.json")]
    command += ["-l", "warning", "--disable-hot-restart", "--concurrency", "1"]
    with ExitStack() as stack:
        running = stack.enter_context(process(command, {"PATH": os.environ["PATH"]}, folder, "envoy"))
        for peer in known.values():
            for port in (peer.tokens, peer.logins):
                wait_for(f"https://localhost:{port}/", running, folder / "envoy.err", peer.server.http)
        yield known


# --- what Envoy is told


def listeners(name: str, peer: Peer, folder: Path) -> list[dict[str, Any]]:
    files = peer.server.authority.issue_server()
    shown = {
        "certificate_chain": {"filename": str(files.certificate)},
        "private_key": {"filename": str(files.key)},
    }
    tls = typed(f"{EXTENSIONS}.transport_sockets.tls.v3.DownstreamTlsContext") | {
        "common_tls_context": {"tls_certificates": [shown]}
    }
    return [
        {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [
                {
                    "transport_socket": {"name": "tls", "typed_config": tls},
                    "filters": [{"name": "http", "typed_config": answering(asked)}],
                }
            ],
        }
        for port, asked in ((peer.tokens, token_filter(name, peer)), (peer.logins, login_filter(name, peer, folder)))
    ]


def answering(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer by itself whoever gets past this filter."""
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "inside"}}}
    return typed(f"{EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager") | {
        "stat_prefix": "peers",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "asked", "typed_config": asked},
            {"name": "router", "typed_config": typed(f"{EXTENSIONS}.filters.http.router.v3.Router")},
        ],
    }


def token_filter(name: str, peer: Peer) -> dict[str, Any]:
    provider = {
        "issuer": peer.metadata["issuer"],
        "audiences": [peer.application.client_id],
        "remote_jwks": {"http_uri": asked_at(name, peer.metadata["jwks_uri"])},
    }
    return typed(f"{EXTENSIONS}.filters.http.jwt_authn.v3.JwtAuthentication") | {
        "providers": {name: provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": name}}],
    }


def login_filter(name: str, peer: Peer, folder: Path) -> dict[str, Any]:
    secrets = {"token_secret": peer.application.secret, "hmac_secret": "of-the-cookies-of-a-test"}
    return typed(f"{EXTENSIONS}.filters.http.oauth2.v3.OAuth2") | {
        "config": {
            "token_endpoint": asked_at(name, peer.metadata["token_endpoint"]),
            "authorization_endpoint": peer.metadata["authorization_endpoint"],
            "end_session_endpoint": peer.metadata["end_session_endpoint"],
            "redirect_uri": f"https://localhost:{peer.logins}/callback",
            "redirect_path_matcher": {"path": {"exact": "/callback"}},
            "signout_path": {"path": {"exact": "/signout"}},
            "auth_scopes": ["openid"],
            "auth_type": "BASIC_AUTH",
            "use_refresh_token": True,
            "credentials": {
                "client_id": peer.application.client_id,
                **{key: secret(f"{name}-{key}", value, folder) for key, value in secrets.items()},
            },
        }
    }


def secret(name: str, value: str, folder: Path) -> dict[str, Any]:
    kind = f"{EXTENSIONS}.transport_sockets.tls.v3.Secret"
    kept = {"resources": [{"@type": kind, "name": name, "generic_secret": {"secret": {"inline_string": value}}}]}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(kept))
    return {"name": name, "sds_config": {"path_config_source": {"path": str(path)}}}


def asked_at(name: str, url: str) -> dict[str, str]:
    return {"uri": url, "cluster": name, "timeout": "5s"}


def cluster(name: str, peer: Peer) -> dict[str, Any]:
    believed = {"validation_context": {"trusted_ca": {"filename": str(peer.server.authority.ca_file)}}}
    tls = typed(f"{EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext")
    address = {"address": "127.0.0.1", "port_value": urlsplit(peer.server.url).port}
    return {
        "name": name,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": address}}}]}],
        },
        "transport_socket": {
            "name": "tls",
            "typed_config": tls | {"sni": "localhost", "common_tls_context": believed},
        },
    }


def typed(kind: str) -> dict[str, Any]:
    return {"@type": kind}


# --- what it does


@pytest.mark.parametrize(("name", "other"), [("authserver", "idp"), ("idp", "authserver")])
def test_it_takes_tokens_of_its_server_alone(peers: dict[str, Peer], name: str, other: str) -> None:
    token = peers[name].token()
    head, claims, signature = token.split(".")

    assert peers[name].asked_with(token).text == "inside"
    assert peers[other].asked_with(token).status_code == 401
    assert peers[name].asked_with(f"{head}.{claims}.{signature[::-1]}").status_code == 401


@pytest.mark.parametrize(("name", "form"), [("authserver", "/login.do"), ("idp", "/login")])
def test_it_logs_a_browser_in_and_out(peers: dict[str, Peer], name: str, form: str) -> None:
    peer = peers[name]
    start = f"https://localhost:{peer.logins}/orders"
    headers = {"accept": "text/html"}
    with httpx.Client(verify=peer.server.tls, headers=headers, follow_redirects=True, timeout=30) as browser:
        page = browser.get(start)
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        fields = {field: html.unescape(value) for field, value in hidden}
        inside = browser.post(page.url.join(form), data={**fields, "username": PERSON, "password": PASSWORD})
        assert (inside.text, str(inside.url)) == ("inside", start)
        assert browser.get(start).history == []

        browser.get(f"https://localhost:{peer.logins}/signout")
        # Its session has ended, and the server's too: somebody must log in once more.
        assert 'name="password"' in browser.get(start).text
