"""A branding ready to be shown, and whose branding the pages of a request show."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token

    from entryway.web.pages.branding import Branding


@dataclass(frozen=True, slots=True)
class Resource:
    """A file that pages refer to."""

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Resource:
        """Return a file with its entity tag."""
        return cls(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')


@dataclass(frozen=True, slots=True)
class Brand:
    """A branding with its files; `query` tells them from those of others at the same address."""

    branding: Branding
    resources: Mapping[str, Resource]
    query: str = ""

    @classmethod
    def of(cls, branding: Branding, query: str = "") -> Brand:
        """Return a branding ready to be shown."""
        resources = {"brand.css": Resource.of(branding.style().encode(), "text/css")}
        if branding.logo is not None:
            resources["logo"] = Resource.of(branding.logo.content, branding.logo.media_type)
        return cls(branding, resources, query)


_here: ContextVar[Brand | None] = ContextVar("brand", default=None)


def brand_here() -> Brand | None:
    """Return whose brand this request shows, None for the service's own."""
    return _here.get()


def show_brand(brand: Brand | None) -> Token[Brand | None]:
    """Show a brand for the rest of the request."""
    return _here.set(brand)
