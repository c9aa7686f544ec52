"""Session cookies of backends that a calling service keeps for us: sealed in one cookie, for this caller alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from functools import cached_property
from typing import TYPE_CHECKING

from entryway.router.backend_cookies import BackendCookie, CookieJar
from entryway.router.sessions import Login

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

COOKIE = "ARBE"
LONGEST_COOKIE = 8192
TAG_BYTES = 16
_SEALED = re.compile(r"([0-9a-f]{24}):((?:[0-9a-f]{2})*):([0-9a-f]{32})")


class CookieSeal:
    """Seals backends' session cookies for one caller: nobody reads or changes them, and nobody else may use them."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"entryway router backend cookies", hashlib.sha256)

    def line(self, jars: Mapping[str, CookieJar], login: Login, chance: bytes) -> str | None:
        """Return the Set-Cookie line, or None if the cookies are too many for one; `chance` is 12 random bytes."""
        content = [
            [name, *(_text(part) for part in (cookie.name, cookie.value, cookie.path, cookie.domain, cookie.host))]
            for name, jar in jars.items()
            for cookie in jar.cookies.values()
        ]
        sealed = self._cipher.encrypt(chance, json.dumps(content, separators=(",", ":")).encode(), whose(login))
        text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        line = f"{COOKIE}={chance.hex()}:{text.hex()}:{tag.hex()}; Path=/; HttpOnly;"
        return line if len(line) <= LONGEST_COOKIE else None

    def unseal(self, sealed: str, login: Login) -> dict[str, CookieJar]:
        """Return the cookies; what we did not seal for this caller counts as none."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see _cipher

        found = _SEALED.fullmatch(sealed)
        if found is None or len(sealed) > LONGEST_COOKIE:
            return {}
        nonce, text, tag = (bytes.fromhex(part) for part in found.groups())
        try:
            content = json.loads(self._cipher.decrypt(nonce, text + tag, whose(login)))
        except InvalidTag:
            return {}
        jars: dict[str, CookieJar] = {}
        for jar, name, value, path, domain, host in content:
            own = None if domain is None else _bytes(domain)
            cookie = BackendCookie(_bytes(name), _bytes(value), _bytes(path), own, _bytes(host))
            jars.setdefault(jar, CookieJar()).cookies[cookie.name, cookie.path, cookie.domain] = cookie
        return jars

    @cached_property
    def _cipher(self) -> AESGCM:
        # Six megabytes, which only routers that services call pay for.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        return AESGCM(self._key)


def whose(login: Login) -> bytes:
    """Return what tells this caller from every other."""
    who = [str(login.claims.get(name) or "") for name in ("zid", "sub", "user_name")]
    return json.dumps([login.authority, *who]).encode()


def _text(part: bytes | None) -> str | None:
    return None if part is None else part.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
