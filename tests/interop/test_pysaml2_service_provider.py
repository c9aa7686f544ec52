"""pysaml2, unmodified, as a service provider: it reads our metadata, asks for logins and judges what we say."""

from __future__ import annotations

import base64
import re
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from entryway.testing.idp import Person, RunningIdp, running_idp
from entryway.testing.saml_provider import form_in, key_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what a library warns of at its import is its own business
    from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
    from saml2.client import Saml2Client
    from saml2.config import SPConfig
    from saml2.metadata import create_metadata_string
    from saml2.response import StatusNoAuthnContext, StatusNoPassive
    from saml2.saml import NAMEID_FORMAT_EMAILADDRESS, NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT
    from saml2.samlp import RequestedAuthnContext
    from saml2.sigver import SignatureError
    from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
CONSUMER, LOGOUT = "https://shop.example/acs", "https://shop.example/slo"
USER = "pia@example.com"


@dataclass(frozen=True)
class ServiceProvider:
    """pysaml2 with its own key, registered at the identity provider as an application."""

    idp: RunningIdp
    client: Any
    entity_id: str
    user_id: str

    def begins(self, person: Person, binding: str = BINDING_HTTP_REDIRECT, **wishes: Any) -> tuple[str, httpx.Response]:
        """Ask for a login as a browser carries it, and return the request's id and the page."""
        request_id, message = self.client.prepare_for_authenticate(
            self.idp.url, binding=binding, relay_state="back to the basket", sign=True, **wishes
        )
        if binding == BINDING_HTTP_REDIRECT:
            return request_id, person.http.get(dict(message["headers"])["Location"])
        action, fields = form_in(message["data"])
        return request_id, person.http.post(action, data=fields, follow_redirects=True)

    def judges(self, request_id: str, page: httpx.Response) -> Any:
        """Let pysaml2 read the form that comes back."""
        action, fields = form_in(page.text)
        assert (action, fields["RelayState"]) == (CONSUMER, "back to the basket")
        return self.client.parse_authn_request_response(
            fields["SAMLResponse"], BINDING_HTTP_POST, outstanding={request_id: "/"}
        )


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    with running_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture
def person(idp: RunningIdp) -> Iterator[Person]:
    made = idp.person()
    yield made
    made.http.close()


def service_provider(idp: RunningIdp, folder: Path, **settings: Any) -> ServiceProvider:
    pair, entity_id = key_of("pysaml2-sp"), f"https://shop.example/{uuid.uuid4()}"
    (folder / "key.pem").write_bytes(pair.private_pem)
    (folder / "certificate.pem").write_text(pair.certificate_pem)
    (folder / "idp.xml").write_bytes(idp.http.get("/saml2/metadata").content)
    files = {"key_file": str(folder / "key.pem"), "cert_file": str(folder / "certificate.pem")}
    config = SPConfig().load(
        {
            "entityid": entity_id,
            "xmlsec_binary": "/usr/bin/xmlsec1",
            **files,
            "encryption_keypairs": [files],
            "metadata": {"local": [str(folder / "idp.xml")]},
            "allow_unknown_attributes": True,
            "service": {
                "sp": {
                    "endpoints": {
                        "assertion_consumer_service": [(CONSUMER, BINDING_HTTP_POST)],
                        "single_logout_service": [(LOGOUT, BINDING_HTTP_REDIRECT)],
                    },
                    "authn_requests_signed": True,
                    "logout_requests_signed": True,
                    "logout_responses_signed": True,
                    "want_response_signed": True,
                    "want_assertions_signed": True,
                    "allow_unsolicited": False,
                    "signing_algorithm": SIG_RSA_SHA256,
                    "digest_algorithm": DIGEST_SHA256,
                    "name_id_format": [NAMEID_FORMAT_EMAILADDRESS],
                }
            },
        }
    )
    user = idp.user(USER, groups=["Buyers", "Makers"])
    idp.application(saml_metadata=create_metadata_string(None, config=config).decode(), **settings)
    return ServiceProvider(idp, Saml2Client(config=config), entity_id, user["id"])


