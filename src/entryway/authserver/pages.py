"""The pages that people see."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from entryway.authserver import tenant_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

# No `form-action`: browsers apply it to the redirects that follow the form, and the last of them leads to the
# application, wherever that is. Everything else is closed: no script, no frame, nothing from elsewhere.
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"


class Pages:
    """Renders the templates; every value is escaped."""

    def __init__(self, product: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("entryway.authserver"), autoescape=True, undefined=StrictUndefined
        )
        self._environment.globals["product"] = product
        # In front of every path of the server that a page names: a tenant may be reached at a path of its own.
        self._environment.globals["base"] = tenant_path.base
        self._style = (resources.files("entryway.authserver") / "static" / "entryway.css").read_bytes()
        self._style_tag = f'"{hashlib.sha256(self._style).hexdigest()[:16]}"'

    def login(self, *, attempt: str, csrf: str, user_name: str = "", message: str = "", status: int = 200) -> Response:
        """Return the page that asks for name and password."""
        template = self._environment.get_template("login.html")
        return _page(template.render(attempt=attempt, csrf=csrf, user_name=user_name, message=message), status)

    def error(self, status: int, title: str, text: str) -> Response:
        """Return a page that says what went wrong, as far as the person may know."""
        return self.message(title, text, status)

    def message(self, title: str, text: str = "", status: int = 200, link: str = "", link_text: str = "") -> Response:
        """Return a page with a heading and a sentence."""
        template = self._environment.get_template("message.html")
        return _page(template.render(title=title, text=text, link=link, link_text=link_text), status)

    def passcode(self, code: str) -> Response:
        """Return the page that shows a passcode."""
        return _page(self._environment.get_template("passcode.html").render(code=code), 200)

    def who(self, facts: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Response:
        """Return the page that shows somebody what is known about them."""
        return _page(self._environment.get_template("who.html").render(facts=facts, lists=lists), 200)

    async def style(self, request: Request) -> Response:
        """Answer the style sheet."""
        headers = {"etag": self._style_tag, "cache-control": "public, max-age=3600"}
        if request.headers.get("if-none-match") == self._style_tag:
            return Response(status_code=304, headers=headers)
        return Response(self._style, media_type="text/css", headers=headers)


def _page(content: str, status: int) -> Response:
    return HTMLResponse(content, status, headers={"content-security-policy": _POLICY})
