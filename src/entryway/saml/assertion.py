"""What a verified assertion says about a user, and whether it is for us, for now, and from whom we think."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from entryway.saml import encryption, moments, names, xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.names import qualified
from entryway.saml.requests import LONGEST_ID, issuer_of
from entryway.saml.subjects import NameId, read_name_id

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element

# How old the assertion itself may be; how old the login may be is a setting of the trust.
OLDEST = timedelta(seconds=3000)
_MOST_VALUES = 2000
_LONGEST_VALUE = 4096


@dataclass(frozen=True, slots=True)
class Expected:
    """Who must have issued an assertion, for whom, and in answer to what.

    `request_id` None: the identity provider may begin, and must not name a request.
    """

    issuer: str
    certificates: Sequence[Certificate] = field(repr=False)
    recipient: str
    audiences: frozenset[str]
    request_id: str | None
    keys: Sequence[KeyPair] = field(default=(), repr=False)
    authn_contexts: Sequence[str] = ()
    longest_authentication_age: timedelta = timedelta(days=10)
    name_id_format: str = names.UNSPECIFIED
    allow_sha1: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an identity provider says about a user; `expires_at` is until when a replay would work."""

    id: str
    issuer: str
    name_id: NameId
    authenticated_at: datetime
    session_index: str | None
    session_ends_at: datetime | None
    authn_context: str | None
    expires_at: datetime
    attributes: Mapping[str, tuple[str, ...]]


def read(assertion: Element, expected: Expected, now: datetime) -> Assertion:
    """Return what an assertion says whose signature has been verified, or raise SamlInvalid."""
    if not xml.is_named(assertion, "saml:Assertion") or assertion.get("Version") != "2.0":
        raise SamlInvalid("this is no Assertion of SAML 2.0")
    assertion_id = xml.attribute(assertion, "ID")
    if len(assertion_id) > LONGEST_ID:
        raise SamlInvalid("the ID is too long")
    if issuer_of(assertion) != expected.issuer:
        raise SamlInvalid("the assertion is of another issuer")
    if any(one is not assertion for one in xml.descendants(assertion, "saml:Assertion", "saml:EncryptedAssertion")):
        raise SamlInvalid("the assertion holds another one")
    issued_at = moments.read(xml.attribute(assertion, "IssueInstant"))
    if not now - OLDEST <= issued_at <= now + moments.SKEW:
        raise SamlInvalid("the assertion is too old, or from the future")
    subject = xml.required(assertion, "saml:Subject")
    name_id = read_name_id(subject, expected.keys)
    if expected.name_id_format not in {names.UNSPECIFIED, name_id.format}:
        raise SamlInvalid(f"the NameID has the format {name_id.format}, not {expected.name_id_format}")
    confirmed_until = _confirmation(subject, expected, now)
    _check_conditions(xml.required(assertion, "saml:Conditions"), expected, now)
    statement = _statement(assertion)
    authenticated_at = moments.read(xml.attribute(statement, "AuthnInstant"))
    if not now - expected.longest_authentication_age <= authenticated_at <= now + moments.SKEW:
        raise SamlInvalid("the user logged in too long ago, or in the future")
    session_ends_at = moments.read_optional(statement.get("SessionNotOnOrAfter"))
    if session_ends_at is not None and session_ends_at <= now:
        raise SamlInvalid("the session at the identity provider has ended")
    return Assertion(
        id=assertion_id,
        issuer=expected.issuer,
        name_id=name_id,
        authenticated_at=min(authenticated_at, now),
        session_index=statement.get("SessionIndex"),
        session_ends_at=session_ends_at,
        authn_context=_authn_context(statement, expected),
        expires_at=confirmed_until + moments.SKEW,
        attributes=_attributes(assertion, expected.keys),
    )


def _confirmation(subject: Element, expected: Expected, now: datetime) -> datetime:
    """Return until when the bearer may present the assertion; one confirmation that holds is enough."""
    reasons = []
    for confirmation in xml.children(subject, "saml:SubjectConfirmation"):
        try:
            return _bearer(confirmation, expected, now)
        except SamlInvalid as error:
            reasons.append(error.detail)
    raise SamlInvalid(reasons[0] if reasons else "the assertion is not confirmed for a bearer")


