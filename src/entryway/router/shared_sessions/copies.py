"""What this process knows of a session, and how that and what the store knows become one: nothing that either side
added since they last agreed is lost.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from entryway.router.backend_cookies import BackendCookie
from entryway.router.sessions import Login, Session
from entryway.router.shared_sessions.codec import (
    COOKIE,
    IDENTITY,
    CookiePlace,
    Cookies,
    cookie_field,
    cookies_of,
    decode_cookie,
    decode_identity,
    encode_cookie,
    encode_identity,
    jars_of,
)
from entryway.router.shared_sessions.keys import NONCE_BYTES, SharedKeys, Unreadable

if TYPE_CHECKING:
    from entryway.router.shared_sessions.changes import Changes


@dataclass(slots=True, eq=False)
class Copy:
    """A session in this process, and what of it the store is known to have."""

    session: Session
    key: bytes
    """Its key in the store."""
    name: bytes
    """Its name in the stream of changes."""
    changes: Changes
    version: int = 0
    """0: the store never confirmed it."""
    stale: bool = True
    """Whether the store may know more."""
    confirmed: float = 0.0
    """When the store last said that the session exists, by the wall clock."""
    prolonged: float = 0.0
    stored_login: Login | None = None
    noted_login: Login | None = None
    """The login by whose name at the identity service the store finds the session."""
    stored_cookies: Cookies = field(default_factory=dict, repr=False)
    seal: bytes = b""
    """Tells the stored identity from a later one."""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    asking: asyncio.Task[None] | None = field(default=None, repr=False)

    def lost(self) -> None:
        """Note that the store has nothing of the session any more."""
        self.version, self.stale = 0, True
        self.stored_login, self.stored_cookies, self.seal = None, {}, b""
        self.noted_login = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What this process added to a session, or took away, since it last agreed with the store."""

    identity: bool
    put: Cookies
    gone: frozenset[CookiePlace]

    def __bool__(self) -> bool:
        return self.identity or bool(self.put) or bool(self.gone)


def difference(copy: Copy) -> Difference:
    """Return what the store does not know yet."""
    local, stored = cookies_of(copy.session.jars), copy.stored_cookies
    put = {place: cookie for place, cookie in local.items() if stored.get(place) != cookie}
    gone = frozenset(place for place in stored if place not in local)
    return Difference(not copy.version or copy.session.login is not copy.stored_login, put, gone)


def fields(copy: Copy, change: Difference, keys: SharedKeys) -> tuple[list[bytes], list[bytes]]:
    """Return fields and sealed values to put, one after the other, and the fields to drop."""
    put: list[bytes] = []
    if change.identity:
        identity = encode_identity(copy.session.csrf_token, copy.session.login)
        put += (IDENTITY, keys.seal(identity, copy.key + IDENTITY))
    for place, cookie in change.put.items():
        name = cookie_field(keys, place)
        put += (name, keys.seal(encode_cookie(place, cookie), copy.key + name))
    return put, [cookie_field(keys, place) for place in change.gone]


def written(copy: Copy, change: Difference, login: Login | None, put: list[bytes]) -> None:
    """Note that the store has the change now."""
    if change.identity:
        copy.stored_login = login
        copy.seal = put[1][:NONCE_BYTES]
    copy.stored_cookies.update(change.put)
    for place in change.gone:
        copy.stored_cookies.pop(place, None)


@dataclass(frozen=True, slots=True)
class Stored:
    """A session as the store has it."""

    csrf_token: bytes
    login: Login | None
    seal: bytes
    cookies: Cookies


def read(raw: list[bytes], key: bytes, keys: SharedKeys) -> Stored:
    """Unseal the fields of a stored session, or raise Unreadable."""
    cookies: dict[CookiePlace, BackendCookie] = {}
    csrf_token, login, seal = b"", None, b""
    for name, value in zip(raw[::2], raw[1::2], strict=True):
        if name == IDENTITY:
            csrf_token, login = decode_identity(keys.unseal(value, key + name))
            seal = value[:NONCE_BYTES]
        elif name.startswith(COOKIE):
            place, cookie = decode_cookie(keys.unseal(value, key + name))
            cookies[place] = cookie
    if not seal:
        raise Unreadable("the session lacks its owner")
    return Stored(csrf_token, login, seal, cookies)


def merge(copy: Copy, stored: Stored) -> None:
    """Take over what the store knows, and keep what it does not know yet."""
    own = difference(copy)
    session = copy.session
    session.csrf_token = stored.csrf_token
    if stored.seal != copy.seal:
        # A login that was renewed here and not written yet is the newer one; else the store's counts.
        if not (copy.version and own.identity and _newer(session.login, stored.login)):
            session.login = stored.login
            session.found.clear()  # what was exchanged for the old token ends with it
        copy.stored_login, copy.seal = stored.login, stored.seal
    cookies = {place: cookie for place, cookie in stored.cookies.items() if place not in own.gone}
    session.jars = jars_of(cookies | own.put)
    copy.stored_cookies = stored.cookies


def _newer(own: Login | None, other: Login | None) -> bool:
    return own is not None and (other is None or own.expires_at > other.expires_at)
