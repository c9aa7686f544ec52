"""The keys of an identity service, found by its discovery document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from entryway.clients.http import HttpClient, Timeouts, call
from entryway.config.identity import IdentityCredentials
from entryway.errors import UpstreamError
from entryway.security.errors import KeysUnavailable
from entryway.security.fetch import parse_keys
from entryway.security.jws import UnverifiedToken, verify
from entryway.security.keys import KeyCache

DISCOVERY = "/.well-known/openid-configuration"
LIMIT = 512 * 1024


class DiscoveredKeys:
    """Judges signatures; asks for the keys when they are not known, or must be the latest."""

    def __init__(
        self,
        http: HttpClient,
        credentials: IdentityCredentials,
        clock: Callable[[], float],
        timeout: Timeouts | None = None,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._clock = clock
        self._timeout = timeout
        self._known = KeyCache()
        self._asking = asyncio.Lock()

    async def verify(
        self, token: UnverifiedToken, *, latest: bool, credentials: IdentityCredentials | None = None
    ) -> None:
        """Return if the token is signed with one of the keys, else raise TokenInvalid; raise if they are not to be had.

        Anybody can send tokens, so that only who has shown to know something asks for the `latest` keys. The
        `credentials` are those at the tenant that the token says to be of, if that is not the application's own.
        """
        credentials = credentials or self._credentials
        place = f"{credentials.tenant} {credentials.url}"
        key = None if latest else self._known.find(place, token.kid, self._clock())
        if key is None:
            async with self._asking:
                key = None if latest else self._known.find(place, token.kid, self._clock())
                key = key or await self._fetch(credentials, place, token.kid)
        verify(token, key)

    async def _fetch(self, credentials: IdentityCredentials, place: str, kid: str) -> Any:
        now = self._clock()
        try:
            self._known.fetched(place, await self._ask(credentials), now)
        except (UpstreamError, KeysUnavailable):
            self._known.failed(place, now)
        # Raises for a key that is not among them, or if the keys are too old to be believed.
        key = self._known.find(place, kid, now)
        if key is None:
            raise KeysUnavailable("the identity service did not give out its keys")
        return key

    async def _ask(self, credentials: IdentityCredentials) -> dict[str, Any]:
        found = await self._get(f"{credentials.url}{DISCOVERY}", {})
        if found.status != 200:
            raise UpstreamError(credentials.url, f"the discovery document was answered with {found.status}")
        address = found.json_object().get("jwks_uri")
        if not isinstance(address, str) or not self._is_own(address):
            raise UpstreamError(credentials.url, "the discovery document names no address of its own for the keys")
        client = {
            "x-client_id": credentials.clientid,
            "x-azp": credentials.clientid,
            "x-app_tid": credentials.tenant,
        }
        answer = await self._get(address, client)
        return parse_keys(answer.status, answer.content)

    async def _get(self, url: str, headers: dict[str, str]) -> Any:
        headers = {"accept": "application/json"} | {name: value for name, value in headers.items() if value}
        return await call(self._http, "GET", url, headers=headers, timeout=self._timeout, limit=LIMIT)

    def _is_own(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        return self._credentials.trusts(f"{parts.scheme}://{parts.netloc}")
