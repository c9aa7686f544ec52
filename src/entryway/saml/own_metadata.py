"""What we publish about ourselves, as a service provider or as an identity provider; signed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.saml import names, xml
from entryway.saml.keys import as_text
from entryway.saml.signature import sign

if TYPE_CHECKING:
    from entryway.saml.keys import KeyPair
    from entryway.saml.xml import Element


@dataclass(frozen=True, slots=True)
class OwnServiceProvider:
    """A service provider of ours; endpoints of the logout stand by their binding, keys with the active one first."""

    entity_id: str
    assertion_consumer: str
    bearer_consumer: str | None
    single_logout: Mapping[str, str]
    keys: Sequence[KeyPair]


@dataclass(frozen=True, slots=True)
class OwnIdentityProvider:
    """An identity provider of ours; endpoints stand by their binding, keys with the active one first."""

    entity_id: str
    single_sign_on: Mapping[str, str]
    single_logout: Mapping[str, str]
    keys: Sequence[KeyPair]
    wants_requests_signed: bool = False


def service_provider_document(own: OwnServiceProvider) -> bytes:
    """Return the metadata document of a service provider."""
    role = xml.with_children(
        xml.new(
            "md:SPSSODescriptor",
            protocolSupportEnumeration=names.PROTOCOL,
            AuthnRequestsSigned="true",
            WantAssertionsSigned="true",
        ),
        *(_key(pair, "signing") for pair in own.keys),
        *(_key(pair, "encryption") for pair in own.keys[:1]),
        *_services("md:SingleLogoutService", own.single_logout),
        *_formats(names.NAME_ID_FORMATS),
        _consumer(0, names.HTTP_POST, own.assertion_consumer, is_default=True),
        _consumer(1, names.URI_BINDING, own.bearer_consumer, is_default=False) if own.bearer_consumer else None,
    )
    return _signed_document(own.entity_id, role, own.keys[0])


def identity_provider_document(own: OwnIdentityProvider) -> bytes:
    """Return the metadata document of an identity provider."""
    role = xml.with_children(
        xml.new(
            "md:IDPSSODescriptor",
            protocolSupportEnumeration=names.PROTOCOL,
            WantAuthnRequestsSigned="true" if own.wants_requests_signed else "false",
        ),
        *(_key(pair, "signing") for pair in own.keys),
        *_services("md:SingleLogoutService", own.single_logout),
        *_formats(names.PROVIDED_NAME_ID_FORMATS),
        *_services("md:SingleSignOnService", own.single_sign_on),
    )
    return _signed_document(own.entity_id, role, own.keys[0])


def _signed_document(entity_id: str, role: Element, key: KeyPair) -> bytes:
    entity = xml.new("md:EntityDescriptor", ID=_nc_name(entity_id), entityID=entity_id)
    return xml.serialize(sign(xml.with_children(entity, role), key))


def _nc_name(entity_id: str) -> str:
    return "_" + re.sub(r"[^A-Za-z0-9._-]", "_", entity_id)


def _key(pair: KeyPair, use: str) -> Element:
    certificate = xml.new("ds:X509Certificate", as_text(pair.certificate))
    data = xml.with_children(xml.new("ds:X509Data"), certificate)
    return xml.with_children(xml.new("md:KeyDescriptor", use=use), xml.with_children(xml.new("ds:KeyInfo"), data))


def _services(name: str, by_binding: Mapping[str, str]) -> Sequence[Element]:
    return [xml.new(name, Binding=binding, Location=location) for binding, location in by_binding.items()]


def _formats(formats: Sequence[str]) -> Sequence[Element]:
    return [xml.new("md:NameIDFormat", one) for one in formats]


def _consumer(index: int, binding: str, location: str, *, is_default: bool) -> Element:
    return xml.new(
        "md:AssertionConsumerService",
        index=str(index),
        isDefault="true" if is_default else None,
        Binding=binding,
        Location=location,
    )
