"""People who read pages in one language, and axe-core, which looks at the pages with them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.async_api import Browser, Page, expect

from entryway.testing import npm

AXE = Path(__file__).parent / "accessibility"
# What depends on whether the ground is light or dark.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_script() -> str:
    """Return axe-core, installed where it is missing."""
    npm.install(AXE, "axe-core")
    script = AXE / "node_modules" / "axe-core" / "axe.min.js"
    return script.read_text("utf-8")


@dataclass(frozen=True)
class Reader:
    """A person who reads one language, with the browser's complaints about what they see."""

    page: Page
    url: str
    axe: str
    complaints: list[str]

    async def opens(self, path: str, **query: str) -> None:
        await self.page.goto(f"{self.url}{path}{'?' if query else ''}{urlencode(query)}")

    async def finds(self, heading: str, language: str) -> None:
        """Expect a page with this heading whose accessibility nobody can find fault with, on light and dark ground."""
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)
        await self.page.wait_for_load_state()  # without its style sheets, no page is good
        assert await self.page.evaluate("document.documentElement.lang") == language
        await self.page.evaluate(self.axe)
        for scheme, rules in (("light", RULES), ("dark", COLOUR_RULES)):
            await self.page.emulate_media(color_scheme=scheme)
            found = await self.page.evaluate("rules => axe.run({runOnly: rules}).then(all => all.violations)", rules)
            assert found == [], json.dumps(found, indent=1)


@asynccontextmanager
async def reading(browser: Browser, url: str, axe: str, locale: str) -> AsyncIterator[Reader]:
    """Give a reader what the browser keeps for them alone."""
    async with await browser.new_context(locale=locale, ignore_https_errors=True) as context:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield Reader(page, url, axe, complaints)
