from __future__ import annotations

import base64
import html
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from entryway.saml import bindings, logout, metadata, names, own_metadata, requests, response, signature, xml
from entryway.saml.assertion import Assertion, Expected
from entryway.saml.errors import SamlInvalid
from entryway.saml.keys import KeyPair, new_key_pair
from entryway.saml.subjects import NameId
from entryway.testing.idp import CALLBACK, Person, RegisteredApplication, RunningIdp, code_in

pytestmark = pytest.mark.once_on_postgresql

CONSUMER = "https://sp.example.com/saml/consumer"


@dataclass
class ServiceProvider:
    """A service provider that is registered at the identity provider."""

    idp: RunningIdp
    key: KeyPair
    settings: dict = field(default_factory=dict)
    entity_id: str = field(default_factory=lambda: f"https://sp.example.com/{uuid.uuid4()}")
    application: RegisteredApplication | None = None
    wants_assertions_signed: str = "true"
    signs_requests: str = "true"

    def register(self) -> ServiceProvider:
        own = own_metadata.OwnServiceProvider(
            entity_id=self.entity_id,
            assertion_consumer=CONSUMER,
            bearer_consumer=None,
            single_logout={names.HTTP_REDIRECT: "https://sp.example.com/saml/logout"},
            keys=[self.key],
        )
        document = own_metadata.service_provider_document(own).decode()
        for flag, value in (
            ("WantAssertionsSigned", self.wants_assertions_signed),
            ("AuthnRequestsSigned", self.signs_requests),
        ):
            document = document.replace(f'{flag}="true"', f'{flag}="{value}"')
        self.application = self.idp.application(saml_metadata=document, **self.settings)
        return self

    @property
    def provider(self) -> metadata.IdentityProviderMetadata:
        answer = self.idp.http.get("/saml2/metadata")
        return metadata.read_identity_provider(answer.text, self.idp.clock())

    def request(self, **more) -> requests.AuthnRequest:
        usual = {
            "id": f"_{uuid.uuid4().hex}",
            "issuer": self.entity_id,
            "issued_at": self.idp.clock(),
            "destination": f"{self.idp.url}/saml2/idp/sso",
            "consumer": CONSUMER,
            "name_id_format": names.EMAIL,
        }
        return requests.AuthnRequest(**{**usual, **more})

    def address(self, asked: requests.AuthnRequest, key: KeyPair | None = None, relay_state: str | None = "r 1") -> str:
        return bindings.redirect_url("/saml2/idp/sso", "SAMLRequest", requests.build(asked), relay_state, key)

    def read(self, page: httpx.Response, asked: requests.AuthnRequest, **more) -> Assertion:
        """Judge the response in a page as a service provider must."""
        assert f'action="{CONSUMER}"' in page.text
        expected = Expected(
            issuer=self.idp.url,
            certificates=self.provider.entity.signing,
            recipient=CONSUMER,
            audiences=frozenset({self.entity_id}),
            request_id=asked.id,
            keys=[self.key],
            **more,
        )
        return response.read(xml.parse(base64.b64decode(hidden(page)["SAMLResponse"])), expected, self.idp.clock())


def hidden(page: httpx.Response) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: html.unescape(value) for name, value in found}


@pytest.fixture(scope="module")
def key(idp: RunningIdp) -> KeyPair:
    return new_key_pair("sp", idp.clock() - timedelta(days=1))


@pytest.fixture
def provider(idp: RunningIdp, key: KeyPair) -> ServiceProvider:
    return ServiceProvider(idp, key, {"claims": {"cost_center": "attribute:costCenter"}}).register()


def test_a_user_logs_in_at_a_service_provider(
    idp: RunningIdp, provider: ServiceProvider, person: Person, name: str
) -> None:
    user = idp.user(name, groups=["Buyers", "Makers"], attributes={"costCenter": ["4711"]})
    asked = provider.request()
    page = person.log_in(person.http.get(provider.address(asked, provider.key)), name)
    assert hidden(page)["RelayState"] == "r 1"
    assertion = provider.read(page, asked, name_id_format=names.EMAIL)
    assert assertion.name_id.value == f"{name}@example.com"
    assert assertion.attributes == {
        "mail": (f"{name}@example.com",),
        "first_name": (name.capitalize(),),
        "last_name": ("Example",),
        "Groups": ("Buyers", "Makers"),
        "user_uuid": (user["id"],),
        "cost_center": ("4711",),
    }
    # Logged in is logged in, whatever the protocol.
    again = provider.request()
    assert provider.read(person.http.get(provider.address(again, provider.key)), again)
    assert "code=" in person.authorize(idp.application()).headers["location"]


