"""Finds the key that a token says to be signed with: among those known, or by asking the server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from entryway.security.errors import KeysUnavailable, TokenInvalid
from entryway.security.flights import Flights
from entryway.security.keys import KeyCache
from entryway.security.wire import Conversation, converse, converse_async

if TYPE_CHECKING:
    import ssl

Ask = Callable[[], Conversation[dict[str, Any]]]


class KeyPlace(NamedTuple):
    """Whose keys: `host` gives them out, `owner` is what they are remembered by."""

    host: str
    owner: str


class JwksClient:
    """Knows keys by place and id; safe to share between threads and event loops."""

    def __init__(self, cache: KeyCache, clock: Callable[[], float], tls: ssl.SSLContext | None) -> None:
        self._cache = cache
        self._clock = clock
        self._tls = tls
        self._flights = Flights()

    def find(self, place: KeyPlace, kid: str, now: float) -> Any | None:
        """Return the key, or None if the server must be asked; raise if asking would be of no use."""
        if place.host in _PINNED:
            return _pinned(place.host, kid)
        return self._cache.find(place.owner, kid, now)

    def resolve(self, place: KeyPlace, kid: str, ask: Ask) -> Any:
        """Return the key; waits for the server's answer."""
        with self._flights.of_threads(place.owner):
            # Another thread may have fetched it while this one waited.
            key = self.find(place, kid, self._clock())
            if key is not None:
                return key
            try:
                keys = converse(ask(), self._tls)
            except KeysUnavailable as error:
                return self._without_answer(place, kid, error)
            return self._answered(place, kid, keys)

    async def resolve_async(self, place: KeyPlace, kid: str, ask: Ask) -> Any:
        """Return the key, without blocking the event loop while the server is asked."""
        async with self._flights.of_tasks(place.owner):
            key = self.find(place, kid, self._clock())
            if key is not None:
                return key
            try:
                keys = await converse_async(ask(), self._tls)
            except KeysUnavailable as error:
                return self._without_answer(place, kid, error)
            return self._answered(place, kid, keys)

    def _answered(self, place: KeyPlace, kid: str, keys: Mapping[str, Any]) -> Any:
        self._cache.fetched(place.owner, keys, self._clock())
        if kid not in keys:
            raise TokenInvalid("unknown_key", repr(kid[:100]))
        return keys[kid]

    def _without_answer(self, place: KeyPlace, kid: str, error: KeysUnavailable) -> Any:
        now = self._clock()
        self._cache.failed(place.owner, now)
        # Without a key that is not too old, the first reason is the one to tell.
        with suppress(KeysUnavailable):
            key = self._cache.find(place.owner, kid, now)
            if key is not None:
                return key
        raise error


# Hosts that do not exist, whose keys a test has instead: see `entryway.testing.pytest_plugin`.
_PINNED: dict[str, Mapping[str, Any]] = {}
_PINNING = threading.Lock()


@contextmanager
def pinned_keys(host: str, keys: Mapping[str, Any]) -> Iterator[None]:
    """Believe exactly these keys of `host` within the block, and ask it nothing."""
    with _PINNING:
        if host in _PINNED:
            raise ValueError(f"the keys of {host} are pinned already")
        _PINNED[host] = keys
    try:
        yield
    finally:
        del _PINNED[host]


def _pinned(host: str, kid: str) -> Any:
    key = _PINNED[host].get(kid)
    if key is None:
        raise TokenInvalid("unknown_key", repr(kid[:100]))
    return key
