"""Applications with an identity service beside the authorization server: the token's audience says who judges it.

    validator = HybridValidator(TokenValidator(find_credentials()), IdentityTokenValidator(find_identity()))
    validator = HybridValidator(..., exchange=TokenClient(credentials))  # users get their scopes

A token of the identity service says who somebody is, and nothing of scopes. With `exchange` it is exchanged at the
authorization server (jwt-bearer, in the tenant that it names), and what that says counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from entryway.security.claims import named_applications
from entryway.security.errors import TokenInvalid
from entryway.security.identity import IdentityTokenValidator
from entryway.security.identity_context import IdentityContext, tenant_of
from entryway.security.jws import take_apart
from entryway.security.rules import AnyContext
from entryway.security.token_client import TokenClient
from entryway.security.token_request import ExchangeFailed, Tokens
from entryway.security.validator import TokenValidator


@dataclass(frozen=True, slots=True)
class HybridValidator:
    """Judges tokens of both services; to choose is no decision on trust, for each believes its own keys alone."""

    xsuaa: TokenValidator
    identity: IdentityTokenValidator
    exchange: TokenClient | None = None

    def validate(self, token: str) -> AnyContext:
        """Return what the token says, or raise `TokenInvalid`; may wait for keys and for the exchange."""
        if not self._is_for_identity(token):
            return self.xsuaa.validate(token)
        context = self.identity.validate(token)
        if self.exchange is None or context.is_technical():
            return context
        try:
            tokens = self.exchange.exchange(token, zid=tenant_of(context.claims) or None)
        except ExchangeFailed as error:
            raise _refusal(error) from error
        return self._exchanged(context, self.xsuaa.validate(tokens.access_token), tokens)

    async def validate_async(self, token: str) -> AnyContext:
        """Return what the token says, or raise `TokenInvalid`, without blocking the event loop."""
        if not self._is_for_identity(token):
            return await self.xsuaa.validate_async(token)
        context = await self.identity.validate_async(token)
        if self.exchange is None or context.is_technical():
            return context
        try:
            tokens = await self.exchange.exchange_async(token, zid=tenant_of(context.claims) or None)
        except ExchangeFailed as error:
            raise _refusal(error) from error
        return self._exchanged(context, await self.xsuaa.validate_async(tokens.access_token), tokens)

    def _is_for_identity(self, token: str) -> bool:
        return self.identity.credentials.clientid in named_applications(take_apart(token).claims)

    def _exchanged(self, before: IdentityContext, after: AnyContext, tokens: Tokens) -> AnyContext:
        tenant = tenant_of(before.claims)
        if tenant and after.get_zone_id() != tenant:
            if self.exchange is not None:
                self.exchange.forget(tokens)
            raise TokenInvalid("other_tenant", "the exchanged token is of another tenant")
        return after


def _refusal(error: ExchangeFailed) -> Exception:
    # What the authorization server refuses, it does not know or not let in; anything else is no verdict.
    return TokenInvalid("exchange", error.detail) if error.answered in {400, 401, 403} else error