def test_a_request_by_post_finds_who_is_logged_in(
    idp: RunningIdp, provider: ServiceProvider, person: Person, name: str
) -> None:
    idp.user(name)
    first = provider.request()
    person.log_in(person.http.get(provider.address(first, provider.key)), name)
    asked = provider.request()
    signed = signature.sign(requests.build(asked), provider.key)
    form = bindings.post_form(f"{idp.url}/saml2/idp/sso", "SAMLRequest", signed, "r")
    # Posted from another site: the browser keeps the cookies back.
    stranger = idp.person()
    answer = stranger.http.post("/saml2/idp/sso", data=dict(form.fields))
    stranger.http.close()
    assert answer.status_code == 303
    assert provider.read(person.http.get(answer.headers["location"]), asked)
    for bad in ("", "00", answer.headers["location"].partition("=")[2][:-2] + "00"):
        refused = person.http.get(f"/saml2/idp/sso/continue?goal={bad}")
        assert refused.headers["entryway-error"] == "login_over"
    idp.clock.advance(minutes=6)
    assert person.http.get(answer.headers["location"]).headers["entryway-error"] == "login_over"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(names.PERSISTENT, "ID"), (names.UNSPECIFIED, "NAME"), (None, "NAME"), (names.TRANSIENT, None)],
)
def test_the_format_of_the_name(
    idp: RunningIdp, key: KeyPair, name: str, wanted: str | None, expected: str | None
) -> None:
    user, person = idp.user(name), idp.person()
    provider = ServiceProvider(idp, key, {"subject": "user_name"}).register()
    asked = provider.request(name_id_format=wanted)
    assertion = provider.read(person.log_in(person.http.get(provider.address(asked, key)), name), asked)
    person.http.close()
    if expected is None:
        assert assertion.name_id.value not in {name, user["id"], f"{name}@example.com"}
    else:
        assert assertion.name_id.value == {"ID": user["id"], "NAME": name}[expected]


@pytest.mark.parametrize(
    ("settings", "wants_assertions_signed", "signed"),
    [
        ({}, "false", ["Response", "Assertion"]),
        ({"saml_signed": "assertion"}, "false", ["Assertion"]),
        ({"saml_signed": "response"}, "false", ["Response"]),
        ({"saml_signed": "response"}, "true", ["Response", "Assertion"]),
        ({"saml_signed": "assertion"}, "true", ["Assertion"]),
    ],
)
def test_what_is_signed(
    idp: RunningIdp, key: KeyPair, name: str, *, settings: dict, wants_assertions_signed: str, signed: list[str]
) -> None:
    idp.user(name)
    person = idp.person()
    provider = ServiceProvider(idp, key, settings, wants_assertions_signed=wants_assertions_signed).register()
    asked = provider.request()
    page = person.log_in(person.http.get(provider.address(asked, key)), name)
    person.http.close()
    document = xml.parse(base64.b64decode(hidden(page)["SAMLResponse"]))
    found = {"Response": document, "Assertion": xml.required(document, "saml:Assertion")}
    assert [kind for kind, element in found.items() if xml.children(element, "ds:Signature")] == signed
    for kind in signed:
        believed = signature.verify(found[kind], provider.provider.entity.signing)
        assert f"{name}@example.com" in xml.serialize(believed).decode()


