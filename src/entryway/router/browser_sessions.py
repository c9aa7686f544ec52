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
