"""SAML identity providers as their metadata describes them, and how we stand before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.trust.addresses import TrustAddresses, addresses_of
from entryway.federation.configuration import SamlConfig
from entryway.federation.saml_partner import SamlPartner, read_partner_metadata
from entryway.saml.names import HTTP_POST, HTTP_REDIRECT
from entryway.saml.own_metadata import OwnServiceProvider, service_provider_document

if TYPE_CHECKING:
    from entryway.authserver.trust.providers import IdentityProvider, IdentityProviders
    from entryway.authserver.trust.saml_keys import SamlKeys
    from entryway.authserver.zones import Zone
    from entryway.saml.keys import KeyPair


@dataclass(frozen=True, slots=True)
class Partner(SamlPartner):
    """A trusted identity provider of a tenant."""

    provider: IdentityProvider


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """A tenant as a service provider: its addresses and keys, the one that signs first."""

    addresses: TrustAddresses
    keys: Sequence[KeyPair]

    def document(self) -> bytes:
        """Return the metadata that administrators hand to their identity provider."""
        where = self.addresses
        return service_provider_document(
            OwnServiceProvider(
                entity_id=where.entity_id,
                assertion_consumer=where.assertion_consumer,
                bearer_consumer=where.bearer_consumer,
                single_logout={HTTP_REDIRECT: where.single_logout, HTTP_POST: where.single_logout},
                keys=self.keys,
            )
        )


@dataclass(frozen=True, slots=True)
class SamlPartners:
    """Finds both sides of a SAML trust."""

    providers: IdentityProviders
    keys: SamlKeys
    host: str

    async def service_provider(self, zone: Zone) -> ServiceProvider:
        """Return what we are before the partners of a tenant."""
        addresses = addresses_of(zone, self.host)
        ring = await self.keys.ring(zone.id, addresses.alias)
        return ServiceProvider(addresses, [key.pair for key in ring])

    async def by_entity_id(self, zid: str, entity_id: str) -> Sequence[Partner]:
        """Return the active partners of a tenant that call themselves so."""
        found = await self.providers.list(zid, active_only=True)
        partners = [partner_of(one) for one in found if isinstance(one.config, SamlConfig)]
        return [partner for partner in partners if partner.entity_id == entity_id]


def partner_of(provider: IdentityProvider) -> Partner:
    """Return a SAML provider with its metadata, which was checked when it was stored."""
    assert isinstance(provider.config, SamlConfig)  # noqa: S101 - the caller has asked for its type
    return Partner(provider.config, read_partner_metadata(provider.config), provider)