def test_an_encrypted_assertion(idp: RunningIdp, key: KeyPair, person: Person, name: str) -> None:
    idp.user(name)
    provider = ServiceProvider(idp, key, {"saml_encrypt": True}).register()
    asked = provider.request()
    page = person.log_in(person.http.get(provider.address(asked, key)), name)
    assert name not in base64.b64decode(hidden(page)["SAMLResponse"]).decode()
    assert provider.read(page, asked).name_id.value == f"{name}@example.com"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"is_passive": True}, names.NO_PASSIVE),
        ({"authn_contexts": ["urn:example:eyes"]}, "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"),
        ({"name_id_format": names.X509_SUBJECT}, names.UNKNOWN_PRINCIPAL),
    ],
)
def test_why_there_is_no_assertion(
    idp: RunningIdp, provider: ServiceProvider, name: str, more: dict, status: str
) -> None:
    person = idp.person()
    asked = provider.request(**more)
    page = person.http.get(provider.address(asked, provider.key))
    if not asked.is_passive:
        idp.user(name)
        page = person.log_in(page, name)
    person.http.close()
    document = base64.b64decode(hidden(page)["SAMLResponse"]).decode()
    assert status in document
    assert "<saml:Assertion" not in document
    with pytest.raises(SamlInvalid):
        provider.read(page, asked)


def test_forced_logins_are_forced(idp: RunningIdp, provider: ServiceProvider, person: Person, name: str) -> None:
    idp.user(name)
    asked = provider.request()
    person.log_in(person.http.get(provider.address(asked, provider.key)), name)
    again = provider.request(is_forced=True)
    page = person.http.get(provider.address(again, provider.key))
    assert "Log in" in page.text
    assert provider.read(person.log_in(page, name), again)


def test_all_requests_must_be_signed_where_an_administrator_says_so(
    idp: RunningIdp, key: KeyPair, person: Person
) -> None:
    provider = ServiceProvider(idp, key, signs_requests="false").register()
    address = provider.address(provider.request(), None)
    assert not provider.provider.wants_requests_signed
    assert "Log in" in person.http.get(address).text
    idp.set("saml", requests_signed=True)
    assert provider.provider.wants_requests_signed
    refused = person.http.get(address)
    assert (refused.status_code, refused.headers["entryway-error"]) == (400, "saml_invalid")
    assert "Log in" in person.http.get(provider.address(provider.request(), key)).text
    idp.set("saml")


def test_requests_that_are_refused(idp: RunningIdp, provider: ServiceProvider, person: Person) -> None:
    other = new_key_pair("other", idp.clock())
    old = idp.clock() - timedelta(minutes=20)
    tampered = provider.address(provider.request(), provider.key).replace("RelayState=r%201", "RelayState=evil")
    for address in (
        provider.address(provider.request(), None),
        provider.address(provider.request(), other),
        tampered,
        provider.address(provider.request(consumer="https://evil.example.com/"), provider.key),
        provider.address(provider.request(destination="https://elsewhere.example.com/"), provider.key),
        provider.address(provider.request(issued_at=old), provider.key),
        provider.address(provider.request(issuer="https://unknown.example.com"), provider.key),
        "/saml2/idp/sso",
        "/saml2/idp/sso?SAMLRequest=AAAA",
        "/saml2/idp/slo?SAMLRequest=%FF",
    ):
        answer = person.http.get(address)
        assert answer.status_code == 400, address
        assert answer.headers["entryway-error"] == "saml_invalid"
        assert "location" not in answer.headers


def logout_address(provider: ServiceProvider, key: KeyPair | None, index: str) -> str:
    request = logout.LogoutRequest(
        id=f"_{uuid.uuid4().hex}",
        issuer=provider.entity_id,
        issued_at=provider.idp.clock(),
        destination=f"{provider.idp.url}/saml2/idp/slo",
        name_id=NameId("somebody"),
        session_indexes=(index,),
    )
    return bindings.redirect_url("/saml2/idp/slo", "SAMLRequest", logout.build_request(request), "r", key)


