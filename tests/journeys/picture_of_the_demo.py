"""Take the picture of the demo that the README shows: `.venv/bin/python tests/journeys/picture_of_the_demo.py`."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import chromium
import demo_landscape
from products_page import ProductsPage

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "demo.png"
WIDTH, HEIGHT = 1280, 800


async def take(url: str, home: Path) -> None:
    async with chromium.started(home) as browser:
        page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        products = ProductsPage(page, url)
        await products.log_in("alice")
        await products.shows_identity("alice")
        await products.change_price("HT-1002", "36.10")
        await products.shows_price("HT-1002", "36.10")
        await page.locator(".sapMMessageToast").wait_for(state="detached")
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURE, animations="disabled")


def main() -> None:
    chromium.install()
    demo_landscape.build_page()
    with tempfile.TemporaryDirectory() as folder:
        landscape = demo_landscape.start(*demo_landscape.copy(Path(folder)))
        try:
            asyncio.run(take(landscape.url, chromium.home_that_trusts(landscape.ca, Path(folder) / "home")))
        finally:
            demo_landscape.stop(landscape)


if __name__ == "__main__":
    main()
