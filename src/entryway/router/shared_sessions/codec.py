"""A session as it is stored: one sealed value for who the user is, and one for each cookie of a backend.

Cookies are apart, so that two routers that add different ones at the same time overwrite nothing of one another.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from entryway.router.backend_cookies import BackendCookie, CookieJar
from entryway.router.sessions import Login
from entryway.router.shared_sessions.keys import SharedKeys, Unreadable

CookiePlace = tuple[str, bytes, bytes, bytes | None]
"""Destination, name, path and domain."""
Cookies = dict[CookiePlace, BackendCookie]

IDENTITY = b"i"
COOKIE = b"c"
# JSON has neither bytes nor sets; the first letter of a key says what the value was.
_BYTES, _SET, _AS_IT_IS = "b", "s", "="
_LOGIN_FIELDS = tuple(field.name for field in dataclasses.fields(Login) if field.init)


def encode_identity(csrf_token: bytes, login: Login | None) -> bytes:
    """Write down who the session belongs to."""
    user = None if login is None else dict(map(_tagged, _fields_of(login)))
    return json.dumps({"csrf": csrf_token.decode("latin-1"), "login": user}, separators=(",", ":")).encode()


def decode_identity(value: bytes) -> tuple[bytes, Login | None]:
    """Return the CSRF token and the user, or raise Unreadable."""
    try:
        content = json.loads(value)
        user = content["login"]
        login = None if user is None else Login(**_known(map(_untagged, user.items())))
        return content["csrf"].encode("latin-1"), login
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable("the session was written by another version") from error


def encode_cookie(place: CookiePlace, cookie: BackendCookie) -> bytes:
    """Write down a cookie of a backend."""
    destination, name, path, domain = place
    texts = [_text(part) for part in (name, cookie.value, path, domain, cookie.host)]
    return json.dumps([destination, *texts], separators=(",", ":")).encode()


def decode_cookie(value: bytes) -> tuple[CookiePlace, BackendCookie]:
    """Return a cookie and its place, or raise Unreadable."""
    try:
        destination, name, text, path, domain, host = json.loads(value)
        place = (str(destination), _bytes(name), _bytes(path), None if domain is None else _bytes(domain))
        return place, BackendCookie(place[1], _bytes(text), place[2], place[3], _bytes(host))
    except (ValueError, TypeError, AttributeError) as error:
        raise Unreadable("the cookie was written by another version") from error


def cookie_field(keys: SharedKeys, place: CookiePlace) -> bytes:
    """Return the field of the stored session that holds the cookie of this place."""
    destination, name, path, domain = place
    return COOKIE + keys.name(b"cookie", json.dumps([destination, *map(_text, (name, path, domain))]).encode())


def cookies_of(jars: Mapping[str, CookieJar]) -> Cookies:
    """Return every cookie in the jars."""
    return {(name, *place): cookie for name, jar in jars.items() for place, cookie in jar.cookies.items()}


def jars_of(cookies: Cookies) -> dict[str, CookieJar]:
    """Put cookies into one jar for each destination."""
    jars: dict[str, CookieJar] = {}
    for (destination, name, path, domain), cookie in cookies.items():
        jars.setdefault(destination, CookieJar()).cookies[name, path, domain] = cookie
    return jars


def _fields_of(login: Login) -> Iterable[tuple[str, Any]]:
    return ((name, getattr(login, name)) for name in _LOGIN_FIELDS)


def _tagged(item: tuple[str, Any]) -> tuple[str, Any]:
    name, value = item
    if isinstance(value, bytes):
        return _BYTES + name, value.decode("latin-1")
    if isinstance(value, frozenset):
        return _SET + name, sorted(value)
    return _AS_IT_IS + name, value


def _untagged(item: tuple[str, Any]) -> tuple[str, Any]:
    kind, name, value = item[0][:1], item[0][1:], item[1]
    if kind == _BYTES:
        return name, value.encode("latin-1")
    return name, frozenset(value) if kind == _SET else value


def _known(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    # A newer version, running beside this one during an update, may have written more.
    return {name: value for name, value in items if name in _LOGIN_FIELDS}


def _text(part: bytes | None) -> str | None:
    return None if part is None else part.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
