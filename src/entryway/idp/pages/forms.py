"""Forms that only this browser could have been shown."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entryway.idp.errors import ForeignForm
from entryway.idp.login.sessions import BROWSER_COOKIE
from entryway.storage.digests import random_text
from entryway.web import edge
from entryway.web.cookies import set_cookie

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from starlette.requests import Request
    from starlette.responses import Response

    from entryway.storage.digests import Digests
    from entryway.web.pages import Pages


@dataclass(frozen=True, slots=True)
class Forms:
    """Pages with forms, and what such a form sends."""

    pages: Pages
    digests: Digests

    def show(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page whose forms may be sent by this browser."""
        browser = request.cookies.get(BROWSER_COOKIE) or random_text()
        response = self.pages.show(request, template, status, csrf=self._token(browser), attempt="", **values)
        set_cookie(response, BROWSER_COOKIE, browser)
        return response

    async def read(self, request: Request) -> Mapping[str, str]:
        """Return what a form sent, or raise ForeignForm if it is not one of ours to this browser."""
        form = await edge.read_lines(request)
        browser = request.cookies.get(BROWSER_COOKIE, "")
        if not browser or not hmac.compare_digest(form.get("csrf", "").encode(), self._token(browser).encode()):
            raise ForeignForm("the form's token is not ours")
        return form

    def _token(self, browser: str) -> str:
        return self.digests.text("page-form", browser)
