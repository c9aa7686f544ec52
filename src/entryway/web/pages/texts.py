"""What pages say, in every language that they speak: one file for each in a folder `texts`, English first."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from entryway.web import languages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

LANGUAGES = ("en", "de")
SHARED = "entryway.web.pages"


class Texts:
    """The texts of a package's pages, above those that all services share."""

    def __init__(self, package: str) -> None:
        self._texts = {language: {**_read(SHARED, language), **_read(package, language)} for language in LANGUAGES}

    def of(self, language: str) -> Mapping[str, str]:
        """Return the texts of a language by their keys."""
        return self._texts[language]

    def has(self, key: str) -> bool:
        """Say whether there is such a text."""
        return key in self._texts[LANGUAGES[0]]

    def known(self, language: str, key_or_text: str) -> str:
        """Return the text of a key, and what is no key as it stands."""
        return self._texts[language].get(key_or_text, key_or_text)

    def say(self, language: str, key: str, **values: object) -> str:
        """Return one text with its values."""
        return self._texts[language][key].format(**values)


def language_of(request: Request, wanted: str = "") -> str:
    """Return the language for who asks: of `wanted`, of the query's `ui_locales`, or of the browser."""
    asked = wanted or request.query_params.get("ui_locales", "")
    return languages.first(asked, LANGUAGES) or languages.choose(request.headers.get("accept-language"), LANGUAGES)


@cache
def _read(package: str, language: str) -> Mapping[str, str]:
    file = resources.files(package) / "texts" / f"{language}.yaml"
    content: dict[str, str] = yaml.safe_load(file.read_text("utf-8"))
    return content
