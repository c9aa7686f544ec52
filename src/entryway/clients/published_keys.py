"""Public keys that others publish at an address: fetched, remembered, and asked for again when one is not known."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from entryway.clients.http import call
from entryway.errors import UpstreamError
from entryway.oauth import client_assertions
from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entryway.clients.http import HttpClient
    from entryway.oauth.client_assertions import Key

log = get_logger(__name__)

FRESH = timedelta(minutes=10)
# Anybody can send assertions with made-up key ids; they cannot make us ask more often than this.
PAUSE = timedelta(seconds=30)
MOST_KEYS = 50
MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Sequence[tuple[str | None, Key]]
    at: datetime


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """Remembers what it fetched, and asks again for a key that it does not know."""

    http: HttpClient
    clock: Callable[[], datetime]
    _fetched: dict[str, _Fetched] = field(default_factory=dict)
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def at(self, uri: str, kid: str | None) -> Sequence[tuple[str | None, Key]]:
        """Return the keys that are published at an address, which should hold the one named `kid`."""
        async with self._asking.setdefault(uri, asyncio.Lock()):
            known, now = self._fetched.get(uri), self.clock()
            if known is not None and now - known.at < (FRESH if _holds(known, kid) else PAUSE):
                return known.keys
            fetched = _Fetched(await self._fetch(uri, known), now)
            self._fetched[uri] = fetched
            while len(self._fetched) > MOST_REMEMBERED:
                oldest = next(iter(self._fetched))
                del self._fetched[oldest]
                self._asking.pop(oldest, None)
        return fetched.keys

    async def _fetch(self, uri: str, known: _Fetched | None) -> Sequence[tuple[str | None, Key]]:
        try:
            answer = await call(self.http, "GET", uri, headers={"accept": "application/json"})
            document: Any = json.loads(answer.content) if answer.status == 200 else None
        except (UpstreamError, ValueError, RecursionError):
            document = None
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list):
            log.warning("published_keys_unavailable", uri=uri)
            return known.keys if known is not None else ()
        return client_assertions.keys_of([jwk for jwk in listed[:MOST_KEYS] if isinstance(jwk, dict)])


def _holds(fetched: _Fetched, kid: str | None) -> bool:
    return any(kid is None or name in {None, kid} for name, _ in fetched.keys)
