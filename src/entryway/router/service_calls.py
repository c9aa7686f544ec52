"""Calls of services that bring a token instead of a session: `x-approuter-authorization`.

Such a call has no browser behind it: no cookie names it, and nobody can forge it from a page. What would be kept in a
session lives as long as the request; session cookies of backends go to the caller, sealed, in one cookie.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from entryway.clients.tokens import TokenRefused, TokenSet
from entryway.http import Request
from entryway.router.backend_cookies import BackendCookie, CookieJar
from entryway.router.company_network import usable_until
from entryway.router.cookies import cookie_value
from entryway.router.errors import ServiceAuthorizationMalformed, ServiceAuthorizationRefused
from entryway.router.sessions import Login, Session
from entryway.router.tenants import Tenants
from entryway.router.uaa import Uaa
from entryway.router.user_token import parse_claims, read_login
from entryway.security import TokenInvalid, TokenValidator
from entryway.telemetry import get_logger

log = get_logger("router.service_calls")

HEADER = b"x-approuter-authorization"
COOKIE = "ARBE"
MOST_KEPT = 1000
LONGEST_COOKIE = 8192
NONCE_BYTES = 12
TAG_BYTES = 16
_AUTHORIZATION = re.compile(r"(bearer|basic) +(\S+) *", re.IGNORECASE)
_SEALED = re.compile(r"([0-9a-f]{24}):((?:[0-9a-f]{2})*):([0-9a-f]{32})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ServiceSession(Session):
    """What is known of the caller, for one request; kept nowhere."""

    __slots__ = ()
    browser: ClassVar[bool] = False


@dataclass(slots=True, eq=False)
class Caller:
    """A caller whose token was judged; what was found out for it may be used again until the token ends."""

    login: Login
    until: float
    found: dict[Any, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ServiceCalls:
    """The calls of services to one application."""

    uaa: Uaa
    validator: TokenValidator
    tenants: Tenants | None
    cookies: CookieSeal
    clock: Callable[[], float]
    secret: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    callers: OrderedDict[bytes, Caller] = field(default_factory=OrderedDict)
    under_way: dict[bytes, asyncio.Task[Caller]] = field(default_factory=dict)

    async def session(self, request: Request, given: bytes) -> Session:
        """Return the session of a call with this authorization, or raise."""
        found = _AUTHORIZATION.fullmatch(given.decode("latin-1"))
        if found is None:
            raise ServiceAuthorizationMalformed("neither Bearer nor Basic")
        tenant = None if self.tenants is None else self.tenants.of(request)
        if found[1].lower() == "bearer":
            caller = await self._by_token(found[2])
        else:
            caller = await self._by_password(found[2], tenant)
        session = ServiceSession("", b"", b"", self.clock(), caller.login, found=caller.found)
        sealed = cookie_value(request.headers.get(b"cookie"), COOKIE)
        if sealed is not None:
            session.jars = self.cookies.unseal(sealed, caller.login)
        return session

    def add_cookies(self, raw: list[tuple[bytes, bytes]], session: Session) -> None:
        """Append the cookie that holds the session cookies of backends for the caller."""
        if session.login is None:
            return
        line = self.cookies.line(session.jars, session.login, os.urandom(NONCE_BYTES))
        if line is None:
            log.warning("backend_cookies_too_many", user=session.login.user)
        else:
            raw.append((b"set-cookie", line.encode("ascii")))

    async def _by_token(self, token: str) -> Caller:
        try:
            # Judged each time: the validator remembers tokens, and forgets them when their key is withdrawn.
            await self.validator.validate_async(token)
        except TokenInvalid as error:
            if error.reason == "malformed":
                raise ServiceAuthorizationMalformed("the token is not a JWT") from error
            raise ServiceAuthorizationRefused(str(error)) from error
        digest = hmac.digest(self.secret, b"token " + token.encode("latin-1"), hashlib.sha256)
        known = self._known(digest)
        return known or self._keep(digest, self._login(TokenSet(token, None, None, 0, "")))

    async def _by_password(self, encoded: str, tenant: str | None) -> Caller:
        username, password = _name_and_password(encoded)
        place = f"basic {tenant or ''} ".encode()
        digest = hmac.digest(self.secret, place + encoded.encode("latin-1"), hashlib.sha256)
        known = self._known(digest)
        if known is not None:
            return known
        task = self.under_way.get(digest)
        if task is None:
            asking = self._ask(digest, username, password, tenant)
            task = self.under_way[digest] = asyncio.get_running_loop().create_task(asking)
            task.add_done_callback(lambda _: self.under_way.pop(digest, None))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes, username: str, password: str, tenant: str | None) -> Caller:
        uaa = Uaa(self.uaa.http, self.uaa.credentials.at_tenant(tenant), self.uaa.timeout)
        try:
            tokens = await uaa.password(username, password)
        except TokenRefused as error:
            raise ServiceAuthorizationRefused(f"name and password: {error}") from error
        return self._keep(digest, self._login(tokens))

    def _login(self, tokens: TokenSet) -> Login:
        # For whom the token is was judged before, or the token endpoint made it for us: it may name another client.
        client = str(parse_claims(tokens.access_token).get("cid") or "")
        zone = "" if self.tenants is not None else self.uaa.credentials.zone_id
        return read_login(tokens, self.clock(), client_id=client, zone_id=zone, refresh_ahead=None)

    def _known(self, digest: bytes) -> Caller | None:
        caller = self.callers.get(digest)
        if caller is None or self.clock() >= caller.until:
            return None
        self.callers.move_to_end(digest)
        return caller

    def _keep(self, digest: bytes, login: Login) -> Caller:
        now = self.clock()
        caller = self.callers[digest] = Caller(login, usable_until(int(login.expires_at - now), now))
        if len(self.callers) > MOST_KEPT:
            self.callers.popitem(last=False)
        return caller


class CookieSeal:
    """Seals backends' session cookies for one caller: nobody reads or changes them, and nobody else may use them."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(secret, b"entryway router backend cookies", hashlib.sha256))

    def line(self, jars: dict[str, CookieJar], login: Login, chance: bytes) -> str | None:
        """Return the Set-Cookie line, or None if the cookies are too many for one; `chance` is 12 random bytes."""
        content = [
            [name, *(_text(part) for part in (cookie.name, cookie.value, cookie.path, cookie.domain, cookie.host))]
            for name, jar in jars.items()
            for cookie in jar.cookies.values()
        ]
        sealed = self._cipher.encrypt(chance, json.dumps(content, separators=(",", ":")).encode(), _whose(login))
        text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        line = f"{COOKIE}={chance.hex()}:{text.hex()}:{tag.hex()}; Path=/; HttpOnly;"
        return line if len(line) <= LONGEST_COOKIE else None

    def unseal(self, sealed: str, login: Login) -> dict[str, CookieJar]:
        """Return the cookies; what we did not seal for this caller counts as none."""
        found = _SEALED.fullmatch(sealed)
        if found is None or len(sealed) > LONGEST_COOKIE:
            return {}
        nonce, text, tag = (bytes.fromhex(part) for part in found.groups())
        try:
            content = json.loads(self._cipher.decrypt(nonce, text + tag, _whose(login)))
        except InvalidTag:
            return {}
        jars: dict[str, CookieJar] = {}
        for jar, name, value, path, domain, host in content:
            own = None if domain is None else _bytes(domain)
            cookie = BackendCookie(_bytes(name), _bytes(value), _bytes(path), own, _bytes(host))
            jars.setdefault(jar, CookieJar()).cookies[cookie.name, cookie.path, cookie.domain] = cookie
        return jars


def _whose(login: Login) -> bytes:
    who = [str(login.claims.get(name) or "") for name in ("zid", "sub", "user_name")]
    return json.dumps(who).encode()


def _text(part: bytes | None) -> str | None:
    return None if part is None else part.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _name_and_password(encoded: str) -> tuple[str, str]:
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise ServiceAuthorizationMalformed("the credentials are not base64 of UTF-8 text") from None
    if not colon or not username or _CONTROL.search(username + password):
        raise ServiceAuthorizationMalformed("the credentials are no name and password")
    return username, password
