"""Gets tokens as the client of a binding, for itself or for a user, and keeps them while they last.

client = TokenClient(credentials)
tokens = client.client_credentials(scopes=["other!t1.Read"])
tokens = await client.exchange_async(user_token, subdomain="customer")
client.forget(tokens)                    # the service answered 401
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from entryway.security.flights import Flights
from entryway.security.token_request import (
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    REFRESH_TOKEN,
    TokenClientCredentials,
    Tokens,
    ask_for_tokens,
    parse_client,
    token_request,
)
from entryway.security.wire import Conversation, Request, client_context, converse, converse_async

if TYPE_CHECKING:
    import ssl

KEPT = 1000
# A token that is handed out must last until it has arrived and was used.
AHEAD = 60.0


class _Wanted(NamedTuple):
    """What a kept token was asked for with."""

    grant: str
    subject: str
    scopes: tuple[str, ...]
    subdomain: str | None
    zid: str | None


def _chance() -> float:
    return os.urandom(1)[0] / 255  # random would be imported for this alone, and cryptography's library with it


class TokenClient:
    """Safe to share between threads and event loops; among those who want the same token, one asks."""

    def __init__(
        self,
        credentials: TokenClientCredentials | Mapping[str, Any],
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = _chance,
    ) -> None:
        """Take the credentials of a binding; `tls` replaces the context that is made of the binding's certificate."""
        given = isinstance(credentials, TokenClientCredentials)
        self._client: TokenClientCredentials = credentials if given else parse_client(credentials)  # type: ignore[assignment, arg-type]
        self._tls = tls
        self._clock = clock
        self._chance = chance
        self._flights = Flights()
        self._kept: OrderedDict[_Wanted, tuple[Tokens, float]] = OrderedDict()
        self._guard = threading.Lock()

    def client_credentials(
        self, *, scopes: Sequence[str] = (), subdomain: str | None = None, zid: str | None = None
    ) -> Tokens:
        """Return a token of the client itself."""
        return self._get(_Wanted(CLIENT_CREDENTIALS, "", tuple(scopes), subdomain, zid))

    async def client_credentials_async(
        self, *, scopes: Sequence[str] = (), subdomain: str | None = None, zid: str | None = None
    ) -> Tokens:
        """Return a token of the client itself."""
        return await self._get_async(_Wanted(CLIENT_CREDENTIALS, "", tuple(scopes), subdomain, zid))

    def exchange(
        self, user_token: str, *, scopes: Sequence[str] = (), subdomain: str | None = None, zid: str | None = None
    ) -> Tokens:
        """Return a token of the same user for this client."""
        return self._get(_Wanted(JWT_BEARER, user_token, tuple(scopes), subdomain, zid))

    async def exchange_async(
        self, user_token: str, *, scopes: Sequence[str] = (), subdomain: str | None = None, zid: str | None = None
    ) -> Tokens:
        """Return a token of the same user for this client."""
        return await self._get_async(_Wanted(JWT_BEARER, user_token, tuple(scopes), subdomain, zid))

    def refresh(self, refresh_token: str, *, subdomain: str | None = None, zid: str | None = None) -> Tokens:
        """Return new tokens for a refresh token; they are not kept, for the caller must keep the new refresh token."""
        wanted = _Wanted(REFRESH_TOKEN, refresh_token, (), subdomain, zid)
        return converse(self._ask(wanted), self._context())

    async def refresh_async(
        self, refresh_token: str, *, subdomain: str | None = None, zid: str | None = None
    ) -> Tokens:
        """Return new tokens for a refresh token; they are not kept, for the caller must keep the new refresh token."""
        wanted = _Wanted(REFRESH_TOKEN, refresh_token, (), subdomain, zid)
        return await converse_async(self._ask(wanted), self._context())

    def forget(self, tokens: Tokens) -> None:
        """Drop a token that a service answered 401 to, so that the next one is new."""
        with self._guard:
            for wanted in [wanted for wanted, (kept, _) in self._kept.items() if kept == tokens]:
                del self._kept[wanted]

    def _get(self, wanted: _Wanted) -> Tokens:
        if (kept := self._find(wanted)) is not None:
            return kept
        with self._flights.of_threads(wanted):
            # Another thread may have got it while this one waited.
            return self._find(wanted) or self._keep(wanted, converse(self._ask(wanted), self._context()))

    async def _get_async(self, wanted: _Wanted) -> Tokens:
        if (kept := self._find(wanted)) is not None:
            return kept
        async with self._flights.of_tasks(wanted):
            kept = self._find(wanted)
            return kept or self._keep(wanted, await converse_async(self._ask(wanted), self._context()))

    def _ask(self, wanted: _Wanted) -> Conversation[Tokens]:
        return ask_for_tokens(self._request(wanted), self._chance)

    def _request(self, wanted: _Wanted) -> Request:
        grant = {"grant_type": wanted.grant}
        if wanted.grant == JWT_BEARER:
            grant |= {"response_type": "token", "assertion": wanted.subject}
        elif wanted.grant == REFRESH_TOKEN:
            grant |= {"refresh_token": wanted.subject}
        return token_request(self._client, grant, scopes=wanted.scopes, subdomain=wanted.subdomain, zid=wanted.zid)

    def _find(self, wanted: _Wanted) -> Tokens | None:
        with self._guard:
            tokens, until = self._kept.get(wanted, (None, 0.0))
            if tokens is None:
                return None
            if self._clock() >= until:
                del self._kept[wanted]
                return None
            self._kept.move_to_end(wanted)
            return tokens

    def _keep(self, wanted: _Wanted, tokens: Tokens) -> Tokens:
        with self._guard:
            self._kept[wanted] = (tokens, self._clock() + tokens.expires_in - AHEAD)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return tokens

    def _context(self) -> ssl.SSLContext | None:
        if self._tls is None and self._client.certificate:
            self._tls = client_context(self._client.certificate, self._client.key)
        return self._tls


def shared_token_client(credentials: Mapping[str, Any]) -> TokenClient:
    """Return the process's client for these credentials, so that what it keeps is shared."""
    return _shared(parse_client(credentials))


@lru_cache(maxsize=32)
def _shared(client: TokenClientCredentials) -> TokenClient:
    return TokenClient(client)


def scope_names(scopes: str | None) -> tuple[str, ...]:
    """Return the names in a list with commas or spaces."""
    return tuple((scopes or "").replace(",", " ").split())
