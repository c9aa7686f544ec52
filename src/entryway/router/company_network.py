"""The way into a company network: requests in absolute-form to the connectivity proxy, with a token that opens it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from urllib.parse import urlsplit

from entryway.config.bindings import ConnectivityCredentials, OAuthCredentials
from entryway.config.xs_app_destinations import EnvironmentDestination
from entryway.http import Origin
from entryway.router.backends import Backend, Header
from entryway.router.origins import origin_of, timeouts_of
from entryway.router.uaa import Uaa

RENEW_AHEAD = 60.0
SHORTEST = 5.0


@dataclass(frozen=True, slots=True)
class KeptToken:
    """A token and when to stop using it."""

    value: str
    until: float


class ClientToken:
    """The token of one of the application's own clients, fetched once for all and renewed ahead of its end."""

    def __init__(self, uaa: Uaa, credentials: OAuthCredentials, clock: Callable[[], float]) -> None:
        self._uaa = uaa
        self._credentials = credentials
        self._clock = clock
        self._kept: KeptToken | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> KeptToken:
        """Return a token that is valid for some time."""
        kept = self._kept
        if kept is not None and self._clock() < kept.until:
            return kept
        async with self._lock:
            kept = self._kept
            if kept is None or self._clock() >= kept.until:
                tokens = await self._uaa.client_token(self._credentials)
                kept = self._kept = KeptToken(tokens.access_token, usable_until(tokens.expires_in, self._clock()))
            return kept


def usable_until(expires_in: int, now: float) -> float:
    """Return until when a token is used: not to its very end, for it must last on its way."""
    return now + max(SHORTEST, expires_in - RENEW_AHEAD) if expires_in > SHORTEST else now + expires_in / 2


@dataclass(frozen=True, slots=True)
class CompanyNetwork:
    """The connectivity proxy of one binding."""

    credentials: ConnectivityCredentials
    tokens: Callable[[str | None], ClientToken]
    """The application's token for the proxy, by the tenant's subdomain."""

    def origin(self, url: str, partition: Hashable) -> tuple[Origin, str]:
        """Return how to reach a virtual host; it is always asked by http, whatever the connector speaks behind it."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return origin_of(f"http://{host}:{port}{parts.path}", None, proxy=self.credentials.proxy, partition=partition)

    async def headers(
        self, location_id: str | None = None, user_token: str | None = None, tenant: str | None = None
    ) -> tuple[tuple[Header, ...], float]:
        """Return what the proxy wants to see, and until when it is good."""
        kept = await self.tokens(tenant).get()
        headers = [(b"proxy-authorization", f"Bearer {kept.value}".encode("latin-1"))]
        if location_id:
            headers.append((b"sap-connectivity-scc-location_id", location_id.encode("latin-1", "replace")))
        if user_token:
            headers.append((b"sap-connectivity-authentication", f"Bearer {user_token}".encode("latin-1")))
        return tuple(headers), kept.until

    async def environment_backend(self, destination: EnvironmentDestination, tenant: str | None) -> Backend:
        """Return the backend for a destination of the environment with `proxyType` OnPremise."""
        origin, path = self.origin(destination.url, tenant)
        headers, _ = await self.headers(tenant=tenant)
        return Backend(
            name=destination.name,
            origin=origin,
            base_path=path,
            timeouts=timeouts_of(destination.timeout_ms),
            forwarded_headers=destination.set_x_forwarded_headers,
            preserve_host=destination.preserve_host,
            on_premise=True,
            headers=headers,
            replaced=frozenset(name for name, _ in headers),
        )