@pytest.fixture(scope="module")
def shop(idp: RunningIdp, tmp_path_factory: pytest.TempPathFactory) -> ServiceProvider:
    return service_provider(idp, tmp_path_factory.mktemp("shop"))


@pytest.mark.parametrize("binding", [BINDING_HTTP_REDIRECT, BINDING_HTTP_POST])
def test_a_user_logs_in_and_out(shop: ServiceProvider, person: Person, binding: str) -> None:
    request_id, page = shop.begins(person, binding)
    said = shop.judges(request_id, person.log_in(page, USER))

    assert (said.name_id.text, said.name_id.format) == (USER, NAMEID_FORMAT_EMAILADDRESS)
    assert said.ava == {
        "mail": [USER],
        "first_name": ["Pia"],
        "last_name": ["Example"],
        "Groups": ["Buyers", "Makers"],
        "user_uuid": [shop.user_id],
    }
    out = shop.client.do_logout(
        said.name_id, [shop.idp.url], "the user wants to leave", None, expected_binding=BINDING_HTTP_REDIRECT
    )
    binding_used, message = out[shop.idp.url]
    assert binding_used == BINDING_HTTP_REDIRECT
    back = person.http.get(dict(message["headers"])["Location"])
    query = {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}
    farewell = shop.client.parse_logout_request_response(query["SAMLResponse"], BINDING_HTTP_REDIRECT)
    assert farewell.status_ok()
    assert "<title>Log in" in shop.begins(person)[1].text


def test_an_encrypted_assertion(idp: RunningIdp, person: Person, tmp_path: Path) -> None:
    shop = service_provider(idp, tmp_path, saml_encrypt=True)
    request_id, page = shop.begins(person)
    page = person.log_in(page, USER)

    assert shop.judges(request_id, page).name_id.text == USER


@pytest.mark.parametrize("wanted", [NAMEID_FORMAT_PERSISTENT, NAMEID_FORMAT_TRANSIENT])
def test_the_format_of_the_name(shop: ServiceProvider, person: Person, wanted: str) -> None:
    request_id, page = shop.begins(person, nameid_format=wanted)
    said = shop.judges(request_id, person.log_in(page, USER))

    assert said.name_id.format == wanted
    assert (said.name_id.text == shop.user_id) == (wanted == NAMEID_FORMAT_PERSISTENT)


def test_nobody_is_logged_in_and_may_not_be_asked(shop: ServiceProvider, person: Person) -> None:
    request_id, page = shop.begins(person, is_passive="true")

    with pytest.raises(StatusNoPassive):
        shop.judges(request_id, page)


def test_another_kind_of_login_is_wanted(shop: ServiceProvider, person: Person) -> None:
    from saml2.saml import AuthnContextClassRef  # noqa: PLC0415 - it warns like the others

    eyes = RequestedAuthnContext(authn_context_class_ref=[AuthnContextClassRef(text="urn:example:eyes")])
    request_id, page = shop.begins(person, requested_authn_context=eyes)
    page = person.log_in(page, USER)

    with pytest.raises(StatusNoAuthnContext):
        shop.judges(request_id, page)


def test_what_others_altered_is_noticed(shop: ServiceProvider, person: Person) -> None:
    request_id, page = shop.begins(person)
    page = person.log_in(page, USER)
    response = re.search(r'name="SAMLResponse" value="([^"]+)"', page.text)
    assert response
    altered = base64.b64encode(base64.b64decode(unescape(response[1])).replace(USER.encode(), b"ceo@example.com"))

    with pytest.raises(SignatureError):
        shop.client.parse_authn_request_response(altered.decode(), BINDING_HTTP_POST, outstanding={request_id: "/"})


def test_a_request_that_the_service_provider_did_not_sign_is_refused(shop: ServiceProvider, person: Person) -> None:
    _, message = shop.client.prepare_for_authenticate(shop.idp.url, binding=BINDING_HTTP_REDIRECT, sign=False)
    refused = person.http.get(dict(message["headers"])["Location"])

    assert (refused.status_code, refused.headers["entryway-error"]) == (400, "saml_invalid")
