"""Sends a browser on to another party: by an address, or by a form that sends itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.saml.bindings import Form
    from entryway.web.pages import Pages


def send_way(pages: Pages, request: Request, way: str | Form) -> Response:
    """Return the redirect, or a page whose form sends itself on."""
    if isinstance(way, str):
        return RedirectResponse(way, 303)
    return send_form(pages, request, way.action, way.fields)


def send_form(pages: Pages, request: Request, action: str, fields: Mapping[str, str]) -> Response:
    """Return a page whose form sends itself on."""
    return pages.show(request, "send_on.html", action=action, fields=fields)