def _bearer(confirmation: Element, expected: Expected, now: datetime) -> datetime:
    if confirmation.get("Method") != names.BEARER:
        raise SamlInvalid("the assertion is not confirmed for a bearer")
    data = xml.required(confirmation, "saml:SubjectConfirmationData")
    if data.get("Recipient") != expected.recipient:
        raise SamlInvalid("the assertion is for another recipient")
    if data.get("NotBefore") is not None:
        raise SamlInvalid("the confirmation of a bearer must not have NotBefore")
    until = moments.read(xml.attribute(data, "NotOnOrAfter"))
    if until + moments.SKEW <= now:
        raise SamlInvalid("the confirmation of the bearer has expired")
    if data.get("InResponseTo") != expected.request_id:
        raise SamlInvalid(
            f"InResponseToField of Response doesn't correspond to sent message {expected.request_id or '(none)'}"
        )
    return until


def _check_conditions(conditions: Element, expected: Expected, now: datetime) -> None:
    begins = moments.read_optional(conditions.get("NotBefore"))
    ends = moments.read_optional(conditions.get("NotOnOrAfter"))
    if (begins is not None and begins > now + moments.SKEW) or (ends is not None and ends + moments.SKEW <= now):
        raise SamlInvalid("the assertion is not valid yet, or no longer")
    restrictions = 0
    for condition in conditions:
        if xml.is_named(condition, "saml:AudienceRestriction"):
            restrictions += 1
            audiences = {xml.text_of(one) for one in xml.children(condition, "saml:Audience")}
            if audiences.isdisjoint(expected.audiences):
                raise SamlInvalid("the assertion is for another audience")
        # Each assertion works once here anyway, and we vouch for nobody on the strength of one.
        elif not xml.is_named(condition, "saml:OneTimeUse") and not xml.is_named(condition, "saml:ProxyRestriction"):
            raise SamlInvalid("the assertion has a condition that is not known here")
    if not restrictions:
        raise SamlInvalid("the assertion is for no audience")


def _statement(assertion: Element) -> Element:
    statements = xml.children(assertion, "saml:AuthnStatement")
    if len(statements) != 1:
        raise SamlInvalid(f"the assertion has {len(statements)} AuthnStatements, not one")
    return statements[0]


def _authn_context(statement: Element, expected: Expected) -> str | None:
    context = xml.required(statement, "saml:AuthnContext")
    reference = xml.child(context, "saml:AuthnContextClassRef")
    name = None if reference is None else xml.text_of(reference)
    if expected.authn_contexts and name not in expected.authn_contexts:
        raise SamlInvalid("Identity Provider did not authenticate with the requested AuthnContext.")
    return name


def _attributes(assertion: Element, keys: Sequence[KeyPair]) -> Mapping[str, tuple[str, ...]]:
    values: dict[str, list[str]] = {}
    number = 0
    for statement in xml.children(assertion, "saml:AttributeStatement"):
        sealed = xml.children(statement, "saml:EncryptedAttribute")
        opened = [encryption.decrypt(one, keys, is_protected=True) for one in sealed]
        if any(not xml.is_named(one, "saml:Attribute") for one in opened):
            raise SamlInvalid("something else than an attribute was encrypted")
        for attribute in (*xml.children(statement, "saml:Attribute"), *opened):
            mine = values.setdefault(xml.attribute(attribute, "Name"), [])
            for one in xml.children(attribute, "saml:AttributeValue"):
                number += 1
                # A value may be an element: `eduPersonTargetedID` is a NameID.
                text = xml.whole_text_of(one)
                if number > _MOST_VALUES or len(text) > _LONGEST_VALUE:
                    raise SamlInvalid("the assertion has too many attribute values, or too long ones")
                if one.get(qualified("xsi:nil")) not in {"true", "1"}:
                    mine.append(text)
    return {name: tuple(texts) for name, texts in values.items()}
