"""A SAML identity provider that a service of ours trusts: what it is asked, and which of its messages are believed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from entryway.federation.configuration import SamlConfig
from entryway.saml import bindings, moments, names, signature
from entryway.saml.assertion import Expected
from entryway.saml.errors import SamlInvalid
from entryway.saml.logout import LogoutRequest
from entryway.saml.metadata import IdentityProviderMetadata, read_identity_provider
from entryway.saml.requests import AuthnRequest
from entryway.saml.subjects import NameId

if TYPE_CHECKING:
    from entryway.saml.assertion import Assertion
    from entryway.saml.bindings import Form, Parameter, Received
    from entryway.saml.keys import KeyPair
    from entryway.saml.metadata import Endpoint
    from entryway.saml.xml import Element

_EVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class SamlPartner:
    """A trusted identity provider with what it publishes."""

    config: SamlConfig
    metadata: IdentityProviderMetadata

    @property
    def entity_id(self) -> str:
        return self.metadata.entity.entity_id

    @property
    def single_sign_on(self) -> tuple[str, str]:
        """The binding and the address of its login: as the trust says, if the provider can."""
        wanted = names.HTTP_POST if self.config.request_binding == "post" else names.HTTP_REDIRECT
        found = self.metadata.single_sign_on
        binding = wanted if wanted in found else next(iter(found))
        return binding, found[binding].location

    @property
    def single_logout(self) -> tuple[str, Endpoint] | None:
        """The binding and the addresses of its logout."""
        return preferred(self.metadata.entity.single_logout)

    def check_still_valid(self, now: datetime) -> None:
        """Raise SamlInvalid when the metadata has run out."""
        until = self.metadata.entity.valid_until
        if until is not None and until <= now:
            raise SamlInvalid(f"the metadata of the identity provider was valid until {moments.write(until)}")

    def expected(
        self, keys: Sequence[KeyPair], recipient: str, audiences: AbstractSet[str], request_id: str | None
    ) -> Expected:
        """Return what an assertion of this provider has to be."""
        return Expected(
            issuer=self.entity_id,
            certificates=self.metadata.entity.signing,
            recipient=recipient,
            audiences=frozenset(audiences),
            request_id=request_id,
            keys=keys,
            authn_contexts=self.config.authn_contexts,
            longest_authentication_age=timedelta(seconds=self.config.longest_authentication_age),
            name_id_format=self.config.name_id_format,
            allow_sha1=self.config.allow_sha1,
        )

    def verified(self, received: Received) -> Element:
        """Return a message that this provider has signed, or raise SamlInvalid."""
        certificates, old = self.metadata.entity.signing, self.config.allow_sha1
        if received.signed_text is not None:
            return bindings.verify_redirect(received, certificates, allow_sha1=old)
        return signature.verify(received.root, certificates, allow_sha1=old)

    def authn_request(
        self, issuer: str, consumer: str, now: datetime, *, is_forced: bool, is_passive: bool = False
    ) -> AuthnRequest:
        """Return the question who is there; a passive one is answered without asking the user anything."""
        return AuthnRequest(
            id=new_id(),
            issuer=issuer,
            issued_at=now,
            destination=self.single_sign_on[1],
            consumer=consumer,
            name_id_format=self.config.name_id_format,
            authn_contexts=self.config.authn_contexts,
            is_forced=is_forced,
            is_passive=is_passive,
        )


def read_partner_metadata(config: SamlConfig) -> IdentityProviderMetadata:
    """Return what a provider publishes; it was checked when it was stored."""
    return _metadata(config.metadata)


def preferred(endpoints: Mapping[str, Endpoint]) -> tuple[str, Endpoint] | None:
    """Return the binding that messages take, and where to; None where there is no endpoint."""
    binding = names.HTTP_REDIRECT if names.HTTP_REDIRECT in endpoints else names.HTTP_POST
    return (binding, endpoints[binding]) if binding in endpoints else None


def logout_request(
    request_id: str, issuer: str, destination: str, *, name: NameId, session_index: str | None, now: datetime
) -> LogoutRequest:
    """Return the request to end a session."""
    return LogoutRequest(
        id=request_id,
        issuer=issuer,
        issued_at=now,
        destination=destination,
        name_id=name,
        session_indexes=(session_index,) if session_index else (),
    )


def name_facts(assertion: Assertion) -> Mapping[str, str]:
    """Return what a logout has to say about the user's name besides its value."""
    name = assertion.name_id
    facts = {
        "format": name.format,
        "name_qualifier": name.name_qualifier,
        "sp_name_qualifier": name.sp_name_qualifier,
    }
    return {key: value for key, value in facts.items() if value is not None}


def name_of_facts(subject: str, facts: Mapping[str, str]) -> NameId:
    """Return the name that `name_facts` was made from."""
    return NameId(
        subject, facts.get("format", names.UNSPECIFIED), facts.get("name_qualifier"), facts.get("sp_name_qualifier")
    )


def new_id() -> str:
    """Return an ID that nobody can guess and XML accepts."""
    return f"_{secrets.token_hex(20)}"


def carried(
    binding: str,
    destination: str,
    parameter: Parameter,
    message: Element,
    *,
    key: KeyPair,
    relay_state: str | None = None,
    passed_on: Sequence[str] = (),
) -> str | Form:
    """Return the address or the form that carries a message, signed as its binding wants."""
    if passed_on:
        destination += ("&" if "?" in destination else "?") + urlencode({"idp": ",".join(passed_on)})
    if binding == names.HTTP_REDIRECT:
        return bindings.redirect_url(destination, parameter, message, relay_state, key)
    return bindings.post_form(destination, parameter, signature.sign(message, key), relay_state)


@lru_cache(maxsize=256)
def _metadata(document: str) -> IdentityProviderMetadata:
    return read_identity_provider(document, _EVER)
