"""The demo is stopped and started again: what people did and who they are is still there."""

from __future__ import annotations

import json
from pathlib import Path

import chromium
import demo_landscape
import pytest
from products_page import ProductsPage

pytestmark = pytest.mark.browser


async def test_the_next_start_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    demo_landscape.build_page()
    chromium.install()
    example, ports = demo_landscape.copy(tmp_path)
    first = demo_landscape.start(example, ports)
    home = chromium.home_that_trusts(first.ca, tmp_path / "home")
    try:
        async with chromium.started(home) as browser:
            products = ProductsPage(await browser.new_page(), first.url)
            await products.log_in("alice")
            await products.change_price("HT-1000", "750.50")
            await products.shows_price("HT-1000", "750.50")
        remembered = (first.state / "landscape.json").read_text()
        environment = json.loads(first.entryway("env", "products-router"))
    finally:
        assert demo_landscape.stop(first) == 0
    assert first.processes() == []

    second = demo_landscape.start(example, ports)
    try:
        # The same browser trusts the same authority, and the same secrets still open everything.
        async with chromium.started(home) as browser:
            products = ProductsPage(await browser.new_page(), second.url)
            await products.log_in("bob")
            await products.shows_identity("bob")
            await products.shows_price("HT-1000", "750.50")
        assert (second.state / "landscape.json").read_text() == remembered
        assert json.loads(second.entryway("env", "products-router")) == environment
        assert "pairing the connector" not in second.output()
    finally:
        assert demo_landscape.stop(second) == 0
