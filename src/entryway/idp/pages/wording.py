"""What pages say, in every language that they speak: one file for each, English first."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "de")


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return the texts of a language by their keys."""
    file = resources.files("entryway.idp.pages") / "texts" / f"{language}.yaml"
    content: dict[str, str] = yaml.safe_load(file.read_text("utf-8"))
    return content


def say(language: str, key: str, **values: object) -> str:
    """Return one text with its values."""
    return texts(language)[key].format(**values)
