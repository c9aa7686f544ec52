"""What the identity provider's pages and mails say, in every language that they speak."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from entryway.web.pages import LANGUAGES, Texts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "say", "texts"]


def texts(language: str) -> Mapping[str, str]:
    """Return the texts of a language by their keys."""
    return _texts().of(language)


def say(language: str, key: str, **values: object) -> str:
    """Return one text with its values."""
    return _texts().say(language, key, **values)


@cache
def _texts() -> Texts:
    return Texts("entryway.idp.pages")
