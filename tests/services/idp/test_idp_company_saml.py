"""Users of a company that has a SAML identity provider, and logouts that reach everybody who took part."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import jwt as pyjwt
import pytest

from entryway.saml import bindings, logout, names
from entryway.saml.logout import LogoutResponse
from entryway.saml.requests import AuthnRequest
from entryway.testing.idp import Person, RegisteredApplication, RunningIdp, code_in
from entryway.testing.saml_provider import SLO, SSO, SamlProvider, form_in, key_of, metadata_of, new_id, provider_for

pytestmark = pytest.mark.usefixtures("company")
ENTITY_ID = "https://idp.company.example/saml"


@pytest.fixture(scope="module")
def company(idp: RunningIdp) -> SamlProvider:
    found = provider_for(idp.http.get("/saml2/sp/metadata").content, ENTITY_ID)
    idp.provider("saml", type="saml2.0", config={"metadata": found.metadata}, email_domains=["company.example"])
    return found


@pytest.fixture
def application(idp: RunningIdp) -> Iterator[RegisteredApplication]:
    return idp.application(logins={"default": "saml"})


def depart(person: Person, company: SamlProvider, application: RegisteredApplication, **hints: str) -> AuthnRequest:
    answer = person.authorize(application, **hints)
    assert answer.headers["location"].startswith(SSO)
    return company.request_in(answer.headers["location"])


def consume(person: Person, form: dict[str, str]) -> httpx.Response:
    return person.http.post("/saml2/sp/acs", data=form)


def arrive(person: Person, form: dict[str, str]) -> httpx.Response:
    answer = consume(person, form)
    assert answer.status_code == 303, answer.text
    return person.http.get(answer.headers["location"])


def refused(answer: httpx.Response, code: str = "login_refused", status: int = 403) -> None:
    assert (answer.status_code, answer.headers.get("entryway-error")) == (status, code), answer.text


def user_of(name: str) -> str:
    return f"{name}@company.example"


def test_a_user_of_the_company_logs_in(
    idp: RunningIdp, company: SamlProvider, application: RegisteredApplication, person: Person, name: str
) -> None:
    asked = depart(person, company, application)
    attributes = {"first_name": ["Maria"], "Groups": ["Sellers", "Makers"], "floor": ["3"]}
    form = company.answer(asked, user_of(name), attributes=attributes)
    tokens = idp.redeem(application, code_in(arrive(person, form))).json()
    claims = pyjwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert claims["email"] == user_of(name)
    assert claims["given_name"] == "Maria"
    assert claims["groups"] == ["Sellers", "Makers"]
    assert claims["floor"] == "3"
    # Each answer works once, and only in the browser that asked.
    refused(consume(person, form))
    stranger = idp.person()
    again = depart(stranger, company, application)
    stranger.http.close()
    refused(consume(person, company.answer(again, user_of(name))))


def test_an_encrypted_assertion_of_a_service_provider_tells_the_same(
    idp: RunningIdp, company: SamlProvider, application: RegisteredApplication, person: Person, name: str
) -> None:
    asked = depart(person, company, application)
    assert "code=" in arrive(person, company.answer(asked, user_of(name), is_encrypted=True)).headers["location"]


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example"},
        {"audience": "https://other.example"},
        {"recipient": "https://other.example/acs"},
        {"in_response_to": "_another"},
        {"issued_at": "old"},
        {"authenticated_at": "ancient"},
    ],
)
def test_an_assertion_that_does_not_hold_is_refused(
    idp: RunningIdp, company: SamlProvider, person: Person, name: str, changes: dict
) -> None:
    ages = {"old": timedelta(minutes=20), "ancient": timedelta(days=20)}
    changes = {key: idp.clock() - ages[value] if value in ages else value for key, value in changes.items()}
    asked = depart(person, company, idp.application(logins={"default": "saml"}))
    refused(consume(person, company.answer(asked, user_of(name), **changes)))


def test_an_assertion_by_another_key_is_refused(
    company: SamlProvider, application: RegisteredApplication, person: Person, name: str
) -> None:
    forger = SamlProvider(company.service_provider, ENTITY_ID, key_of("forger"))
    asked = depart(person, company, application)
    refused(consume(person, forger.answer(asked, user_of(name))))


def test_other_domains_are_not_the_companys(
    company: SamlProvider, application: RegisteredApplication, person: Person, name: str
) -> None:
    asked = depart(person, company, application)
    refused(consume(person, company.answer(asked, f"{name}@elsewhere.example")), "not_known_here")


def test_nobody_begins_who_may_not(idp: RunningIdp, company: SamlProvider, person: Person, name: str) -> None:
    refused(consume(person, company.answer(None, user_of(name))))
    entity = f"https://idp.beginner.example/{uuid.uuid4()}"
    beginner = provider_for(idp.http.get("/saml2/sp/metadata").content, entity)
    config = {"metadata": beginner.metadata, "idp_initiated": True}
    idp.provider("beginner", type="saml2.0", config=config)
    page = arrive(person, beginner.answer(None, user_of(name)))
    assert page.headers["location"] == "/profile"
    assert user_of(name) in person.http.get("/profile").text


@pytest.mark.parametrize(
    "content",
    [b"", b"SAMLResponse=", b"SAMLResponse=AAAA", b"SAMLRequest=AAAA", b"SAMLResponse=a&SAMLResponse=b", b"\xff=\xff"],
)
def test_what_is_no_answer_is_refused(person: Person, content: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = person.http.post("/saml2/sp/acs", content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    assert person.http.post("/saml2/sp/acs", json={}).status_code in {400, 415}
    assert person.http.get("/saml2/sp/slo").status_code == 400


def test_requests_by_form_and_the_rest_of_a_chain(idp: RunningIdp, person: Person) -> None:
    metadata = metadata_of(f"https://idp.posting.example/{uuid.uuid4()}", key_of("company"))
    idp.provider("posting", type="saml2.0", config={"metadata": metadata, "request_binding": "post"})
    page = person.authorize(idp.application(), idp="posting,theirs")
    action, fields = form_in(page.text)
    assert action == f"{SSO}?idp=theirs"
    assert "SAMLRequest" in fields


def company_answer(company: SamlProvider, departure: httpx.Response, status: str = names.SUCCESS) -> str:
    """Return the address by which the company answers a LogoutRequest that a redirect carries."""
    assert departure.headers["location"].startswith(SLO)
    received = bindings.read_redirect(urlsplit(departure.headers["location"]).query)
    bindings.verify_redirect(received, company.service_provider.entity.signing)
    where = company.service_provider.entity.single_logout[names.HTTP_REDIRECT].location
    request_id = str(received.root.get("ID"))
    told = LogoutResponse(new_id(), company.entity_id, datetime.now(UTC), where, request_id, status)
    return bindings.redirect_url(where, "SAMLResponse", logout.build_response(told), None, company.key)


def test_a_logout_here_goes_on_to_the_company(
    idp: RunningIdp, company: SamlProvider, application: RegisteredApplication, person: Person, name: str
) -> None:
    code = code_in(arrive(person, company.answer(depart(person, company, application), user_of(name))))
    id_token = idp.redeem(application, code).json()["id_token"]
    departure = person.http.get("/oauth2/logout", params={"id_token_hint": id_token})
    address = company_answer(company, departure)
    assert person.http.get(address.replace("Signature=", "Signature=AA")).status_code == 400
    last = person.http.get(address)
    assert last.status_code == 200
    assert "logged out" in last.text
    assert person.http.get(address).status_code == 400


def test_the_company_logs_its_user_out(
    idp: RunningIdp, company: SamlProvider, application: RegisteredApplication, person: Person, name: str
) -> None:
    code = code_in(arrive(person, company.answer(depart(person, company, application), user_of(name))))
    tokens = idp.redeem(application, code).json()
    other = idp.person()
    other.http.get(company.logout_url(f"other-{user_of(name)}"))
    other.http.get(company.logout_url(user_of(name), "another-session"))
    assert idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 200
    forged = SamlProvider(company.service_provider, ENTITY_ID, key_of("forger")).logout_url(user_of(name))
    assert other.http.get(forged).status_code == 400
    answer = other.http.get(company.logout_url(user_of(name), "session-1"))
    other.http.close()
    received = bindings.read_redirect(urlsplit(answer.headers["location"]).query)
    root = bindings.verify_redirect(received, company.service_provider.entity.signing)
    assert logout.read_response(root, location=SLO, now=idp.clock()).status == names.SUCCESS
    assert received.relay_state == "state-1"
    refreshed = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 400
    assert "login_required" in person.authorize(application, prompt="none").headers["location"]


def test_an_address_is_no_name(company: SamlProvider, application: RegisteredApplication, person: Person) -> None:
    """A name that a table cannot hold, and one that no mail address may have, are refused and not an error of ours."""
    for user in ("@company.example", "a b@company.example", "ü" * 300 + "@company.example", "a\n@company.example"):
        asked = depart(person, company, application)
        answer = consume(person, company.answer(asked, user))
        assert answer.status_code == 403, (user, answer.text)
