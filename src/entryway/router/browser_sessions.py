"""How a browser that has no session gets one in the course of a request."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.router.address import address_of

if TYPE_CHECKING:
    from entryway.http import Request
    from entryway.router.cookies import CookieRules
    from entryway.router.sessions import Session, SessionMaker, SessionStore

CACHE_CONTROL = b"cache-control"
FOR_SHARED_CACHES = frozenset({b"public", b"s-maxage", b"proxy-revalidate"})


@dataclass(frozen=True, slots=True, eq=False)
class BrowserSessions:
    """Begins sessions, and names them to browsers."""

    sessions: SessionStore
    maker: SessionMaker
    cookies: CookieRules
    clock: Callable[[], float]

    async def begin_anonymous(self, request: Request, raw: list[tuple[bytes, bytes]]) -> Session:
        """Begin a session without a login, and append its cookie to the answer."""
        session = self.maker.new(os.urandom(64), self.clock())
        await self.sessions.save(session)
        self.set_cookie(request, session, raw)
        return session

    def set_cookie(self, request: Request, session: Session, raw: list[tuple[bytes, bytes]]) -> None:
        """Append the cookie that names a session to the answer."""
        line = self.cookies.session(session.cookie, secure=address_of(request).secure, asked=request.headers)
        raw.append((b"set-cookie", line.encode("latin-1")))
        keep_from_shared_caches(raw)


def keep_from_shared_caches(raw: list[tuple[bytes, bytes]]) -> None:
    """Leave an answer that names a session, or shows its token, to its browser: a shared cache would give it to all."""
    given = b",".join(value for name, value in raw if name == CACHE_CONTROL)
    directives = [part.strip() for part in given.split(b",") if part.strip()]
    if {b"no-store", b"private"} & {part.lower() for part in directives}:
        return
    kept = [part for part in directives if part.partition(b"=")[0].lower() not in FOR_SHARED_CACHES]
    raw[:] = [header for header in raw if header[0] != CACHE_CONTROL]
    raw.append((CACHE_CONTROL, b", ".join([b"private", *kept])))
