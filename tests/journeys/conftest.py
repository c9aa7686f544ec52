"""One started demo for all journeys, and a new browser for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import chromium
import demo_landscape
import pytest
from demo_landscape import Landscape
from playwright.async_api import Browser, expect
from products_page import ProductsPage

# Long enough for a machine that does other work as well; nothing waits for it when all is well.
expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            # The first journey waits for the page to be built and for the landscape to start.
            item.add_marker(pytest.mark.timeout(360))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    demo_landscape.build_page()
    landscape = demo_landscape.start(*demo_landscape.copy(tmp_path_factory.mktemp("demo")))
    yield landscape
    assert demo_landscape.stop(landscape) == 0, landscape.output()[-4000:]
    assert landscape.processes() == []


@pytest.fixture(scope="session")
def browser_home(demo: Landscape, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium.install()
    return chromium.home_that_trusts(demo.ca, tmp_path_factory.mktemp("browser"))


@pytest.fixture
async def browser(browser_home: Path) -> AsyncIterator[Browser]:
    async with chromium.started(browser_home) as browser:
        yield browser


@pytest.fixture
async def products(browser: Browser, demo: Landscape) -> ProductsPage:
    return ProductsPage(await browser.new_page(), demo.url)
