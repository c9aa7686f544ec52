"""What makes a response of an identity provider believable: one negative test for every rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from saml_partners import ACS, IDP, NOW, REQUEST, answer, key, read

from entryway.saml import moments, names, xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.subjects import NameId


def deep(root: Any, name: str) -> Any:
    return next(xml.descendants(root, name))


def test_an_honest_response_tells_who_is_there() -> None:
    assertion = read(answer())

    assert assertion.name_id.value == "maria@example.com"
    assert assertion.attributes == {"mail": ("maria@example.com",), "Groups": ("buyers", "approvers")}
    assert assertion.session_index == "_session-1"
    assert assertion.session_ends_at == NOW + timedelta(hours=8)
    assert assertion.expires_at > NOW


def test_an_assertion_signed_alone_is_enough() -> None:
    assert read(answer(sign_response=False)).name_id.value == "maria@example.com"


def setting(name: str, attribute: str, value: str | None) -> Callable[[Any, Any], None]:
    def bend(response: Any, assertion: Any) -> None:
        element = deep(response, name)
        if value is None:
            del element.attrib[attribute]
        else:
            element.set(attribute, value)

    return bend


def removing(name: str) -> Callable[[Any, Any], None]:
    def bend(response: Any, assertion: Any) -> None:
        element = deep(response, name)
        element.getparent().remove(element)

    return bend


def writing(name: str, text: str) -> Callable[[Any, Any], None]:
    def bend(response: Any, assertion: Any) -> None:
        deep(assertion, name).text = text

    return bend


def at(seconds: float) -> str:
    return moments.write(NOW + timedelta(seconds=seconds))


def unknown_condition(response: Any, assertion: Any) -> None:
    deep(assertion, "saml:Conditions").append(xml.new("saml:Condition"))


def second_assertion(response: Any, assertion: Any) -> None:
    response.append(xml.new("saml:Assertion", ID="_other", Version="2.0", IssueInstant=at(0)))


def advice(response: Any, assertion: Any) -> None:
    inner = xml.new("saml:Assertion", ID="_other", Version="2.0", IssueInstant=at(0))
    assertion.append(xml.with_children(xml.new("saml:Advice"), inner))


def second_statement(response: Any, assertion: Any) -> None:
    assertion.append(xml.new("saml:AuthnStatement", AuthnInstant=at(0)))


def response_issuer(response: Any, assertion: Any) -> None:
    xml.required(response, "saml:Issuer").text = "https://other.example"


def assertion_issuer(response: Any, assertion: Any) -> None:
    xml.required(assertion, "saml:Issuer").text = "https://other.example"


def holder_of_key(response: Any, assertion: Any) -> None:
    deep(assertion, "saml:SubjectConfirmation").set("Method", "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")


def element_in_name(response: Any, assertion: Any) -> None:
    deep(assertion, "saml:NameID").append(xml.new("saml:Issuer", "x"))


def encrypted_name(response: Any, assertion: Any) -> None:
    deep(assertion, "saml:Subject").append(xml.new("saml:EncryptedID"))


DATA = "saml:SubjectConfirmationData"
WRONG = {
    "version of the response": (setting("samlp:Response", "Version", "1.1"), "Response of SAML 2.0"),
    "no destination": (setting("samlp:Response", "Destination", None), "another address"),
    "destination": (setting("samlp:Response", "Destination", ACS + "x"), "another address"),
    "request of the response": (setting("samlp:Response", "InResponseTo", "_other"), "InResponseToField"),
    "no request in the response": (setting("samlp:Response", "InResponseTo", None), "InResponseToField"),
    "issuer of the response": (response_issuer, "another issuer"),
    "issuer of the assertion": (assertion_issuer, "another issuer"),
    "response too old": (setting("samlp:Response", "IssueInstant", at(-61)), "skew 60"),
    "response from the future": (setting("samlp:Response", "IssueInstant", at(61)), "skew 60"),
    "status": (setting("samlp:StatusCode", "Value", names.RESPONDER), "answered"),
    "no status": (removing("samlp:Status"), "Status is missing"),
    "version of the assertion": (setting("saml:Assertion", "Version", "1.1"), "Assertion of SAML 2.0"),
    "assertion too old": (setting("saml:Assertion", "IssueInstant", at(-3001)), "too old"),
    "assertion from the future": (setting("saml:Assertion", "IssueInstant", at(61)), "future"),
    "no subject": (removing("saml:Subject"), "Subject is missing"),
    "no name": (removing("saml:NameID"), "exactly one saml:NameID"),
    "empty name": (writing("saml:NameID", " "), "NameID is empty"),
    "long name": (writing("saml:NameID", "x" * 256), "NameID is empty, too long"),
    "element in the name": (element_in_name, "holds elements"),
    "encrypted name besides": (encrypted_name, "exactly one saml:NameID"),
    "no conditions": (removing("saml:Conditions"), "Conditions is missing"),
    "not valid yet": (setting("saml:Conditions", "NotBefore", at(61)), "not valid yet"),
    "no longer valid": (setting("saml:Conditions", "NotOnOrAfter", at(-60)), "no longer"),
    "no audience": (removing("saml:AudienceRestriction"), "no audience"),
    "audience": (writing("saml:Audience", "other"), "another audience"),
    "unknown condition": (unknown_condition, "condition that is not known"),
    "no confirmation": (removing("saml:SubjectConfirmation"), "not confirmed"),
    "holder of key": (holder_of_key, "not confirmed for a bearer"),
    "recipient": (setting(DATA, "Recipient", ACS + "x"), "another recipient"),
    "no recipient": (setting(DATA, "Recipient", None), "another recipient"),
    "confirmation with NotBefore": (setting(DATA, "NotBefore", at(-60)), "NotBefore"),
    "confirmation expired": (setting(DATA, "NotOnOrAfter", at(-60)), "expired"),
    "confirmation without end": (setting(DATA, "NotOnOrAfter", None), "no NotOnOrAfter"),
    "confirmation of another request": (setting(DATA, "InResponseTo", "_other"), "InResponseToField"),
    "confirmation of no request": (setting(DATA, "InResponseTo", None), "InResponseToField"),
    "no statement": (removing("saml:AuthnStatement"), "0 AuthnStatements"),
    "two statements": (second_statement, "2 AuthnStatements"),
    "login too old": (setting("saml:AuthnStatement", "AuthnInstant", at(-864_001)), "too long ago"),
    "login in the future": (setting("saml:AuthnStatement", "AuthnInstant", at(61)), "in the future"),
    "session over": (setting("saml:AuthnStatement", "SessionNotOnOrAfter", at(0)), "session at the identity provider"),
    "two assertions": (second_assertion, "more than one assertion"),
    "an assertion inside": (advice, "more than one assertion"),
    "time without zone": (setting("samlp:Response", "IssueInstant", "2026-11-22T12:00:00"), "xs:dateTime"),
    "time that does not exist": (setting("samlp:Response", "IssueInstant", "2026-02-30T12:00:00Z"), "does not exist"),
}


def issuer_of_the_response(response: Any, assertion: Any) -> None:
    response.remove(next(one for one in response if xml.is_named(one, "saml:Issuer")))


def test_a_response_may_leave_its_issuer_out_unless_it_is_signed_or_encrypted() -> None:
    assert read(answer(issuer_of_the_response, sign_response=False)).name_id.value == "maria@example.com"
    with pytest.raises(SamlInvalid, match="names no issuer"):
        read(answer(issuer_of_the_response))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_response_that_breaks_a_rule_is_refused_though_it_is_signed(wrong: str) -> None:
    bend, reason = WRONG[wrong]

    with pytest.raises(SamlInvalid, match=reason):
        read(answer(bend))


@pytest.mark.parametrize("name", ["saml:AudienceRestriction"])
def test_every_audience_restriction_counts(name: str) -> None:
    def bend(response: Any, assertion: Any) -> None:
        another = xml.with_children(xml.new(name), xml.new("saml:Audience", "other"))
        deep(assertion, "saml:Conditions").append(another)

    with pytest.raises(SamlInvalid, match="another audience"):
        read(answer(bend))


def test_an_assertion_needs_a_signature_of_its_own() -> None:
    with pytest.raises(SamlInvalid, match="Signature is missing"):
        read(answer(sign_assertion=False))


def test_only_keys_of_the_metadata_count_though_the_signature_brings_its_own() -> None:
    with pytest.raises(SamlInvalid, match="no key of the metadata"):
        read(answer(signer=key("attacker")))


def test_a_change_after_signing_is_noticed() -> None:
    for sign_response in (True, False):
        content = answer(sign_response=sign_response).replace(b"maria@example.com", b"admin@example.com")

        with pytest.raises(SamlInvalid, match="no key of the metadata"):
            read(content)


def test_a_response_to_nobody_is_accepted_only_where_the_provider_may_begin() -> None:
    content = answer(in_response_to=None)

    assert read(content, request_id=None).issuer == IDP
    with pytest.raises(SamlInvalid, match="InResponseToField"):
        read(content)
    with pytest.raises(SamlInvalid, match="InResponseToField"):
        read(answer(), request_id=None)


def test_the_format_of_the_name_and_the_context_must_be_the_wanted_ones() -> None:
    assert read(answer(), name_id_format=names.EMAIL, authn_contexts=(names.PASSWORD_CONTEXT,))
    with pytest.raises(SamlInvalid, match="format"):
        read(answer(), name_id_format=names.PERSISTENT)
    with pytest.raises(SamlInvalid, match="requested AuthnContext"):
        read(answer(), authn_contexts=("urn:oasis:names:tc:SAML:2.0:ac:classes:X509",))


def test_a_name_cut_by_a_comment_is_refused() -> None:
    content = answer(name_id=NameId("admin@example.com.evil"))
    cut = content.replace(b"admin@example.com.evil", b"admin@example.com<!---->.evil")

    with pytest.raises(SamlInvalid, match="comment"):
        read(cut)


def test_a_request_of_somebody_else_is_not_answered() -> None:
    with pytest.raises(SamlInvalid, match=f"sent message {REQUEST}2"):
        read(answer(), request_id=REQUEST + "2")
