"""Assertions of a tenant's SAML providers that clients present to the token endpoint (RFC 7522)."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import IssuerNotTrusted, UserNotPreCreated, Vouched
from entryway.authserver.trust.errors import ShadowUserMissing
from entryway.authserver.trust.saml_answers import check_first
from entryway.federation import identity
from entryway.oauth.errors import InvalidGrant
from entryway.saml import response, xml
from entryway.saml.errors import SamlInvalid
from entryway.saml.requests import issuer_of

if TYPE_CHECKING:
    from entryway.authserver.moments import Clock
    from entryway.authserver.seen_assertions import SeenAssertions
    from entryway.authserver.trust.saml_partners import SamlPartners
    from entryway.authserver.trust.shadow_users import ShadowUsers
    from entryway.authserver.zones import Zone

_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class BearerAssertions:
    """Believes what the assertion consumer would believe, with the token endpoint as the recipient."""

    partners: SamlPartners
    seen: SeenAssertions
    shadow_users: ShadowUsers
    clock: Clock

    async def user_of(self, zone: Zone, issuer: str, assertion: str) -> Vouched:
        """Return the user whom a SAML assertion names; raise InvalidGrant if it does not hold."""
        del issuer  # it stands in the assertion
        try:
            root = xml.parse(_decoded(assertion))
            named = issuer_of(root)
            partners = await self.partners.by_entity_id(zone.id, named)
            if len(partners) != 1:
                raise IssuerNotTrusted(named)
            partner, own, now = partners[0], await self.partners.service_provider(zone), self.clock()
            partner.check_still_valid(now)
            where = own.addresses
            audiences = {where.bearer_consumer, where.entity_id}
            found = response.read_bearer(root, partner.expected(own.keys, where.bearer_consumer, audiences, None), now)
            await check_first(self.seen, zone.id, partner, found)
            who = identity.of_assertion(found, partner.config.attributes)
            user = await self.shadow_users.log_on(partner.provider, who)
        except ShadowUserMissing as error:
            raise UserNotPreCreated(detail=error.detail) from error
        except SamlInvalid as error:
            raise InvalidGrant("The assertion is not valid", error.detail) from error
        return Vouched(user, who.authenticated_at)


def _decoded(assertion: str) -> bytes:
    """Return the XML: RFC 7522 §2.1 wants base64url, and clients send either alphabet, with padding or without."""
    text = "".join(assertion.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if len(text) > _LONGEST:
        raise SamlInvalid("the assertion is too large")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise SamlInvalid("the assertion is not base64url") from error
