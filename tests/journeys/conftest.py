"""One started demo for all journeys, one browser for those of a file, and a context of it for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import chromium
import demo_landscape
import pytest
import pytest_asyncio
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
            if pytest_asyncio.is_async_test(item):
                # A browser belongs to the loop in which it was started.
                item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium_of_the_demo(browser_home: Path) -> AsyncIterator[Browser]:
    async with chromium.started(browser_home) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browser(chromium_of_the_demo: Browser) -> AsyncIterator[Browser]:
    yield chromium_of_the_demo
    for context in chromium_of_the_demo.contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def products(browser: Browser, demo: Landscape) -> ProductsPage:
    return ProductsPage(await browser.new_page(), demo.url)
