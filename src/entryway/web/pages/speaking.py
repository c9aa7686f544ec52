"""In which language this request is answered, for those who render a page far from the request."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.types import Scope

from entryway.web.pages.texts import LANGUAGES, language_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Send

_asked: ContextVar[Scope | None] = ContextVar("asked", default=None)


def language() -> str:
    """Return the language that whoever made this request reads."""
    scope = _asked.get()
    return LANGUAGES[0] if scope is None else language_of(Request(scope))


@dataclass(frozen=True, slots=True)
class Speaking:
    """Remembers each request for whoever wants to know its language, which few do."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            _asked.set(scope)
        await self.app(scope, receive, send)
