"""Sends a browser on with a SAML message: by an address, or by a form that sends itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.saml.bindings import Form
    from entryway.web.pages import Pages


def send_way(pages: Pages, request: Request, way: str | Form) -> Response:
    """Return the redirect, or a page whose form sends itself on."""
    if isinstance(way, str):
        return RedirectResponse(way, 303)
    return pages.show(request, "send_on.html", action=way.action, fields=way.fields)
