"""Responses and assertions as an identity provider issues them; signed are the response, the assertion, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from entryway.saml import encryption, moments, names, xml
from entryway.saml.signature import sign
from entryway.saml.subjects import NameId, build_name_id

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

LIFETIME = timedelta(minutes=5)

# What of a response carries a signature of its own.
Signed = Literal["response", "assertion", "both"]


@dataclass(frozen=True, slots=True)
class AssertionDraft:
    """What is said about a user, to whom; `in_response_to` None when nobody asked."""

    id: str
    issuer: str
    recipient: str
    audience: str
    in_response_to: str | None
    name_id: NameId
    issued_at: datetime
    authenticated_at: datetime
    session_index: str
    session_ends_at: datetime | None = None
    authn_context: str = names.PASSWORD_CONTEXT
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def build_assertion(draft: AssertionDraft, key: KeyPair) -> Element:
    """Return the signed assertion."""
    return sign(_assertion(draft), key)


def build_response(
    response_id: str,
    draft: AssertionDraft,
    key: KeyPair,
    *,
    encrypt_for: Certificate | None = None,
    signed: Signed = "both",
) -> Element:
    """Return a response that brings an assertion, encrypted if there is a certificate for it."""
    assertion = _assertion(draft) if signed == "response" else build_assertion(draft, key)
    if encrypt_for is not None:
        assertion = encryption.encrypt(assertion, encrypt_for)
    response = _envelope(response_id, draft.issuer, draft.recipient, draft.in_response_to, draft.issued_at)
    status = xml.with_children(xml.new("samlp:Status"), xml.new("samlp:StatusCode", Value=names.SUCCESS))
    response = xml.with_children(response, status, assertion)
    return response if signed == "assertion" else sign(response, key)


def build_refusal(
    response_id: str,
    *,
    issuer: str,
    recipient: str,
    in_response_to: str | None,
    issued_at: datetime,
    status: str,
    reason: str | None,
    key: KeyPair,
) -> Element:
    """Return a signed response that says why there is no assertion: `status`, and the narrower `reason`."""
    response = _envelope(response_id, issuer, recipient, in_response_to, issued_at)
    code = xml.with_children(
        xml.new("samlp:StatusCode", Value=status),
        None if reason is None else xml.new("samlp:StatusCode", Value=reason),
    )
    return sign(xml.with_children(response, xml.with_children(xml.new("samlp:Status"), code)), key)


def _assertion(draft: AssertionDraft) -> Element:
    until = moments.write(draft.issued_at + LIFETIME)
    data = xml.new(
        "saml:SubjectConfirmationData",
        Recipient=draft.recipient,
        NotOnOrAfter=until,
        InResponseTo=draft.in_response_to,
    )
    confirmation = xml.with_children(xml.new("saml:SubjectConfirmation", Method=names.BEARER), data)
    audience = xml.with_children(xml.new("saml:AudienceRestriction"), xml.new("saml:Audience", draft.audience))
    conditions = xml.new("saml:Conditions", NotBefore=moments.write(draft.issued_at - moments.SKEW), NotOnOrAfter=until)
    statement = xml.new(
        "saml:AuthnStatement",
        AuthnInstant=moments.write(draft.authenticated_at),
        SessionIndex=draft.session_index,
        SessionNotOnOrAfter=moments.write(draft.session_ends_at) if draft.session_ends_at else None,
    )
    context = xml.with_children(xml.new("saml:AuthnContext"), xml.new("saml:AuthnContextClassRef", draft.authn_context))
    return xml.with_children(
        xml.new("saml:Assertion", ID=draft.id, Version="2.0", IssueInstant=moments.write(draft.issued_at)),
        xml.new("saml:Issuer", draft.issuer),
        xml.with_children(xml.new("saml:Subject"), build_name_id(draft.name_id), confirmation),
        xml.with_children(conditions, audience),
        xml.with_children(statement, context),
        _attribute_statement(draft.attributes),
    )


def _envelope(
    response_id: str, issuer: str, recipient: str, in_response_to: str | None, issued_at: datetime
) -> Element:
    response = xml.new(
        "samlp:Response",
        ID=response_id,
        Version="2.0",
        IssueInstant=moments.write(issued_at),
        Destination=recipient,
        InResponseTo=in_response_to,
    )
    return xml.with_children(response, xml.new("saml:Issuer", issuer))


def _attribute_statement(attributes: Mapping[str, Sequence[str]]) -> Element | None:
    elements = [
        xml.with_children(
            xml.new("saml:Attribute", Name=name, NameFormat=names.BASIC_ATTRIBUTE),
            *(xml.new("saml:AttributeValue", value) for value in values),
        )
        for name, values in attributes.items()
        if values
    ]
    return xml.with_children(xml.new("saml:AttributeStatement"), *elements) if elements else None
