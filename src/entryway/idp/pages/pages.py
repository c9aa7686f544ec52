"""Renders pages in the language of who reads them."""

from __future__ import annotations

import hashlib
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from entryway.idp.pages import wording
from entryway.web import languages

if TYPE_CHECKING:
    from starlette.requests import Request

# No `form-action`: browsers apply it to the redirects that follow the form, and the last of them leads to the
# application, wherever that is. Everything else is closed: scripts and styles are ours alone, and no frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_RESOURCES = {"identity.css": "text/css", "passkeys.js": "text/javascript", "send_on.js": "text/javascript"}


class Pages:
    """Renders the templates; every value is escaped."""

    def __init__(self, product: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("entryway.idp.pages"), autoescape=True, undefined=StrictUndefined
        )
        self._environment.globals["product"] = product
        folder = resources.files("entryway.idp.pages") / "static"
        self._resources = {name: (folder / name).read_bytes() for name in _RESOURCES}

    def show(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page; `message` and `t` are known to every template."""
        language = language_of(request)
        values = {"message": "", "language": language, "t": partial(wording.say, language), **values}
        content = self._environment.get_template(template).render(values)
        headers = {"content-security-policy": _POLICY, "content-language": language, "vary": "accept-language"}
        return HTMLResponse(content, status, headers=headers)

    def say(self, request: Request, key: str, **values: object) -> str:
        """Return one text in the language of the reader."""
        return wording.say(language_of(request), key, **values)

    def message(
        self, request: Request, title: str, text: str = "", *, status: int = 200, link: str = "", link_text: str = ""
    ) -> Response:
        """Return a page with a heading and a sentence, given as they are shown."""
        return self.show(request, "message.html", status, title=title, text=text, link=link, link_text=link_text)

    async def resource(self, request: Request) -> Response:
        """Answer a style sheet or script."""
        name = request.path_params["name"]
        content = self._resources.get(name)
        if content is None:
            return Response(status_code=404)
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"etag": tag, "cache-control": "public, max-age=3600"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=_RESOURCES[name], headers=headers)


def language_of(request: Request) -> str:
    """Return the language in which to speak to who asks."""
    return languages.choose(request.headers.get("accept-language"), wording.LANGUAGES)
