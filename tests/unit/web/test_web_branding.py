from __future__ import annotations

from pathlib import Path

import pytest

from entryway.errors import ConfigurationError
from entryway.web.pages import Branding, read_branding
from entryway.web.pages.branding import LARGEST_LOGO, contrast

PNG = b"\x89PNG\r\n\x1a\n and the rest"
WHOLE = """
name: Muster AG
logo: logo.png
accent: "#7A1F5C"
accent-dark: "#ffb3dc"
links:
  - {url: "https://example.com/imprint", text: {en: Imprint, de: Impressum}}
  - {url: "mailto:help@example.com", text: Help}
"""


def written(folder: Path, text: str, logo: bytes | None = PNG) -> Path:
    if logo is not None:
        (folder / "logo.png").write_bytes(logo)
    file = folder / "branding.yaml"
    file.write_text(text, "utf-8")
    return file


def test_a_whole_branding(tmp_path: Path) -> None:
    branding = read_branding(written(tmp_path, WHOLE))
    assert branding.name == "Muster AG"
    assert branding.logo is not None
    assert (branding.logo.media_type, branding.logo.content) == ("image/png", PNG)
    assert [link.label("de") for link in branding.links] == ["Impressum", "Help"]
    assert [link.label("fr") for link in branding.links] == ["Imprint", "Help"]
    assert branding.style().splitlines() == [
        "@media (prefers-color-scheme: light) { :root { --accent: #7a1f5c; --accent-ink: #ffffff; } }",
        "@media (prefers-color-scheme: dark) { :root { --accent: #ffb3dc; --accent-ink: #000000; } }",
    ]


def test_nothing_is_branded_unless_something_is_said() -> None:
    assert (Branding().name, Branding().style()) == ("Entryway", "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("accent: red", "a colour like"),
        ('accent: "#0b5d8f;}body{display:none"', "a colour like"),
        ('accent: "#ffff00"', "cannot be read on #ffffff"),
        ('accent-dark: "#101010"', "cannot be read on #1b222c"),
        ("links: [{url: 'javascript:alert(1)', text: x}]", "/links/0/url"),
        ("links: [{url: 'http://example.com', text: x}]", "/links/0/url"),
        ("links: [{url: 'https://example.com/\" onclick=x', text: x}]", "/links/0/url"),
        ("links: [{url: 'https://example.com', text: ''}]", "/links/0/text"),
        ("name: ''", "/name"),
        ("style: 'body{}'", "/style"),
        ("logo: 7", "/logo"),
        ("logo: logo.html", "one of"),
        ("logo: other.png", "cannot be read"),
        ("- a list", "must have keys"),
        ("a: [", "is not YAML"),
        (f"name: {'x' * 70000}", "must have keys"),
    ],
)
def test_what_would_break_pages_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        read_branding(written(tmp_path, text))


@pytest.mark.parametrize("content", [b"<html>", b"", PNG + bytes(LARGEST_LOGO)])
def test_a_logo_is_a_picture_of_its_kind_and_not_too_large(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="must be a picture"):
        read_branding(written(tmp_path, "logo: logo.png", content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_branding(tmp_path / "none.yaml")


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == 1
