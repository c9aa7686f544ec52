"""What the pages of every service share: layout, style, texts in English and German, and the operator's branding."""

from entryway.web.pages.branding import Branding, Link, Logo, read_branding
from entryway.web.pages.brands import Brand, show_brand
from entryway.web.pages.pages import Pages
from entryway.web.pages.speaking import Speaking
from entryway.web.pages.texts import LANGUAGES, Texts

__all__ = [
    "LANGUAGES",
    "Brand",
    "Branding",
    "Link",
    "Logo",
    "Pages",
    "Speaking",
    "Texts",
    "read_branding",
    "show_brand",
]
