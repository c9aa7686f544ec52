from __future__ import annotations

import re
from importlib import resources

import pytest

from entryway.web.languages import first
from entryway.web.pages import LANGUAGES, Texts

PACKAGES = ["entryway.authserver", "entryway.idp.pages"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_language_says_everything_with_the_same_values(package: str) -> None:
    texts = Texts(package)
    for key, english in texts.of("en").items():
        for language in LANGUAGES:
            said = texts.of(language)[key]
            assert said.strip(), (language, key)
            assert set(re.findall(r"{(\w+)}", said)) == set(re.findall(r"{(\w+)}", english)), (language, key)
    assert {len(texts.of(language)) for language in LANGUAGES} == {len(texts.of("en"))}


@pytest.mark.parametrize("package", [*PACKAGES, "entryway.web.pages"])
def test_templates_say_only_what_there_is(package: str) -> None:
    texts = Texts(PACKAGES[0] if package == "entryway.web.pages" else package)
    for template in (resources.files(package) / "templates").iterdir():
        for key in re.findall(r"\bt\(['\"]([a-z_.]+)['\"]\)", template.read_text("utf-8")):
            assert texts.has(key), (template.name, key)


@pytest.mark.parametrize(
    ("tags", "language"),
    [
        ("de", "de"),
        ("de-CH", "de"),
        ("fr de-AT en", "de"),
        ("EN-us", "en"),
        ("fr", None),
        ("", None),
        ("x" * 999, None),
    ],
)
def test_the_first_known_of_ui_locales_counts(tags: str, language: str | None) -> None:
    assert first(tags, LANGUAGES) == language
