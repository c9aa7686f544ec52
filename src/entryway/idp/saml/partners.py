"""Service providers that log their users in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.saml import bindings, metadata, signature
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.idp.applications.application import Application
    from entryway.idp.applications.store import Applications
    from entryway.saml.bindings import Received
    from entryway.saml.metadata import ServiceProviderMetadata
    from entryway.saml.xml import Element
    from entryway.storage.moments import Clock


@dataclass(frozen=True, slots=True)
class Partner:
    """An application that speaks SAML, and what its metadata says."""

    application: Application
    metadata: ServiceProviderMetadata


@dataclass(frozen=True, slots=True)
class Partners:
    """Finds service providers, and believes only what they signed."""

    applications: Applications
    clock: Clock

    async def resolve(self, entity_id: str) -> Partner:
        """Return the service provider of this name, or raise SamlInvalid."""
        application = await self.applications.find_by_entity_id(entity_id)
        if application is None:
            raise SamlInvalid("no application has this entity id")
        return self._partner(application)

    async def of_application(self, application_id: str) -> Partner:
        """Return an application as a service provider, or raise SamlInvalid for one that is none."""
        return self._partner(await self.applications.resolve(application_id))

    def believed(self, partner: Partner, received: Received, *, needed: bool) -> Element:
        """Return what the partner signed; without `needed`, a message without a signature passes, too."""
        certificates = partner.metadata.entity.signing
        if received.signature is not None:
            return bindings.verify_redirect(received, certificates)
        if signature.is_signed(received.root):
            return signature.verify(received.root, certificates)
        if needed:
            raise SamlInvalid("the message is not signed")
        return received.root

    def _partner(self, application: Application) -> Partner:
        document = application.settings.saml_metadata
        if document is None:
            raise SamlInvalid("the application is no service provider")
        return Partner(application, metadata.read_service_provider(document, self.clock()))
