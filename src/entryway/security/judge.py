"""How any token is judged: form, key, signature, claims, in this order; what was found good is remembered."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from entryway.security.errors import TokenInvalid
from entryway.security.jwks_client import JwksClient, KeyPlace
from entryway.security.jws import UnverifiedToken, take_apart, verify
from entryway.security.keys import KeyCache
from entryway.security.remembered import Remembered
from entryway.security.wire import Conversation

if TYPE_CHECKING:
    import ssl

Context = TypeVar("Context")


class Judge(ABC, Generic[Context]):
    """Judges the tokens that reach one application; safe to share between threads and event loops."""

    def __init__(
        self,
        *,
        leeway: float = 0.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        keys: KeyCache | None = None,
    ) -> None:
        self.leeway = leeway
        self._clock = clock
        self._jwks = JwksClient(keys or KeyCache(), clock, tls)
        self._remembered: Remembered[Context] = Remembered()

    @abstractmethod
    def acceptable(self, claims: Mapping[str, Any], now: float) -> None:
        """Return if the token could be good; what is refused here makes nobody ask for keys."""

    @abstractmethod
    def key_place(self, token: UnverifiedToken) -> KeyPlace:
        """Return whose keys the token must be signed with."""

    @abstractmethod
    def ask_for_keys(self, token: UnverifiedToken) -> Conversation[dict[str, Any]]:
        """Ask for those keys."""

    @abstractmethod
    def context(self, token: UnverifiedToken) -> Context:
        """Return what a token says whose signature is good; raise if it is not meant for us."""

    def validate(self, token: str) -> Context:
        """Return what the token says, or raise `TokenInvalid`; may wait for the server's keys."""
        if (known := self._remembered.find(token, self._clock())) is not None:
            return known
        unverified, place, key = self._prepare(token)
        if key is None:
            key = self._jwks.resolve(place, unverified.kid, lambda: self.ask_for_keys(unverified))
        return self._judged(unverified, key)

    async def validate_async(self, token: str) -> Context:
        """Return what the token says, or raise `TokenInvalid`; awaits only when keys must be fetched."""
        if (known := self._remembered.find(token, self._clock())) is not None:
            return known
        unverified, place, key = self._prepare(token)
        if key is None:
            key = await self._jwks.resolve_async(place, unverified.kid, lambda: self.ask_for_keys(unverified))
        return self._judged(unverified, key)

    async def verified_claims_async(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that need not be meant for us: signature, time and tenant are judged alone."""
        unverified, place, key = self._prepare(token)
        if key is None:
            key = await self._jwks.resolve_async(place, unverified.kid, lambda: self.ask_for_keys(unverified))
        verify(unverified, key)
        return unverified.claims

    def _prepare(self, token: str) -> tuple[UnverifiedToken, KeyPlace, Any | None]:
        now = self._clock()
        unverified = take_apart(token)
        self.acceptable(unverified.claims, now)
        place = self.key_place(unverified)
        return unverified, place, self._jwks.find(place, unverified.kid, now)

    def _judged(self, unverified: UnverifiedToken, key: Any) -> Context:
        verify(unverified, key)
        context = self.context(unverified)
        expires, now = unverified.claims["exp"], self._clock()
        if now >= expires + self.leeway:  # while we waited for the keys
            raise TokenInvalid("expired")
        self._remembered.add(unverified.text, context, expires, now)
        return context
