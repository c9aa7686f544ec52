"""Passwords of users of trusted OpenID Connect providers, which clients bring to the token endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.authserver.grants.foreign import UserNotPreCreated, Vouched
from entryway.authserver.trust.errors import ShadowUserMissing
from entryway.authserver.users import AccountLocked, login_name
from entryway.errors import UpstreamError
from entryway.federation import identity, oidc_tokens
from entryway.federation.configuration import OidcConfig
from entryway.federation.oidc_partners import unavailable
from entryway.federation.oidc_tokens import ExpectedToken, TokenInvalid
from entryway.oauth.errors import BadCredentials
from entryway.saml.errors import SamlInvalid
from entryway.storage.audit import UNKNOWN_USER, happened

if TYPE_CHECKING:
    from entryway.authserver.digests import Digests
    from entryway.authserver.login_failures import LoginFailures
    from entryway.authserver.moments import Clock
    from entryway.authserver.trust.providers import IdentityProvider
    from entryway.authserver.trust.shadow_users import ShadowUsers
    from entryway.authserver.zones import Zone
    from entryway.federation.oidc_partners import OidcPartners
    from entryway.storage import Database
    from entryway.storage.audit import Audit


@dataclass(frozen=True, slots=True)
class ProviderPasswords:
    """Hands a password to the provider's token endpoint and keeps nothing of it; the id_token says who it is."""

    partners: OidcPartners[Zone]
    shadow_users: ShadowUsers
    failures: LoginFailures
    database: Database
    digests: Digests
    audit: Audit
    clock: Clock

    async def vouch(self, zone: Zone, provider: IdentityProvider, user_name: str, password: str) -> Vouched:
        """Return the user, or raise BadCredentials; the name is locked as one of our own would be."""
        # The provider counts too. Here, so that nobody locks its accounts through us faster than ours.
        digest = self.digests.of("login-name", zone.id, provider.origin, login_name(user_name))
        if await self.failures.note_attempt(zone.id, digest):
            self._note("PrincipalAuthenticationFailure", provider)
            raise AccountLocked(detail="locked")
        try:
            vouched = await self._vouch(zone, provider, user_name, password)
        except BadCredentials:
            self._note("UserAuthenticationFailure", provider)
            raise
        async with self.database.transaction() as session:
            await self.failures.forget(session, zone.id, digest)
        user = vouched.user
        told = {"origin": provider.origin, "type": provider.type}
        self.audit.note(happened("UserAuthenticationSuccess", zone.id, "User", user.id, actor=user.user_name, new=told))
        return vouched

    async def _vouch(self, zone: Zone, provider: IdentityProvider, user_name: str, password: str) -> Vouched:
        config = provider.config
        assert isinstance(config, OidcConfig)  # noqa: S101 - no other provider takes passwords for us to hand on
        try:
            document = await self.partners.discover(config)
            answer = await self.partners.log_on(zone, config, document, user_name=user_name, password=password)
            token = answer.get("id_token")
            if not isinstance(token, str):
                raise TokenInvalid("the identity provider gave no id_token")
            keys = await self.partners.keys_of(document, oidc_tokens.key_id(token))
            now = self.clock()
            claims = oidc_tokens.verify(token, keys, ExpectedToken(config.issuer, config.client_id, None), now)
            everything = await self.partners.with_userinfo(document, answer, claims)
            who = identity.of_claims(everything, config.attributes, oidc_tokens.authenticated_at(claims, now))
            return Vouched(await self.shadow_users.log_on(provider, who), who.authenticated_at)
        except SamlInvalid as error:
            raise BadCredentials(detail=error.detail) from error
        except ShadowUserMissing as error:
            raise UserNotPreCreated(detail=error.detail) from error
        except UpstreamError as error:
            raise unavailable(error) from error

    def _note(self, event: str, provider: IdentityProvider) -> None:
        told = {"origin": provider.origin, "type": provider.type}
        self.audit.note(happened(event, provider.zid, "User", UNKNOWN_USER, new=told))
