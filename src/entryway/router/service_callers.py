"""Who calls with `x-approuter-authorization`: callers whose token or password was judged, remembered until that ends.

`XsuaaCallers` judges by the authorization server, `IdentityCallers` (in a module of its own) by the identity service.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from entryway.clients.tokens import TokenRefused, TokenSet
from entryway.errors import UpstreamUnreachable
from entryway.router.company_network import usable_until
from entryway.router.errors import ServiceAuthorizationMalformed, ServiceAuthorizationRefused
from entryway.router.sessions import Login
from entryway.router.uaa import Uaa
from entryway.router.user_token import parse_claims, read_login
from entryway.security import TokenInvalid, TokenValidator

MOST_KEPT = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True, eq=False)
class Caller:
    """A caller who was judged; what was found out for it may be used again until its token ends."""

    login: Login
    token_id: str
    """Tells the token from every other: its `jti`, or what stands for it."""
    until: float
    found: dict[Any, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class KnownCallers:
    """The callers of one process; the one who called longest ago is forgotten first."""

    clock: Callable[[], float]
    secret: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    callers: OrderedDict[bytes, Caller] = field(default_factory=OrderedDict)
    under_way: dict[bytes, asyncio.Task[Caller]] = field(default_factory=dict)

    def digest(self, kind: str, text: str) -> bytes:
        """Return under which name a caller is remembered who shows this."""
        return hmac.digest(self.secret, f"{kind} {text}".encode("utf-8", "surrogateescape"), hashlib.sha256)

    def find(self, digest: bytes) -> Caller | None:
        caller = self.callers.get(digest)
        if caller is None or self.clock() >= caller.until:
            return None
        self.callers.move_to_end(digest)
        return caller

    def keep(self, digest: bytes, login: Login) -> Caller:
        now = self.clock()
        until = usable_until(int(login.expires_at - now), now)
        caller = self.callers[digest] = Caller(login, token_id(login.access_token), until)
        if len(self.callers) > MOST_KEPT:
            self.callers.popitem(last=False)
        return caller

    async def find_or(self, digest: bytes, ask: Callable[[], Coroutine[Any, Any, Login]]) -> Caller:
        """Return a caller who is known, or find out who it is: once, however many calls wait for it."""
        known = self.find(digest)
        if known is not None:
            return known
        task = self.under_way.get(digest)
        if task is None:
            task = self.under_way[digest] = asyncio.get_running_loop().create_task(self._ask(digest, ask))
            task.add_done_callback(lambda _: self.under_way.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes, ask: Callable[[], Coroutine[Any, Any, Login]]) -> Caller:
        return self.keep(digest, await ask())


def token_id(token: str) -> str:
    """Return the token's own name for itself, or what tells it from every other."""
    jti = parse_claims(token).get("jti")
    return jti if isinstance(jti, str) and jti else hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class XsuaaCallers:
    """Callers with a token of the authorization server, or with a name and password that it knows."""

    uaa: Uaa
    validator: TokenValidator
    several_tenants: bool
    known: KnownCallers

    async def by_token(self, token: str) -> Caller:
        try:
            # Judged each time: the validator remembers tokens, and forgets them when their key is withdrawn.
            await self.validator.validate_async(token)
        except TokenInvalid as error:
            raise not_believed(error) from error
        digest = self.known.digest("token", token)
        return self.known.find(digest) or self.known.keep(digest, self._login(TokenSet(token, None, None, 0, "")))

    async def by_password(self, encoded: str, tenant: str | None) -> Caller:
        """Return who shows a name and a password, as `Basic` writes them; `tenant` is the subdomain to log in at."""
        username, password = _name_and_password(encoded)

        async def ask() -> Login:
            try:
                return self._login(await self._tokens(username, password, tenant))
            except TokenRefused as error:
                raise ServiceAuthorizationRefused(f"name and password: {error}") from error

        return await self.known.find_or(self.known.digest(f"basic {tenant or ''}", encoded), ask)

    async def _tokens(self, username: str, password: str, tenant: str | None) -> TokenSet:
        own = self.uaa.credentials
        there = own.at_tenant(tenant or own.identityzone or None)
        try:
            return await Uaa(self.uaa.http, there, self.uaa.timeout).password(username, password)
        except UpstreamUnreachable:
            if tenant is not None:
                raise
            # A server of this machine may have no name for its own tenant; nobody has been sent the password yet.
            return await self.uaa.password(username, password)

    def _login(self, tokens: TokenSet) -> Login:
        # For whom the token is was judged before, or the token endpoint made it for us: it may name another client.
        client = str(parse_claims(tokens.access_token).get("cid") or "")
        zone = "" if self.several_tenants else self.uaa.credentials.zone_id
        return read_login(tokens, self.known.clock(), client_id=client, zone_id=zone, refresh_ahead=None)


def not_believed(error: TokenInvalid) -> ServiceAuthorizationMalformed | ServiceAuthorizationRefused:
    """Return what a caller is told whose token is not to be believed."""
    if error.reason == "malformed":
        return ServiceAuthorizationMalformed("the token is not a JWT")
    return ServiceAuthorizationRefused(str(error))


def _name_and_password(encoded: str) -> tuple[str, str]:
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise ServiceAuthorizationMalformed("the credentials are not base64 of UTF-8 text") from None
    if not colon or not username or _CONTROL.search(username + password):
        raise ServiceAuthorizationMalformed("the credentials are no name and password")
    return username, password
