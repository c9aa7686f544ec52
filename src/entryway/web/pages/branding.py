"""How an operator makes the pages their own: a name, a logo, colours and links. Data only: no page can be broken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from entryway.errors import ConfigurationError

LARGEST_LOGO = 256 * 1024
LARGEST_FILE = 64 * 1024
# WCAG 2.2 §1.4.3: what text must differ from its ground by.
LEAST_CONTRAST = 4.5
_LOGOS = {
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".webp": ("image/webp", b"RIFF"),
    ".svg": ("image/svg+xml", b"<"),
}
# What stands on the two grounds of our style sheet, the light and the dark one.
_PAPER, _DARK_PAPER = "#ffffff", "#1b222c"


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("a colour like #0b5d8f")
    return value.lower()


def _link(value: str) -> str:
    if not re.fullmatch(r"(https://|mailto:)[^\s\"'<>\\]+", value):
        raise ValueError("an address that begins with https:// or mailto:")
    return value


Colour = Annotated[str, AfterValidator(_colour)]
Label = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
# All but line breaks and tabs: databases do not keep every control character, and nobody sees any.
_Sentence = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
_Language = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9_-]*$")]
_MOST_LANGUAGES = Field(max_length=100)
# The same in each language, or one text for all; English where one lacks.
Words = Annotated[dict[_Language, Label], _MOST_LANGUAGES] | Label
Sentences = Annotated[dict[_Language, _Sentence], _MOST_LANGUAGES] | _Sentence


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Link(_Strict):
    """A link below every page, with its text in each language; English where one lacks."""

    url: Annotated[str, AfterValidator(_link), Field(max_length=1000)]
    text: Words

    def label(self, language: str) -> str:
        """Return the link's text."""
        return said(self.text, language) or self.url


class Logo(_Strict):
    """A picture, read from its file at the start."""

    media_type: str
    content: bytes = Field(repr=False)


class Branding(_Strict):
    """What pages show of the operator or a tenant. `accent` is for light pages, `accent_dark` for dark ones."""

    name: Label = "Entryway"
    logo: Logo | None = None
    accent: Colour | None = None
    accent_dark: Colour | None = None
    links: Annotated[tuple[Link, ...], Field(max_length=6)] = ()
    # On the login page: instead of "Log in", and a sentence below it.
    heading: Words | None = None
    note: Sentences | None = None

    def over(self, other: Branding) -> Branding:
        """Return another branding with what this one says in its place."""
        return other.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})

    def unreadable(self) -> list[str]:
        """Return what is wrong with the colours: text in them must differ from its ground."""
        grounds = (("accent", self.accent, _PAPER), ("accent-dark", self.accent_dark, _DARK_PAPER))
        return [
            f"{name} {colour} cannot be read on {ground}: choose one that differs more"
            for name, colour, ground in grounds
            if colour is not None and contrast(colour, ground) < LEAST_CONTRAST
        ]

    def style(self) -> str:
        """Return the style sheet that sets the colours."""
        schemes = (("light", self.accent), ("dark", self.accent_dark))
        return "".join(
            f"@media (prefers-color-scheme: {scheme}) {{ :root {{ {_accent(colour)} }} }}\n"
            for scheme, colour in schemes
            if colour is not None
        )


def read_branding(file: Path) -> Branding:
    """Return the branding that a YAML file describes, or raise with everything that is wrong in it."""
    document = _document(file)
    logo = document.pop("logo", None)
    try:
        branding = Branding.model_validate({name.replace("-", "_"): value for name, value in document.items()})
    except ValidationError as error:
        wrong = [
            f"/{'/'.join(str(part) for part in found['loc'])}: {found['msg']}"
            for found in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise ConfigurationError(f"{file}: {'; '.join(wrong)}") from error
    if wrong := branding.unreadable():
        raise ConfigurationError(f"{file}: {'; '.join(wrong)}")
    return branding.model_copy(update={"logo": _logo(file, logo)}) if logo is not None else branding


def said(text: Mapping[str, str] | str | None, language: str) -> str:
    """Return a text in a language, in English where it lacks, and nothing where there is neither."""
    if text is None or isinstance(text, str):
        return text or ""
    return text.get(language) or text.get("en") or ""


def is_picture(content: bytes, media_type: str) -> bool:
    """Say whether a file begins as one of its type does."""
    return any(content.startswith(beginning) for known, beginning in _LOGOS.values() if known == media_type)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2): from 1, the same, to 21, black on white."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _document(file: Path) -> dict[str, Any]:
    try:
        content = file.read_bytes()[: LARGEST_FILE + 1]
        document = yaml.safe_load(content) if len(content) <= LARGEST_FILE else None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{file} is not YAML") from error
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise ConfigurationError(f"{file} must have keys: name, logo, accent, accent-dark, links, heading, note")
    return document


def _logo(file: Path, named: object) -> Logo:
    if not isinstance(named, str):
        raise ConfigurationError(f"{file}: /logo: the name of a file")
    logo = file.parent / named
    kind = _LOGOS.get(logo.suffix.lower())
    if kind is None:
        raise ConfigurationError(f"{file}: /logo: one of {', '.join(sorted(_LOGOS))}")
    try:
        content = logo.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{logo} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_LOGO or not is_picture(content, kind[0]):
        raise ConfigurationError(f"{logo} must be a picture of its kind, of at most {LARGEST_LOGO // 1024} KiB")
    return Logo(media_type=kind[0], content=content)


def _accent(colour: str) -> str:
    ink = max(("#ffffff", "#000000"), key=lambda each: contrast(each, colour))
    return f"--accent: {colour}; --accent-ink: {ink};"


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
