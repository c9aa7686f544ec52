"""Renders a service's pages in the language of who reads them, within the layout that all services share."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from entryway.web.pages.branding import said
from entryway.web.pages.brands import Brand, Resource, brand_here
from entryway.web.pages.texts import SHARED, Texts, language_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from entryway.web.pages.branding import Branding

_KINDS = {".css": "text/css", ".js": "text/javascript"}


class Pages:
    """Renders the templates of a package; every value is escaped."""

    def __init__(self, package: str, branding: Branding, base: Callable[[], str] = str) -> None:
        """`base` returns what stands before the server's paths in this request."""
        self.texts = Texts(package)
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader(SHARED)]),
            autoescape=True,
            undefined=StrictUndefined,
        )
        self._resources = {**_static(SHARED), **_static(package)}
        self._brand = Brand.of(branding)
        self._styles = [name for name in ("pages.css", "more.css") if name in self._resources]
        self._environment.globals.update(base=base, said=said)
        # No `form-action`: browsers apply it to the redirects that follow the form, and the last of them leads to the
        # application, wherever that is. Everything else is closed: what is shown comes from here, and in no frame.
        scripts = "script-src 'self'; " if any(name.endswith(".js") for name in self._resources) else ""
        self._policy = (
            f"default-src 'none'; {scripts}style-src 'self'; img-src 'self' data:; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    def routes(self) -> list[Route]:
        """Return where style sheets, scripts and the logo are."""
        return [Route("/resources/{name}", self.resource, methods=["GET"])]

    def show(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page in the language of who asks."""
        return self.render(language_of(request), template, status, **values)

    def render(self, language: str, template: str, status: int = 200, *, script: str = "", **values: Any) -> Response:
        """Return a page; `message` and `t` are known to every template, and `script` is the one that it may hold."""
        brand = brand_here() or self._brand
        values = {
            "message": "",
            "language": language,
            "t": partial(self.texts.say, language),
            "product": brand.branding.name,
            "branding": brand.branding,
            "styles": [*self._styles, f"brand.css{brand.query}"],
            "logo": f"logo{brand.query}",
            **values,
        }
        content = self._environment.get_template(template).render(values, script=script)
        allowed = f"; script-src 'sha256-{_digest(script)}'" if script else ""
        headers = {
            "content-security-policy": f"{self._policy}{allowed}",
            "content-language": language,
            "vary": "accept-language",
            "cache-control": "no-store",
        }
        return HTMLResponse(content, status, headers=headers)

    def say(self, request: Request, key: str, **values: object) -> str:
        """Return one text in the language of the reader."""
        return self.texts.say(language_of(request), key, **values)

    def message(
        self, request: Request, title: str, text: str = "", *, status: int = 200, link: str = "", link_text: str = ""
    ) -> Response:
        """Return a page with a heading and a sentence, given as they are shown."""
        return self.show(request, "message.html", status, title=title, text=text, link=link, link_text=link_text)

    async def resource(self, request: Request) -> Response:
        """Answer a style sheet, a script or the logo."""
        name = request.path_params["name"]
        found = (brand_here() or self._brand).resources.get(name) or self._resources.get(name)
        if found is None:
            return Response(status_code=404)
        # Opened by itself, a picture that holds a script would be a page of ours.
        headers = {"etag": found.tag, "cache-control": "public, max-age=3600", "content-security-policy": "sandbox"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)


def _static(package: str) -> dict[str, Resource]:
    folder = resources.files(package) / "static"
    if not folder.is_dir():
        return {}
    return {
        file.name: Resource.of(file.read_bytes(), kind)
        for file in folder.iterdir()
        for ending, kind in _KINDS.items()
        if file.name.endswith(ending)
    }


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
