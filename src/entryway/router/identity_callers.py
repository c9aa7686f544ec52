"""Callers with a token of the identity service: made for this application, or to be exchanged for one that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entryway.clients.tokens import TokenRefused, TokenSet
from entryway.errors import UpstreamError
from entryway.router.discovered_keys import DiscoveredKeys
from entryway.router.errors import ServiceAuthorizationMalformed, ServiceAuthorizationRefused
from entryway.router.errors import TokenInvalid as TokenUnusable
from entryway.router.ias_authority import IasAuthority
from entryway.router.ias_token import credentials_for, issuer_of, tenant_of
from entryway.router.service_callers import Caller, KnownCallers, not_believed
from entryway.router.sessions import Login
from entryway.router.user_token import parse_claims, read_audience
from entryway.security.claims import check_times
from entryway.security.errors import TokenInvalid
from entryway.security.jws import UnverifiedToken, take_apart


@dataclass(frozen=True, slots=True)
class IdentityCallers:
    """Judges by the bound identity service."""

    authority: IasAuthority
    keys: DiscoveredKeys
    known: KnownCallers

    def issued(self, token: str) -> bool:
        """Tell whether the token says to come from the identity service; that alone proves nothing."""
        try:
            issuer = issuer_of(parse_claims(token))
        except TokenUnusable:
            return False
        return issuer is not None and self.authority.service.credentials.trusts(issuer)

    async def by_token(self, token: str) -> Caller:
        try:
            unverified = self._read(token)
            if self.authority.service.credentials.clientid not in _for_whom(unverified.claims):
                raise TokenInvalid("audience")  # noqa: TRY301 - one way to refuse
            await self._verify(unverified)
        except TokenInvalid as error:
            raise not_believed(error) from error

        async def ask() -> Login:
            return await self._login(TokenSet(token, None, None, 0, ""), unverified.claims)

        return await self.known.find_or(self.known.digest("identity token", token), ask)

    async def by_access_token(self, token: str) -> Caller:
        """Return who shows a token that the identity service exchanges for one that backends take.

        For whom it was made is the service's to judge: it knows which applications may call this one.
        """
        if self.authority.service.credentials.secret is not None:
            raise ServiceAuthorizationRefused("x-approuter-access-token needs an identity service bound by certificate")
        try:
            unverified = self._read(token)
            if not isinstance(unverified.claims.get("jti"), str) or not unverified.claims["jti"]:
                raise ServiceAuthorizationMalformed("the token has no jti")
            await self._verify(unverified)
        except TokenInvalid as error:
            raise not_believed(error) from error

        async def ask() -> Login:
            authority = await self._authority(unverified.claims)
            try:
                tokens = await authority.service.exchange(token)
            except TokenRefused as error:
                raise ServiceAuthorizationRefused(f"the identity service does not take the token: {error}") from error
            if tokens.id_token is None:
                raise UpstreamError(authority.service.credentials.url, "the exchange gave no id_token")
            return await self._login(TokenSet(tokens.id_token, None, None, tokens.expires_in, ""), unverified.claims)

        return await self.known.find_or(self.known.digest("access token", token), ask)

    def _read(self, token: str) -> UnverifiedToken:
        unverified = take_apart(token)
        # These are refused in any case: nobody makes us ask for keys with them.
        check_times(unverified.claims, self.known.clock(), 0)
        issuer = issuer_of(unverified.claims)
        if issuer is None or not self.authority.service.credentials.trusts(issuer):
            raise TokenInvalid("issuer")
        tenant = tenant_of(unverified.claims)
        own = self.authority.service.credentials.tenant
        if own and tenant and tenant != own and self.authority.directory is None:
            raise TokenInvalid("other_tenant")
        return unverified

    async def _verify(self, unverified: UnverifiedToken) -> None:
        credentials = credentials_for(self.authority.service.credentials, unverified.claims)
        await self.keys.verify(unverified, latest=False, credentials=credentials)

    async def _authority(self, claims: Mapping[str, Any]) -> IasAuthority:
        """Return the authority of the token's tenant; another than our own must be one that the platform knows."""
        own, directory, tenant = self.authority.service.credentials, self.authority.directory, tenant_of(claims)
        if tenant in ("", own.tenant):
            return self.authority
        subdomain = "" if directory is None else await directory.subdomain_of(tenant)
        if directory is None or not subdomain:
            raise ServiceAuthorizationRefused("the platform does not know the token's tenant")
        there = own.at_tenant(tenant, own.url)
        if directory.several:
            await directory.learn(subdomain)
            there = directory.credentials_of(subdomain)
        # A neighbour's identity service speaks for its own tenant, and for nobody else's.
        if (there.tenant, there.url) != (tenant, credentials_for(own, claims).url):
            raise ServiceAuthorizationRefused("the token was issued elsewhere than its tenant's users log in")
        return self.authority.of_tenant(there, subdomain)

    async def _login(self, tokens: TokenSet, claims: Mapping[str, Any]) -> Login:
        authority = await self._authority(claims)
        try:
            return await authority.read(tokens)
        except TokenUnusable as error:
            raise ServiceAuthorizationRefused(error.detail) from error


def _for_whom(claims: Mapping[str, Any]) -> list[object]:
    return [*read_audience(claims), claims.get("azp")]
