"""What the other side publishes about itself: its name, its keys, and where it listens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entryway.saml import moments, names, signature, xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.keys import certificate_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from entryway.saml.xml import Element

LONGEST_ENTITY_ID = 1024
_MOST_KEYS = 20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where messages of one kind are sent, and where the answers to them go."""

    location: str
    response_location: str


@dataclass(frozen=True, slots=True)
class Entity:
    """What service providers and identity providers publish alike; endpoints stand by their binding."""

    entity_id: str
    valid_until: datetime | None
    signing: Sequence[Certificate]
    encryption: Sequence[Certificate]
    single_logout: Mapping[str, Endpoint]
    name_id_formats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IdentityProviderMetadata:
    """An identity provider, as a service provider needs it."""

    entity: Entity
    single_sign_on: Mapping[str, Endpoint]
    wants_requests_signed: bool


@dataclass(frozen=True, slots=True)
class AssertionConsumer:
    """Where a service provider takes responses."""

    index: int
    location: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class ServiceProviderMetadata:
    """A service provider, as an identity provider needs it."""

    entity: Entity
    consumers: Sequence[AssertionConsumer]
    signs_requests: bool
    wants_assertions_signed: bool

    def name_id_format(self, supported: Collection[str]) -> str | None:
        """Return which format of names it wants where a request says nothing; None where any will do."""
        formats = self.entity.name_id_formats
        if names.UNSPECIFIED in formats:
            return None
        return next((one for one in formats if one in supported), None)

    def consumer(self, *, location: str | None, index: int | None) -> AssertionConsumer:
        """Return the consumer that a request names, or the default one; raise when it names another address."""
        for one in self.consumers:
            if (location is not None and one.location == location) or (location is None and one.index == index):
                return one
        if location is not None or index is not None:
            raise SamlInvalid("the request wants its answer at an address that is not in the metadata")
        return next((one for one in self.consumers if one.is_default), self.consumers[0])


def read_identity_provider(
    document: str, now: datetime, *, trusted: Certificate | None = None
) -> IdentityProviderMetadata:
    """Return the identity provider that a document describes; with `trusted`, that key must have signed it."""
    entity = _entity(document, now, trusted)
    role = _role(entity, "md:IDPSSODescriptor")
    single_sign_on = _endpoints(role, "md:SingleSignOnService")
    if not {names.HTTP_POST, names.HTTP_REDIRECT} & single_sign_on.keys():
        raise SamlInvalid("the metadata names no SingleSignOnService for HTTP-Redirect or HTTP-POST")
    common = _common(entity, role)
    if not common.signing:
        raise SamlInvalid("the metadata holds no key for signatures")
    return IdentityProviderMetadata(common, single_sign_on, _boolean(role, "WantAuthnRequestsSigned"))


def read_service_provider(
    document: str, now: datetime, *, trusted: Certificate | None = None
) -> ServiceProviderMetadata:
    """Return the service provider that a document describes; with `trusted`, that key must have signed it."""
    entity = _entity(document, now, trusted)
    role = _role(entity, "md:SPSSODescriptor")
    consumers = [
        AssertionConsumer(_index(one), _address(one, "Location"), _boolean(one, "isDefault"))
        for one in xml.children(role, "md:AssertionConsumerService")
        if one.get("Binding") == names.HTTP_POST
    ]
    if not consumers:
        raise SamlInvalid("the metadata names no AssertionConsumerService for HTTP-POST")
    return ServiceProviderMetadata(
        _common(entity, role),
        consumers,
        _boolean(role, "AuthnRequestsSigned"),
        _boolean(role, "WantAssertionsSigned"),
    )


def _entity(document: str, now: datetime, trusted: Certificate | None) -> Element:
    root = xml.parse_metadata(document.encode())
    if trusted is not None:
        root = signature.verify(root, [trusted])
    elif signature.is_signed(root):
        # Nobody said whose signature to expect. The administrator vouches for the document; what a signature leaves
        # out of it could only hide something.
        _remove_signature(root)
    if not xml.is_named(root, "md:EntityDescriptor"):
        raise SamlInvalid("the metadata is not one EntityDescriptor")
    until = moments.read_optional(root.get("validUntil"))
    if until is not None and until <= now:
        raise SamlInvalid(f"the metadata was valid until {moments.write(until)}")
    return root


def _remove_signature(root: Element) -> None:
    for one in xml.children(root, "ds:Signature"):
        root.remove(one)


def _role(entity: Element, name: str) -> Element:
    roles = [
        one
        for one in xml.children(entity, name)
        if names.PROTOCOL in xml.attribute(one, "protocolSupportEnumeration").split()
    ]
    if len(roles) != 1:
        raise SamlInvalid(f"the metadata holds {len(roles)} {name.removeprefix('md:')} for SAML 2.0, not one")
    return roles[0]


def _common(entity: Element, role: Element) -> Entity:
    entity_id = xml.attribute(entity, "entityID")
    if len(entity_id) > LONGEST_ENTITY_ID or not entity_id.isprintable():
        raise SamlInvalid("the entityID is too long")
    return Entity(
        entity_id=entity_id,
        valid_until=moments.read_optional(entity.get("validUntil")),
        signing=_keys(role, "signing"),
        encryption=_keys(role, "encryption"),
        single_logout=_endpoints(role, "md:SingleLogoutService"),
        name_id_formats=tuple(xml.text_of(one) for one in xml.children(role, "md:NameIDFormat")),
    )


def _keys(role: Element, use: str) -> Sequence[Certificate]:
    # A key without a use is for both.
    descriptors = [one for one in xml.children(role, "md:KeyDescriptor") if one.get("use") in {None, use}]
    if len(descriptors) > _MOST_KEYS:
        raise SamlInvalid("the metadata holds too many keys")
    return [
        certificate_of(xml.text_of(certificate))
        for descriptor in descriptors
        for certificate in xml.descendants(descriptor, "ds:X509Certificate")
    ]


def _endpoints(role: Element, name: str) -> Mapping[str, Endpoint]:
    found: dict[str, Endpoint] = {}
    for one in xml.children(role, name):
        binding = xml.attribute(one, "Binding")
        if binding in {names.HTTP_POST, names.HTTP_REDIRECT}:
            location = _address(one, "Location")
            answers = _address(one, "ResponseLocation") if one.get("ResponseLocation") else location
            found.setdefault(binding, Endpoint(location, answers))
    return found


def _address(element: Element, name: str) -> str:
    url = xml.attribute(element, name)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SamlInvalid(f"{url!r} is not an address") from error
    # Browsers are sent there, so that it must not be a script.
    if parts.scheme not in {"https", "http"} or not parts.hostname or not url.isprintable() or " " in url:
        raise SamlInvalid(f"{url!r} is not an address of the web")
    return url


def _index(element: Element) -> int:
    text = xml.attribute(element, "index")
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise SamlInvalid("an index is not a number")
    return int(text)


def _boolean(element: Element, name: str) -> bool:
    return element.get(name) in {"true", "1"}
