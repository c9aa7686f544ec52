"""A SAML identity provider of a company for tests: reads real requests, answers with real signed responses."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from entryway.saml import bindings, issuing, logout, metadata, names, own_metadata, requests
from entryway.saml.issuing import AssertionDraft
from entryway.saml.keys import KeyPair, new_key_pair
from entryway.saml.logout import LogoutRequest
from entryway.saml.metadata import ServiceProviderMetadata
from entryway.saml.own_metadata import OwnIdentityProvider
from entryway.saml.requests import AuthnRequest
from entryway.saml.subjects import NameId

ENTITY_ID = "https://idp.company.example/saml"
SSO = "https://idp.company.example/sso"
SLO = "https://idp.company.example/slo"


@lru_cache(maxsize=4)
def key_of(name: str) -> KeyPair:
    """Return a key that all tests of a run share: making one takes a moment."""
    return new_key_pair(name, datetime.now(UTC))


@dataclass(frozen=True)
class SamlProvider:
    """Knows one service provider, by its metadata."""

    service_provider: ServiceProviderMetadata
    entity_id: str = ENTITY_ID
    key: KeyPair = field(default_factory=lambda: key_of("company"), repr=False)

    @property
    def metadata(self) -> str:
        """What the administrator of the service provider pastes."""
        return metadata_of(self.entity_id, self.key)

    def request_in(self, location: str) -> AuthnRequest:
        """Return the request that a redirect carries, after checking its signature."""
        received = bindings.read_redirect(urlsplit(location).query)
        root = bindings.verify_redirect(received, self.service_provider.entity.signing)
        return requests.read(root, location=SSO, now=datetime.now(UTC))

    def answer(
        self,
        request: AuthnRequest | None,
        user: str = "maria@example.com",
        *,
        attributes: Mapping[str, Sequence[str]] | None = None,
        is_encrypted: bool = False,
        **changes: Any,
    ) -> dict[str, str]:
        """Return the form that logs a user in."""
        now = datetime.now(UTC)
        consumer = self.service_provider.consumer(location=None, index=None).location
        draft = AssertionDraft(
            **{
                "id": new_id(),
                "issuer": self.entity_id,
                "recipient": consumer,
                "audience": self.service_provider.entity.entity_id,
                "in_response_to": request.id if request else None,
                "name_id": NameId(user, names.EMAIL),
                "issued_at": now,
                "authenticated_at": now,
                "session_index": "session-1",
                "attributes": attributes or {},
                **changes,
            }
        )
        certificate = self.service_provider.entity.encryption[0] if is_encrypted else None
        response = issuing.build_response(new_id(), draft, self.key, encrypt_for=certificate)
        return dict(bindings.post_form(consumer, "SAMLResponse", response, None).fields)

    def logout_url(self, user: str, *session_indexes: str) -> str:
        """Return the address that logs a user out of the service provider."""
        location = self.service_provider.entity.single_logout[names.HTTP_REDIRECT].location
        asked = LogoutRequest(
            new_id(), self.entity_id, datetime.now(UTC), location, NameId(user, names.EMAIL), session_indexes
        )
        return bindings.redirect_url(location, "SAMLRequest", logout.build_request(asked), "state-1", self.key)


def metadata_of(entity_id: str, key: KeyPair) -> str:
    """Return the metadata of an identity provider."""
    single_logout = {names.HTTP_REDIRECT: SLO}
    own = OwnIdentityProvider(entity_id, {names.HTTP_REDIRECT: SSO, names.HTTP_POST: SSO}, single_logout, [key])
    return own_metadata.identity_provider_document(own).decode()


def provider_for(document: bytes, entity_id: str = ENTITY_ID) -> SamlProvider:
    """Return a provider that has been given the metadata of a service provider."""
    known = metadata.read_service_provider(document.decode(), datetime.now(UTC))
    return SamlProvider(known, entity_id)


def form_in(page: str) -> tuple[str, dict[str, str]]:
    """Return where a page's form goes, with its hidden fields."""
    action = re.search(r'action="([^"]+)"', page)
    assert action is not None, page
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return unescape(action[1]), {name: unescape(value) for name, value in fields}


def new_id() -> str:
    """Return an ID."""
    return f"_{secrets.token_hex(16)}"
