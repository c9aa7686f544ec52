"""Judges tokens: form, key, signature, claims, in this order; what was judged once is remembered for a while."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from entryway.security.claims import check_claims, check_times, check_zone, texts
from entryway.security.context import SecurityContext
from entryway.security.credentials import ServiceCredentials, parse_credentials
from entryway.security.errors import KeysUnavailable, TokenInvalid
from entryway.security.fetch import fetch, fetch_async, key_url
from entryway.security.jws import TOKEN_LIMIT, UnverifiedToken, take_apart, verify
from entryway.security.keys import KeyCache

REMEMBERED = 1000
# A withdrawn key must not be believed much longer than the keys themselves are kept.
REMEMBER_SECONDS = 600.0
# One question at a time for a tenant's keys; tenants share this many locks, for their number is not ours to choose.
FLIGHTS = 16


@dataclass(slots=True)
class Remembered:
    """Contexts of tokens that were found good, by the hash of their text: least recently used ones go first."""

    size: int = REMEMBERED
    _entries: OrderedDict[bytes, tuple[SecurityContext, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, token: str, now: float) -> SecurityContext | None:
        """Return what was found of this token, if that was not long ago."""
        if len(token) > TOKEN_LIMIT or not token.isascii():
            return None  # not worth a hash: it cannot have been found good
        key = sha256(token.encode()).digest()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            context, until = entry
            if now >= until:
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return context

    def add(self, context: SecurityContext, now: float) -> None:
        """Remember a context until its token ends, but not for long."""
        with self._lock:
            until = min(float(context.claims["exp"]), now + REMEMBER_SECONDS)
            self._entries[sha256(context.token.encode()).digest()] = (context, until)
            while len(self._entries) > self.size:
                self._entries.popitem(last=False)


class TokenValidator:
    """Judges the tokens that reach one application; safe to share between threads and event loops."""

    def __init__(
        self,
        credentials: ServiceCredentials,
        *,
        leeway: float = 0.0,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        keys: KeyCache | None = None,
    ) -> None:
        self.credentials = credentials
        self._leeway = leeway
        self._tls = tls
        self._clock = clock
        self._keys = keys or KeyCache()
        self._remembered = Remembered()
        self._locks = tuple(threading.Lock() for _ in range(FLIGHTS))
        self._flights: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[asyncio.Lock, ...]] = WeakKeyDictionary()
        self._flights_lock = threading.Lock()

    def validate(self, token: str) -> SecurityContext:
        """Return what the token says, or raise `TokenInvalid`; may wait for the authorization server's keys."""
        now = self._clock()
        if (known := self._remembered.find(token, now)) is not None:
            return known
        unverified = self._acceptable(token, now)
        key = self._keys.find(unverified.zid, unverified.kid, now)
        if key is None:
            with self._locks[flight(unverified.zid)]:
                # Another thread may have fetched it while this one waited.
                key = self._keys.find(unverified.zid, unverified.kid, self._clock()) or self._fetch(unverified)
        return self._judge(unverified, key)

    async def validate_async(self, token: str) -> SecurityContext:
        """Return what the token says, or raise `TokenInvalid`; awaits only when keys must be fetched."""
        now = self._clock()
        if (known := self._remembered.find(token, now)) is not None:
            return known
        unverified = self._acceptable(token, now)
        return self._judge(unverified, await self._key_async(unverified, now))

    async def verified_claims_async(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that need not be meant for us: signature, time and tenant are judged alone."""
        now = self._clock()
        unverified = self._acceptable(token, now)
        verify(unverified, await self._key_async(unverified, now))
        return unverified.claims

    async def _key_async(self, unverified: UnverifiedToken, now: float) -> Any:
        key = self._keys.find(unverified.zid, unverified.kid, now)
        if key is None:
            async with self._flight(unverified.zid):
                key = self._keys.find(unverified.zid, unverified.kid, self._clock())
                key = key or await self._fetch_async(unverified)
        return key

    def _acceptable(self, token: str, now: float) -> UnverifiedToken:
        unverified = take_apart(token)
        # These would be refused afterwards in any case: nobody makes us ask for keys with them.
        check_zone(unverified.claims, self.credentials)
        check_times(unverified.claims, now, self._leeway)
        return unverified

    def _judge(self, unverified: UnverifiedToken, key: Any) -> SecurityContext:
        verify(unverified, key)
        now = self._clock()
        check_claims(unverified.claims, self.credentials, now, self._leeway)
        scopes = frozenset(texts(unverified.claims, "scope"))
        context = SecurityContext(unverified.text, unverified.claims, self.credentials, scopes)
        self._remembered.add(context, now)
        return context

    def _flight(self, zid: str) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        with self._flights_lock:
            locks = self._flights.get(loop)
            if locks is None:
                locks = self._flights[loop] = tuple(asyncio.Lock() for _ in range(FLIGHTS))
        return locks[flight(zid)]

    def _fetch(self, token: UnverifiedToken) -> Any:
        try:
            keys = fetch(key_url(self.credentials.key_domain, token.zid), token.zid, self._tls)
        except KeysUnavailable as error:
            return self._without_answer(token, error)
        return self._answered(token, keys)

    async def _fetch_async(self, token: UnverifiedToken) -> Any:
        try:
            keys = await fetch_async(key_url(self.credentials.key_domain, token.zid), token.zid, self._tls)
        except KeysUnavailable as error:
            return self._without_answer(token, error)
        return self._answered(token, keys)

    def _answered(self, token: UnverifiedToken, keys: dict[str, Any]) -> Any:
        self._keys.fetched(token.zid, keys, self._clock())
        if token.kid not in keys:
            raise TokenInvalid("unknown_key", repr(token.kid[:100]))
        return keys[token.kid]

    def _without_answer(self, token: UnverifiedToken, error: KeysUnavailable) -> Any:
        now = self._clock()
        self._keys.failed(token.zid, now)
        key = self._keys.find(token.zid, token.kid, now)
        if key is None:
            raise error
        return key


def flight(zid: str) -> int:
    """Return which of the locks is this tenant's."""
    return hash(zid) % FLIGHTS


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
