"""Tokens of trusted OpenID Connect providers that clients exchange at the token endpoint (RFC 7523)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import IssuerNotTrusted, UserNotPreCreated, Vouched
from entryway.authserver.trust.errors import ShadowUserMissing
from entryway.errors import UpstreamError
from entryway.federation import identity, oidc_tokens
from entryway.federation.configuration import OidcConfig
from entryway.federation.oidc_partners import unavailable
from entryway.federation.oidc_tokens import ExpectedToken
from entryway.oauth.errors import InvalidGrant
from entryway.saml.errors import SamlInvalid

if TYPE_CHECKING:
    from entryway.authserver.moments import Clock
    from entryway.authserver.trust.providers import IdentityProviders
    from entryway.authserver.trust.shadow_users import ShadowUsers
    from entryway.authserver.zones import Zone
    from entryway.federation.oidc_partners import OidcPartners


@dataclass(frozen=True, slots=True)
class ForeignTokens:
    """Believes tokens for this tenant as a client of the provider, and for further clients that the trust names."""

    providers: IdentityProviders
    partners: OidcPartners[Zone]
    shadow_users: ShadowUsers
    clock: Clock

    async def user_of(self, zone: Zone, issuer: str, assertion: str) -> Vouched:
        """Return the user; raise IssuerNotTrusted, InvalidGrant if the token does not hold, or ProviderUnavailable."""
        found = [
            (provider, provider.config)
            for provider in await self.providers.list(zone.id, active_only=True)
            if isinstance(provider.config, OidcConfig) and provider.config.issuer == issuer
        ]
        if len(found) != 1:
            raise IssuerNotTrusted(issuer)
        [(provider, config)] = found
        now = self.clock()
        try:
            document = await self.partners.discover(config)
            keys = await self.partners.keys_of(document, oidc_tokens.key_id(assertion))
            expected = ExpectedToken(config.issuer, config.client_id, None, frozenset(config.token_audiences))
            claims = oidc_tokens.verify(assertion, keys, expected, now)
            who = identity.of_claims(claims, config.attributes, oidc_tokens.authenticated_at(claims, now))
            user = await self.shadow_users.log_on(provider, who)
        except ShadowUserMissing as error:
            raise UserNotPreCreated(detail=error.detail) from error
        except SamlInvalid as error:
            raise InvalidGrant("The assertion is not valid", error.detail) from error
        except UpstreamError as error:
            # Nothing is known of the token: who asks again in a moment may be served.
            raise unavailable(error) from error
        return Vouched(user, who.authenticated_at)
