"""The pages that people see. Titles and messages are keys of `texts/`; what is no key is shown as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entryway.authserver import tenant_path
from entryway.web import languages
from entryway.web.pages import LANGUAGES
from entryway.web.pages import Pages as SharedPages
from entryway.web.pages.speaking import language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response
    from starlette.routing import Route

    from entryway.web.pages import Branding

# The only script there is: it sends a form that a SAML message travels in.
_SEND = "document.forms[0].submit()"


class Pages:
    """Renders each page in the language of who made the request."""

    def __init__(self, branding: Branding) -> None:
        self._pages = SharedPages("entryway.authserver", branding, tenant_path.base)
        self.texts = self._pages.texts

    def routes(self) -> list[Route]:
        """Return where style sheets and the logo are."""
        return self._pages.routes()

    def login(
        self,
        *,
        attempt: str,
        csrf: str,
        user_name: str = "",
        message: str = "",
        providers: Sequence[tuple[str, str]] = (),
        asks_password: bool = True,
        ui_locales: str = "",
        status: int = 200,
    ) -> Response:
        """Return the page that asks for name and password, and offers `providers` by origin and link text.

        `ui_locales` are the languages that the client would like.
        """
        spoken = languages.first(ui_locales, LANGUAGES) or language()
        return self._pages.render(
            spoken,
            "login.html",
            status,
            attempt=attempt,
            csrf=csrf,
            user_name=user_name,
            message=self.texts.known(spoken, message),
            providers=providers,
            asks_password=asks_password,
        )

    def message(
        self, title: str, text: str = "", status: int = 200, *, link: str = "", link_text: str = "", detail: str = ""
    ) -> Response:
        """Return a page with a heading and a sentence; `detail` is for whoever runs the application."""
        title, text, link_text = (self.texts.known(language(), each) for each in (title, text, link_text))
        values = {"title": title, "text": text, "link": link, "link_text": link_text, "detail": detail}
        return self._pages.render(language(), "message.html", status, **values)

    def send_on(self, action: str, fields: Mapping[str, str]) -> Response:
        """Return a form that the browser sends on by itself, or at the press of a button."""
        return self._pages.render(language(), "send_on.html", script=_SEND, action=action, fields=fields)

    def passcode(self, code: str) -> Response:
        """Return the page that shows a passcode."""
        return self._pages.render(language(), "passcode.html", code=code)

    def who(self, facts: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> Response:
        """Return the page that shows somebody what is known about them."""
        return self._pages.render(language(), "who.html", facts=facts, lists=lists)