def test_a_service_provider_ends_the_login(
    idp: RunningIdp, provider: ServiceProvider, person: Person, name: str
) -> None:
    idp.user(name)
    asked = provider.request()
    page = person.log_in(person.http.get(provider.address(asked, provider.key)), name)
    index = provider.read(page, asked).session_index or ""
    for bad in (None, new_key_pair("other", idp.clock())):
        assert person.http.get(logout_address(provider, bad, index)).status_code == 400
    application = idp.application()
    assert "code=" in person.authorize(application).headers["location"]
    answer = person.http.get(logout_address(provider, provider.key, index))
    target = urlsplit(answer.headers["location"])
    assert target.path == "/saml/logout"
    assert parse_qs(target.query)["RelayState"] == ["r"]
    received = bindings.read_redirect(target.query)
    root = bindings.verify_redirect(received, provider.provider.entity.signing)
    read = logout.read_response(root, location="https://sp.example.com/saml/logout", now=idp.clock())
    assert read.status == names.SUCCESS
    assert "Log in" in person.authorize(application).text


def carried(answer: httpx.Response, provider: ServiceProvider) -> bindings.Received:
    """Return the message that a redirect carries, after checking its signature."""
    received = bindings.read_redirect(urlsplit(answer.headers["location"]).query)
    bindings.verify_redirect(received, provider.provider.entity.signing)
    return received


def answered(provider: ServiceProvider, received: bindings.Received, status: str, key: KeyPair) -> str:
    """Return the address by which a service provider answers a LogoutRequest."""
    location = f"{provider.idp.url}/saml2/idp/slo"
    told = logout.LogoutResponse(
        f"_{uuid.uuid4().hex}", provider.entity_id, provider.idp.clock(), location, received.root.get("ID"), status
    )
    return bindings.redirect_url("/saml2/idp/slo", "SAMLResponse", logout.build_response(told), None, key)


@pytest.mark.parametrize("status", [names.SUCCESS, names.RESPONDER])
def test_a_logout_reaches_the_other_service_providers(
    idp: RunningIdp, key: KeyPair, person: Person, name: str, status: str
) -> None:
    idp.user(name)
    first, second = ServiceProvider(idp, key).register(), ServiceProvider(idp, key).register()
    asked = first.request()
    index = first.read(person.log_in(person.http.get(first.address(asked, key)), name), asked).session_index or ""
    other = second.request()
    assertion = second.read(person.http.get(second.address(other, key)), other)
    application = idp.application()
    tokens = idp.redeem(application, code_in(person.authorize(application))).json()

    onward = person.http.get(logout_address(first, key, index))
    received = carried(onward, second)
    told = logout.read_request(received.root, location="https://sp.example.com/saml/logout", now=idp.clock())
    assert told.name_id == assertion.name_id
    assert told.session_indexes == (assertion.session_index,)
    # Over at once, whoever does not answer.
    refreshed = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 400
    for bad in (
        answered(second, received, status, new_key_pair("x", idp.clock())),
        answered(first, received, status, key),
    ):
        assert person.http.get(bad).status_code == 400

    last = person.http.get(answered(second, received, status, key))
    final = carried(last, first)
    read = logout.read_response(final.root, location="https://sp.example.com/saml/logout", now=idp.clock())
    assert final.relay_state == "r"
    assert read.status == status
    assert (names.PARTIAL_LOGOUT in xml.serialize(final.root).decode()) is (status != names.SUCCESS)
    assert person.http.get(answered(second, received, status, key)).status_code == 400


def test_a_logout_by_openid_connect_reaches_service_providers(
    idp: RunningIdp, provider: ServiceProvider, person: Person, name: str
) -> None:
    idp.user(name)
    asked = provider.request()
    provider.read(person.log_in(person.http.get(provider.address(asked, provider.key)), name), asked)
    application = idp.application()
    id_token = idp.redeem(application, code_in(person.authorize(application))).json()["id_token"]
    query = {"id_token_hint": id_token, "post_logout_redirect_uri": CALLBACK}
    onward = carried(person.http.get("/oauth2/logout", params=query), provider)
    assert onward.parameter == "SAMLRequest"
    last = person.http.get(answered(provider, onward, names.SUCCESS, provider.key))
    assert last.headers["location"] == CALLBACK


def test_metadata_that_is_none(idp: RunningIdp) -> None:
    for document in ("", "<x/>", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"):
        body = {"settings": {"saml_metadata": document}}
        answer = idp.admin("PUT", f"/applications/{uuid.uuid4()}", body)
        assert answer.status_code == 400
