"""Judges the tokens of an authorization server."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from entryway.security.claims import check_recipient, check_times, check_zone, texts
from entryway.security.context import SecurityContext
from entryway.security.credentials import ServiceCredentials, parse_credentials
from entryway.security.fetch import ask_for_keys, key_url
from entryway.security.judge import Judge
from entryway.security.jwks_client import KeyPlace
from entryway.security.jws import UnverifiedToken
from entryway.security.keys import KeyCache
from entryway.security.wire import Conversation

if TYPE_CHECKING:
    import ssl


class TokenValidator(Judge[SecurityContext]):
    """Judges the tokens that the bound authorization server issues for one application."""

    def __init__(
        self,
        credentials: ServiceCredentials,
        *,
        leeway: float = 0.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        keys: KeyCache | None = None,
    ) -> None:
        super().__init__(leeway=leeway, tls=tls, clock=clock, keys=keys)
        self.credentials = credentials

    def acceptable(self, claims: Mapping[str, Any], now: float) -> None:
        check_zone(claims, self.credentials)
        check_times(claims, now, self.leeway)

    def key_place(self, token: UnverifiedToken) -> KeyPlace:
        return KeyPlace(self.credentials.key_domain, token.claims["zid"])

    def ask_for_keys(self, token: UnverifiedToken) -> Conversation[dict[str, Any]]:
        return ask_for_keys(key_url(self.credentials.key_domain, token.zid), token.zid)

    def context(self, token: UnverifiedToken) -> SecurityContext:
        check_recipient(token.claims, self.credentials)
        return SecurityContext(token.text, self.credentials, frozenset(texts(token.claims, "scope")))


@lru_cache(maxsize=32)
def shared_validator(credentials: ServiceCredentials) -> TokenValidator:
    """Return the process's validator for these credentials, so that its memory is shared."""
    return TokenValidator(credentials)


def create_security_context(token: str, credentials: Any) -> SecurityContext:
    """Return what `token` says; `credentials` are those of the binding, as an object or as its JSON has them."""
    return shared_validator(_parsed(credentials)).validate(token)


async def create_security_context_async(token: str, credentials: Any) -> SecurityContext:
    """Return what `token` says, without blocking the event loop while keys are fetched."""
    return await shared_validator(_parsed(credentials)).validate_async(token)


def _parsed(credentials: Any) -> ServiceCredentials:
    return credentials if isinstance(credentials, ServiceCredentials) else parse_credentials(credentials)
