"""pysaml2, unmodified, as a company's identity provider: it reads our metadata and requests, we read its answers."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from admin_of_interop import trust

from entryway.saml import xml
from entryway.testing.authserver import (
    REDIRECT_URI,
    BoundApplication,
    Browser,
    RunningAuthServer,
    code_in,
    running_authserver,
)
from entryway.testing.saml_provider import form_in, key_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what a library warns of at its import is its own business
    from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
    from saml2.config import IdPConfig
    from saml2.metadata import create_metadata_string
    from saml2.saml import NAME_FORMAT_BASIC, NAMEID_FORMAT_EMAILADDRESS, NameID
    from saml2.server import Server

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ENTITY_ID = "https://pysaml2.example/idp"
SSO = "https://pysaml2.example/sso"
SLO = "https://pysaml2.example/slo"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("trusting")) as running:
        yield running


@pytest.fixture(scope="module")
def provider(server: RunningAuthServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("pysaml2")
    pair = key_of("pysaml2")
    (folder / "key.pem").write_bytes(pair.private_pem)
    (folder / "certificate.pem").write_text(pair.certificate_pem)
    (folder / "sp.xml").write_bytes(server.http.get("/saml/metadata").content)
    settings = {
        "entityid": ENTITY_ID,
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "key_file": str(folder / "key.pem"),
        "cert_file": str(folder / "certificate.pem"),
        "encryption_keypairs": [
            {"key_file": str(folder / "key.pem"), "cert_file": str(folder / "certificate.pem")},
        ],
        "metadata": {"local": [str(folder / "sp.xml")]},
        "service": {
            "idp": {
                "endpoints": {
                    "single_sign_on_service": [(SSO, BINDING_HTTP_REDIRECT), (SSO, BINDING_HTTP_POST)],
                    "single_logout_service": [(SLO, BINDING_HTTP_REDIRECT)],
                },
                "want_authn_requests_signed": True,
                "sign_assertion": True,
                "sign_response": True,
                "signing_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_BASIC}},
            }
        },
    }
    config = IdPConfig().load(settings)
    return Server(config=config), create_metadata_string(None, config=config).decode()


@pytest.fixture(scope="module")
def app(server: RunningAuthServer, provider: Any) -> BoundApplication:
    trust(server, {"metadata": provider[1]}, "pysaml2")
    return server.deploy({"xsappname": f"app-{uuid.uuid4().hex[:8]}"})


@pytest.fixture
def browser(server: RunningAuthServer) -> Iterator[Browser]:
    made = server.browser()
    yield made
    made.http.close()


def answer(provider: Any, location: str, *, is_encrypted: bool) -> dict[str, str]:
    """Let pysaml2 read a request and answer it."""
    idp = provider[0]
    query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    asked = idp.parse_authn_request(
        query["SAMLRequest"], BINDING_HTTP_REDIRECT, sigalg=query["SigAlg"], signature=query["Signature"]
    )
    arguments = idp.response_args(asked.message)
    response = idp.create_authn_response(
        {"mail": ["maria@example.com"], "Groups": ["buyers"]},
        userid="maria",
        name_id=NameID(format=NAMEID_FORMAT_EMAILADDRESS, text="maria@example.com"),
        authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"},
        encrypt_assertion=is_encrypted,
        **arguments,
    )
    form = idp.apply_binding(BINDING_HTTP_POST, str(response), arguments["destination"], response=True)
    return form_in(form["data"])[1]


def test_a_user_of_pysaml2_logs_in_and_out(
    server: RunningAuthServer, provider: Any, app: BoundApplication, browser: Browser
) -> None:
    away = browser.authorize(app, idp="pysaml2").headers["location"]

    fields = answer(provider, away, is_encrypted=False)
    alias = xml.parse_metadata(server.http.get("/saml/metadata").content).get("entityID")
    code = code_in(browser.http.post(f"/saml/SSO/alias/{alias}", data=fields))

    assert server.redeem(app, code).status_code == 200
    out = browser.http.get("/logout.do", params={"redirect": REDIRECT_URI, "client_id": app.client_id})
    query = {name: values[0] for name, values in parse_qs(urlsplit(out.headers["location"]).query).items()}
    asked = provider[0].parse_logout_request(
        query["SAMLRequest"], BINDING_HTTP_REDIRECT, sigalg=query["SigAlg"], signature=query["Signature"]
    )
    assert asked.message.name_id.text == "maria@example.com"
    told = provider[0].create_logout_response(asked.message, [BINDING_HTTP_REDIRECT], sign=False)
    back = provider[0].apply_binding(
        BINDING_HTTP_REDIRECT,
        str(told),
        told.destination,
        response=True,
        sign=True,
        sigalg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    )
    assert browser.http.get(dict(back["headers"])["Location"]).headers["location"] == REDIRECT_URI


def test_triple_des_is_refused(
    server: RunningAuthServer, provider: Any, app: BoundApplication, browser: Browser
) -> None:
    """pysaml2 encrypts with triple DES alone, which nobody should any more."""
    fields = answer(provider, browser.authorize(app, idp="pysaml2").headers["location"], is_encrypted=True)
    alias = xml.parse_metadata(server.http.get("/saml/metadata").content).get("entityID")

    refused = browser.http.post(f"/saml/SSO/alias/{alias}", data=fields)

    assert (refused.status_code, refused.headers["entryway-error"]) == (403, "login_refused")
