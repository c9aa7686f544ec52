"""In which language this request is answered, for those who render a page far from the request."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from entryway.web.pages.texts import LANGUAGES, language_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_language: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def language() -> str:
    """Return the language that whoever made this request reads."""
    return _language.get()


@dataclass(frozen=True, slots=True)
class Speaking:
    """Finds the language of each request."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            _language.set(language_of(Request(scope)))
        await self.app(scope, receive, send)
