"""A process dies in the middle of the work: people are told which, keep their login, and go on when it is back."""

from __future__ import annotations

import pytest
from demo_landscape import Landscape
from playwright.async_api import Page, expect
from products_page import ProductsPage

pytestmark = pytest.mark.browser


async def answer_of(page: Page, path: str) -> tuple[int, dict[str, str], str]:
    """Ask as the page's scripts do, with the session of this browser."""
    answer = await page.evaluate(
        """async path => {
            const response = await fetch(path, {headers: {"X-Requested-With": "XMLHttpRequest"}});
            return [response.status, Object.fromEntries(response.headers), await response.text()];
        }""",
        path,
    )
    return answer[0], answer[1], answer[2]


async def test_without_a_connector_people_are_told_and_go_on_when_it_is_back(
    products: ProductsPage, demo: Landscape
) -> None:
    await products.log_in("alice")

    with demo.without("connector", "run"):
        await products.refresh()

        await expect(products.message).to_contain_text("The connector in the company network is not connected")
        await expect(products.message).to_contain_text("You are still logged in")
        status, headers, text = await answer_of(products.page, "odata/WhoAmISet")
        assert status == 503
        assert "connector" in text.lower()
        assert headers["x-error-origin"] == "connectivity-proxy"
        # The login is kept: what needs no connector answers as before.
        status, _, text = await answer_of(products.page, "api/me")
        assert (status, '"alice"' in text) == (200, True)

    await expect_recovery(products.page)
    await products.message.get_by_role("button", name="Try again").click()
    await products.shows_products()
    await products.shows_identity("alice")
    await products.shows_count(100)


async def test_a_price_that_cannot_be_saved_is_said_to_be_unsaved(products: ProductsPage, demo: Landscape) -> None:
    await products.log_in("alice")

    with demo.without("connector", "run"):
        await products.change_price("HT-1005", "130.00")

        await expect(products.message).to_contain_text("The connector in the company network is not connected")

    await expect_recovery(products.page)
    await products.page.reload()
    await products.shows_price("HT-1005", "129.00")


async def test_without_the_backend_the_login_is_kept(products: ProductsPage, demo: Landscape) -> None:
    await products.log_in("alice")

    with demo.without("-m", "products_backend"):
        status, headers, _ = await answer_of(products.page, "api/me")
        # A connection that was open before is broken, a new one is refused: which of them comes first is chance.
        assert status == 502
        assert headers["entryway-error"] in {"upstream_unreachable", "upstream_failed"}
        status, _, text = await answer_of(products.page, "odata/WhoAmISet")
        assert (status, '"alice"' in text) == (200, True)

    await expect_recovery(products.page, "api/me")


async def expect_recovery(page: Page, path: str = "odata/WhoAmISet") -> None:
    recovered = await page.evaluate(
        """async path => {
            const end = Date.now() + 30_000;
            while (Date.now() < end) {
                if ((await fetch(path, {headers: {"X-Requested-With": "XMLHttpRequest"}})).ok) return true;
                await new Promise(resolve => setTimeout(resolve, 200));
            }
            return false;
        }""",
        path,
    )
    assert recovered, f"{path} did not answer again"
