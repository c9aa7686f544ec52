"""Sessions of calling services in the store: a hash for each, read with every call, so that no router keeps a copy.

The caller is part of the key: whoever names another's session gets one of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from entryway.router.backend_cookies import CookieJar
from entryway.router.cookie_seal import whose
from entryway.router.csrf import new_token
from entryway.router.errors import SessionStoreUnavailable
from entryway.router.service_callers import Caller
from entryway.router.service_sessions import Record, SessionName
from entryway.router.sessions import CSRF_BYTES
from entryway.router.shared_sessions import scripts
from entryway.router.shared_sessions.codec import (
    COOKIE,
    IDENTITY,
    Cookies,
    cookie_field,
    cookies_of,
    decode_cookie,
    encode_cookie,
    jars_of,
)
from entryway.router.shared_sessions.keys import PREFIX, SharedKeys, Unreadable
from entryway.router.shared_sessions.link import StoreUnreachable
from entryway.router.shared_sessions.reach import Reach
from entryway.telemetry import get_logger

log = get_logger("router.sessions")


@dataclass(frozen=True, slots=True)
class StoredServiceSessions:
    """The sessions of services of one application; `clock` is the wall clock, `chance` gives random bytes."""

    reach: Reach
    keys: SharedKeys
    clock: Callable[[], float]
    chance: Callable[[int], bytes]

    async def open(self, name: SessionName, caller: Caller) -> Record:
        key = self._key(name, caller)
        token = new_token(self.chance(CSRF_BYTES))
        arguments = [self._milliseconds(name), self.keys.seal(token, key + IDENTITY)]
        try:
            is_new, *fields = await self.reach.run(None, scripts.OPEN_SERVICE_SESSION, [key], arguments)
        except StoreUnreachable as error:
            raise SessionStoreUnavailable(str(error)) from error
        cookies: Cookies = {}
        for field, value in zip(fields[::2], fields[1::2], strict=True):
            try:
                if field == IDENTITY:
                    token = self.keys.unseal(value, key + IDENTITY)
                elif field.startswith(COOKIE):
                    place, cookie = decode_cookie(self.keys.unseal(value, key + field))
                    cookies[place] = cookie
            except Unreadable as error:
                log.error("session_unreadable", reason=str(error))  # noqa: TRY400 - a fact, not a fault of ours
        return Record(name, key, token, jars_of(cookies), is_new=bool(is_new))

    async def keep(self, record: Record, jars: Mapping[str, CookieJar]) -> None:
        there, now = cookies_of(record.jars), cookies_of(jars)
        put: list[bytes] = []
        for place, cookie in now.items():
            if there.get(place) != cookie:
                field = cookie_field(self.keys, place)
                put += (field, self.keys.seal(encode_cookie(place, cookie), record.key + field))
        gone = [cookie_field(self.keys, place) for place in there if place not in now]
        if not put and not gone:
            return
        arguments = [self._milliseconds(record.name), len(put) // 2, *put, *gone]
        try:
            await self.reach.run(None, scripts.KEEP_SERVICE_SESSION, [record.key], arguments)
        except StoreUnreachable as error:
            raise SessionStoreUnavailable(str(error)) from error

    def _key(self, name: SessionName, caller: Caller) -> bytes:
        # Names are no secrets: without a token of this caller nobody gets anywhere with them.
        readable = quote(name.text, safe="").encode()
        return PREFIX + b"service:" + self.keys.name(b"caller", whose(caller.login)) + b":" + readable

    def _milliseconds(self, name: SessionName) -> int:
        return max(1, round((name.until - self.clock()) * 1000))
