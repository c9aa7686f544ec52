"""AuthnRequest: a service provider asks an identity provider who is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from entryway.saml import moments, names, xml
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.saml.xml import Element

LIFETIME = timedelta(minutes=15)
LONGEST_ID = 256


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What is asked; `consumer` or `consumer_index` say where the answer goes."""

    id: str
    issuer: str
    issued_at: datetime
    destination: str | None
    consumer: str | None = None
    consumer_index: int | None = None
    name_id_format: str | None = None
    authn_contexts: Sequence[str] = ()
    is_forced: bool = False
    is_passive: bool = False
    # The subject that the service provider expects, if it says.
    subject: str | None = None


def build(request: AuthnRequest) -> Element:
    """Return the request as an element without a signature."""
    element = xml.new(
        "samlp:AuthnRequest",
        ID=request.id,
        Version="2.0",
        IssueInstant=moments.write(request.issued_at),
        Destination=request.destination,
        ForceAuthn="true" if request.is_forced else None,
        IsPassive="true" if request.is_passive else None,
        ProtocolBinding=names.HTTP_POST if request.consumer is not None else None,
        AssertionConsumerServiceURL=request.consumer,
        AssertionConsumerServiceIndex=None if request.consumer_index is None else str(request.consumer_index),
    )
    subject = None
    if request.subject is not None:
        subject = xml.with_children(xml.new("saml:Subject"), xml.new("saml:NameID", request.subject))
    policy = None
    if request.name_id_format is not None:
        policy = xml.new("samlp:NameIDPolicy", Format=request.name_id_format, AllowCreate="true")
    contexts = None
    if request.authn_contexts:
        contexts = xml.with_children(
            xml.new("samlp:RequestedAuthnContext", Comparison="exact"),
            *(xml.new("saml:AuthnContextClassRef", one) for one in request.authn_contexts),
        )
    return xml.with_children(element, xml.new("saml:Issuer", request.issuer), subject, policy, contexts)


def read(root: Element, *, location: str, now: datetime) -> AuthnRequest:
    """Return a request that came to `location`; who signed it is for the caller to ask."""
    check_message(root, "samlp:AuthnRequest", location=location, now=now)
    policy = xml.child(root, "samlp:NameIDPolicy")
    contexts = xml.child(root, "samlp:RequestedAuthnContext")
    index = root.get("AssertionConsumerServiceIndex")
    if index is not None and (not index.isascii() or not index.isdigit() or len(index) > 5):
        raise SamlInvalid("AssertionConsumerServiceIndex is not a number")
    if root.get("ProtocolBinding", names.HTTP_POST) != names.HTTP_POST:
        raise SamlInvalid("the answer is wanted by another binding than HTTP-POST")
    return AuthnRequest(
        id=xml.attribute(root, "ID"),
        issuer=issuer_of(root),
        issued_at=moments.read(xml.attribute(root, "IssueInstant")),
        destination=root.get("Destination"),
        consumer=root.get("AssertionConsumerServiceURL"),
        consumer_index=None if index is None else int(index),
        name_id_format=None if policy is None else policy.get("Format"),
        authn_contexts=(
            ()
            if contexts is None
            else tuple(xml.text_of(one) for one in xml.children(contexts, "saml:AuthnContextClassRef"))
        ),
        is_forced=root.get("ForceAuthn") in {"true", "1"},
        is_passive=root.get("IsPassive") in {"true", "1"},
        subject=_subject(root),
    )


def check_message(root: Element, name: str, *, location: str, now: datetime) -> None:
    """Check what all requests have in common: version, ID, age, and that it was meant for this address."""
    if not xml.is_named(root, name) or root.get("Version") != "2.0":
        raise SamlInvalid(f"this is no {name.removeprefix('samlp:')} of SAML 2.0")
    if len(xml.attribute(root, "ID")) > LONGEST_ID:
        raise SamlInvalid("the ID is too long")
    if root.get("Destination") not in {None, "", location}:
        raise SamlInvalid("the message was sent to another address")
    issued_at = moments.read(xml.attribute(root, "IssueInstant"))
    if not now - LIFETIME <= issued_at <= now + moments.SKEW:
        raise SamlInvalid("the message is too old, or from the future")
    until = moments.read_optional(root.get("NotOnOrAfter"))
    if until is not None and until + moments.SKEW <= now:
        raise SamlInvalid("the message has expired")


def issuer_of(root: Element) -> str:
    """Return who a message says it is from."""
    issuer = xml.required(root, "saml:Issuer")
    if issuer.get("Format", names.ENTITY_FORMAT) != names.ENTITY_FORMAT:
        raise SamlInvalid("the Issuer is not an entity")
    return xml.text_of(issuer)


def _subject(root: Element) -> str | None:
    subject = xml.child(root, "saml:Subject")
    if subject is None:
        return None
    if xml.child(subject, "saml:EncryptedID") is not None or xml.child(subject, "saml:BaseID") is not None:
        # Whoever asks for one user must not get another.
        raise SamlInvalid("the request names its user in a way that is not supported")
    name = xml.child(subject, "saml:NameID")
    return None if name is None else xml.text_of(name)
