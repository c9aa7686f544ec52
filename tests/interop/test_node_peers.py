"""oidc-provider as a company's identity provider; OAuth clients and node-saml as clients of ours: all unmodified."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from admin_of_interop import trust
from node_script import Said, converse, running
from peers import PASSWORD, PERSON, Landscape, landscape

from entryway.testing.authserver import REDIRECT_URI, Browser, code_in
from entryway.testing.idp import running_idp
from entryway.testing.npm import install
from entryway.testing.saml_provider import form_in, key_of
from entryway.testing.serving import free_port

pytestmark = pytest.mark.peers
FOLDER = Path(__file__).parent / "node_peers"
CONSUMER = "https://shop.example/saml/consumer"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    install(FOLDER, "@azure/msal-node")
    with landscape(tmp_path_factory.mktemp("node_peers")) as made:
        yield made


@pytest.fixture
def browser(peer: Landscape) -> Iterator[Browser]:
    made = peer.server.browser()
    yield made
    made.http.close()


# --- oidc-provider


def sent_on(browser: Browser, answer: httpx.Response) -> httpx.Response:
    """Fill in the provider's pages (whom to log in, whether to consent, whether to log out) until they send us away."""
    for _ in range(10):
        if answer.is_redirect:
            if str(answer.next_request.url).startswith(REDIRECT_URI):  # type: ignore[union-attr] - it is a redirect
                return answer
            answer = browser.http.send(answer.next_request)  # type: ignore[arg-type] - the same
            continue
        action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
        assert action, answer.text
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
        fields = dict(hidden) | {"login": "maria", "password": "any", "logout": "yes"}
        answer = browser.http.post(answer.url.join(html.unescape(action[1])), data=fields)
    raise AssertionError("sent from page to page")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_users_of_oidc_provider_log_in_and_out(peer: Landscape, browser: Browser, tmp_path: Path, method: str) -> None:
    server, port, origin = peer.server, free_port(), method.replace("_", "-")
    client: dict[str, Any] = {
        "client_id": "entryway",
        "redirect_uris": [f"{server.url}/login/callback/{origin}"],
        "post_logout_redirect_uris": [f"{server.url}/logout/callback/{origin}"],
        "token_endpoint_auth_method": method,
    }
    proof = {"client_secret": "a secret: of 100% & more"}
    if method == "private_key_jwt":
        client |= {"jwks_uri": f"{server.url}/token_keys", "token_endpoint_auth_signing_alg": "RS256"}
        proof = {}
    files = server.authority.issue_server()
    settings = {
        "port": port,
        "certificate": str(files.certificate),
        "key": str(files.key),
        "client": client | proof,
    }
    config = {"issuer": f"https://localhost:{port}", "client_id": "entryway", "token_endpoint_auth_method": method}
    with running(FOLDER / "provider.js", settings, server.ca_file, tmp_path / "log"):
        trust(server, {**config, **proof, "scopes": ["openid", "email", "profile", "groups"]}, origin, "oidc1.0")
        code = code_in(sent_on(browser, browser.authorize(peer.application, idp=origin)))
        token = server.redeem(peer.application, code).json()["access_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(token + "=="))
        assert {name: claims[name] for name in ("user_name", "email", "given_name", "family_name", "origin")} == {
            "user_name": "maria",
            "email": "maria@company.example",
            "given_name": "Maria",
            "family_name": "Muster",
            "origin": origin,
        }
        assert claims["xs.system.attributes"]["xs.saml.groups"] == ["buyers", "staff"]

        leaving = {"redirect": REDIRECT_URI, "client_id": peer.application.client_id}
        out = sent_on(browser, browser.http.get("/logout.do", params=leaving))
        assert out.headers["location"] == REDIRECT_URI
        again = browser.authorize(peer.application, idp=origin)
        while again.is_redirect:
            again = browser.http.send(again.next_request)  # type: ignore[arg-type] - it is a redirect
        assert 'name="login"' in again.text  # who has left over there is asked for a name


# --- simple-oauth2


def test_simple_oauth2_gets_refreshes_and_revokes_tokens(peer: Landscape) -> None:
    settings = {
        "server": peer.server.url,
        "clientId": peer.application.client_id,
        "clientSecret": peer.application.secret,
        "redirectUri": REDIRECT_URI,
        "person": PERSON,
        "password": PASSWORD,
    }

    def reply(told: Said) -> str | None:
        return peer.log_in(told["goTo"]) if "goTo" in told else None

    said = converse(FOLDER / "oauth_client.js", settings, peer.server.ca_file, reply)

    assert said["refreshed"]["scope"] == "openid"
    assert peer.ended(said["revoked"])
    assert "refresh_token" not in said["own"]
    assert f"{peer.application.name}.Display" in said["direct"]["scope"].split()
    assert (said["refused"], said["payload"]["error"]) == (401, "unauthorized")


# --- MSAL, and openid-client as it was before its newest major


def logged_in_with(peer: Landscape, script: str) -> Said:
    settings = {
        "issuer": peer.issuer,
        "clientId": peer.application.client_id,
        "clientSecret": peer.application.secret,
        "redirectUri": REDIRECT_URI,
    }
    return converse(
        FOLDER / script,
        settings,
        peer.server.ca_file,
        lambda told: peer.log_in(told["goTo"]) if "goTo" in told else None,
    )


def test_msal_logs_in_refreshes_and_exchanges(peer: Landscape) -> None:
    """It names its requests in the URL and in the body, and shows people by `preferred_username`."""
    said = logged_in_with(peer, "msal_client.js")

    assert (said["username"], said["refreshed"], said["own"]) == (PERSON, True, ["uaa.resource"])
    assert not peer.ended(said["exchanged"])


def test_openid_client_5_logs_in_refreshes_and_revokes(peer: Landscape) -> None:
    said = logged_in_with(peer, "openid_client_5.js")

    assert (said["username"], said["refreshed"], said["active"]) == (PERSON, True, False)
    assert said["bound"]


# --- node-saml


@pytest.mark.parametrize("more", [{}, {"saml_encrypt": True}], ids=["plain", "encrypted"])
@pytest.mark.usefixtures("peer")  # which installs the packages
def test_node_saml_logs_a_person_in(tmp_path: Path, more: dict[str, Any]) -> None:
    pair = key_of("node-saml")
    (tmp_path / "key.pem").write_bytes(pair.private_pem)
    (tmp_path / "certificate.pem").write_text(pair.certificate_pem)
    with running_idp(tmp_path / "idp") as idp:
        idp.user("grace", groups=["Admirals"])
        published = idp.http.get("/saml2/metadata").text
        certificate = re.search(r'use="signing">.*?<ds:X509Certificate>([^<]+)', published, re.DOTALL)
        assert certificate
        settings = {
            "entityId": "https://shop.example/saml",
            "idp": idp.url,
            "idpCertificate": certificate[1],
            "key": str(tmp_path / "key.pem"),
            "certificate": str(tmp_path / "certificate.pem"),
            "consumer": CONSUMER,
        }

        def reply(told: Said) -> str | None:
            if "metadata" in told:
                idp.application(saml_metadata=told["metadata"], **more)
                return "{}"
            if "goTo" not in told:
                return None
            person = idp.person()
            action, fields = form_in(person.log_in(person.http.get(told["goTo"]), "grace").text)
            person.http.close()
            assert (action, fields["RelayState"]) == (CONSUMER, "the-basket")
            response = base64.b64decode(fields["SAMLResponse"])
            altered = response.replace(b'Version="2.0"', b'Version="2.0" Consent="evil"', 1)
            return json.dumps({**fields, "altered": base64.b64encode(altered).decode()})

        said = converse(FOLDER / "service_provider.js", settings, idp.authority.ca_file, reply)

    assert said["altered"] == "Invalid document signature"
    assert (said["profile"]["nameID"], said["profile"]["Groups"]) == ("grace@example.com", "Admirals")
    assert said["replayed"] == "InResponseTo is not valid"
