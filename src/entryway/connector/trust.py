"""Whether a user's token is believed here, in the company: by whom it was issued, for which tenant, and until when."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from entryway.connector.configuration import PropagationSection
from entryway.security.claims import check_times
from entryway.security.errors import KeysUnavailable, TokenInvalid
from entryway.security.fetch import fetch_async, key_url
from entryway.security.jws import UnverifiedToken, take_apart, verify
from entryway.security.keys import KeyCache
from entryway.tunnel.failures import IssuerUnreachable, PrincipalInvalid, PrincipalUntrusted

REMEMBERED = 1000
# A withdrawn key must not be believed much longer than the keys themselves are kept.
REMEMBER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Believed:
    """An issuer that this connector believes, and where its keys are."""

    issuer: str
    key_domain: str
    tls: ssl.SSLContext
    keys: KeyCache = field(default_factory=KeyCache)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class UserTokens:
    """Verifies the tokens of users; the tenant is the one that this connector was paired for."""

    def __init__(
        self,
        settings: PropagationSection,
        zid: str,
        tls_of: Callable[[str | None], ssl.SSLContext],
        now: Callable[[], float],
    ) -> None:
        self._issuers = {
            each.issuer: Believed(each.issuer, each.key_domain, tls_of(each.ca)) for each in settings.trusted_issuers
        }
        self._zid = zid
        self._tolerance = settings.expiration_tolerance_minutes * 60.0
        self._now = now
        self._known: OrderedDict[bytes, tuple[Mapping[str, Any], float]] = OrderedDict()

    async def verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that is believed, or raise."""
        digest = sha256(token.encode("latin-1")).digest()
        known = self._known.get(digest)
        if known is not None and self._now() < known[1]:
            self._known.move_to_end(digest)
            return known[0]
        claims = await self._judge(token)
        until = min(float(claims["exp"]) + self._tolerance, self._now() + REMEMBER_SECONDS)
        self._known[digest] = (claims, until)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return claims

    async def _judge(self, token: str) -> Mapping[str, Any]:
        try:
            unverified = take_apart(token)
            believed = self._believed(unverified)
            check_times(unverified.claims, self._now(), self._tolerance)
            verify(unverified, await self._key(believed, unverified))
        except TokenInvalid as error:
            raise PrincipalInvalid(detail=error.detail) from error
        except KeysUnavailable as error:
            raise IssuerUnreachable(detail=error.detail) from error
        return unverified.claims

    def _believed(self, token: UnverifiedToken) -> Believed:
        issuer = token.claims.get("iss")
        believed = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if believed is None:
            raise PrincipalUntrusted(detail=f"issuer {str(issuer)[:200]!r} is not trusted")
        if token.zid != self._zid:
            raise PrincipalUntrusted(detail="the token is of another tenant than the tunnel")
        return believed

    async def _key(self, believed: Believed, token: UnverifiedToken) -> Any:
        key = believed.keys.find(token.zid, token.kid, self._now())
        if key is not None:
            return key
        async with believed.lock:
            # Another request may have fetched it while this one waited.
            key = believed.keys.find(token.zid, token.kid, self._now())
            return key or await self._fetch(believed, token)

    async def _fetch(self, believed: Believed, token: UnverifiedToken) -> Any:
        try:
            keys = await fetch_async(key_url(believed.key_domain, token.zid), token.zid, believed.tls)
        except KeysUnavailable:
            believed.keys.failed(token.zid, self._now())
            # What was fetched before is good for a while longer.
            key = believed.keys.find(token.zid, token.kid, self._now())
            if key is None:
                raise
            return key
        believed.keys.fetched(token.zid, keys, self._now())
        if token.kid not in keys:
            raise TokenInvalid("unknown_key", repr(token.kid[:100]))
        return keys[token.kid]
