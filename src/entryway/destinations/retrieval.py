"""Fetching tokens for destinations; a client's own tokens are kept until shortly before they end."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from entryway.clients.http import HttpClient, Timeouts, call, origin_of
from entryway.clients.tokens import TokenSet, parse_token_answer
from entryway.destinations.errors import TokenFailure
from entryway.destinations.token_service import TokenRequest
from entryway.errors import UpstreamError

ANSWER_LIMIT = 1024 * 1024
REMEMBERED = 2000
RENEW_AHEAD = 60.0
TOTAL_SECONDS = 30.0


@dataclass(slots=True)
class TokenRetrieval:
    """Sends token requests; `seconds` is a monotonic clock."""

    http: HttpClient
    seconds: Callable[[], float]
    _kept: OrderedDict[bytes, tuple[TokenSet, float]] = field(default_factory=OrderedDict)
    _flights: dict[bytes, asyncio.Lock] = field(default_factory=dict)

    async def fetch(self, request: TokenRequest) -> TokenSet:
        """Return a fresh token, or raise with what the token service says."""
        timeout = Timeouts(connect=request.connect_seconds, read=request.read_seconds, pool=request.read_seconds)
        try:
            async with asyncio.timeout(max(TOTAL_SECONDS, request.connect_seconds + request.read_seconds)):
                answer = await call(
                    self.http,
                    "POST",
                    request.url,
                    headers=request.headers,
                    form=request.form,
                    auth=request.basic,
                    timeout=timeout,
                    limit=ANSWER_LIMIT,
                )
            return parse_token_answer(answer, submitted=[*request.form.values(), *(request.basic or ())])
        except UpstreamError as error:
            raise TokenFailure(f"Could not retrieve a token from {error}") from error
        except TimeoutError as error:
            raise TokenFailure(
                f"Could not retrieve a token from {origin_of(request.url)}: no answer in time"
            ) from error

    async def fetch_kept(self, tenant: str, request: TokenRequest) -> TokenSet:
        """Return a token that may have been fetched before for the same tenant and the same request."""
        key = _key(tenant, request)
        # One question at a time: a hundred requests after a restart need one token.
        async with self._flights.setdefault(key, asyncio.Lock()):
            try:
                return await self._kept_or_fresh(key, request)
            finally:
                self._flights.pop(key, None)

    async def _kept_or_fresh(self, key: bytes, request: TokenRequest) -> TokenSet:
        if key in self._kept:
            tokens, until = self._kept[key]
            left = until - self.seconds()
            if left > RENEW_AHEAD:
                self._kept.move_to_end(key)
                return TokenSet(tokens.access_token, None, None, int(left), tokens.scope, tokens.token_type)
            del self._kept[key]
        tokens = await self.fetch(request)
        if tokens.expires_in > RENEW_AHEAD:
            self._kept[key] = (tokens, self.seconds() + tokens.expires_in)
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        return tokens


def _key(tenant: str, request: TokenRequest) -> bytes:
    # A hash, so that no secret is kept longer than the request that carried it.
    parts = [tenant, request.url, sorted(request.form.items()), sorted(request.headers.items()), request.basic]
    return sha256(json.dumps(parts).encode()).digest()
