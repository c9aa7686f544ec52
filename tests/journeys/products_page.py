"""The demo's page in the words of its users."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

ROWS_AT_ONCE = 20  # what the page asks for with each `More`
PASSWORDS = {"alice": "alice-edits", "bob": "bob-looks", "carol": "carol-may-nothing"}


@dataclass(frozen=True)
class ProductsPage:
    page: Page
    url: str

    async def open(self) -> None:
        await self.page.goto(self.url)

    async def type_password(self, user: str, password: str) -> None:
        await self.page.locator("input[name=username]").fill(user)
        await self.page.locator("input[name=password]").fill(password)
        await self.page.locator("button[type=submit], input[type=submit]").click()

    async def log_in(self, user: str) -> None:
        """Open the page as a stranger, and come to the list of products."""
        await self.open()
        await self.type_password(user, PASSWORDS[user])
        await self.shows_products()

    async def shows_login(self, origin: str) -> None:
        await expect(self.page.locator("input[name=password]")).to_be_visible()
        assert self.page.url.startswith(f"{origin}/"), f"the login page is at {self.page.url}"

    async def shows_products(self) -> None:
        await expect(self.row("HT-1000")).to_be_visible(timeout=30_000)

    async def shows_count(self, count: int) -> None:
        await expect(self.page.get_by_role("heading", name=f"Products ({count})", exact=True)).to_be_visible()

    async def shows_identity(self, user: str) -> None:
        await expect(self.page.get_by_text(f'The on-premise system believes you are "{user}"')).to_be_visible()

    async def shows_price(self, product: str, price: str) -> None:
        await expect(self.row(product)).to_contain_text(price)

    def row(self, product: str) -> Locator:
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(product, exact=True))

    @property
    def message(self) -> Locator:
        return self.page.get_by_role("alertdialog")

    async def show_all(self, total: int) -> None:
        """Press `More` until the last product is there."""
        products = self.page.get_by_role("row").filter(has_text=re.compile(r"HT-\d"))
        shown = await products.count()
        while shown < total:
            await self.page.get_by_role("button", name="More").click()
            shown = min(shown + ROWS_AT_ONCE, total)
            await expect(products).to_have_count(shown)

    async def change_price(self, product: str, price: str) -> None:
        await self.row(product).get_by_role("button", name="Change price").click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_role("textbox").fill(price)
        await dialog.get_by_role("button", name="Save").click()

    async def search(self, text: str) -> None:
        box = self.page.get_by_role("searchbox")
        await box.fill(text)
        await box.press("Enter")

    async def refresh(self) -> None:
        await self.page.get_by_role("button", name="Try again").first.click()

    async def log_out(self) -> None:
        await self.page.get_by_role("button", name="Your account").click()
        await self.page.get_by_role("button", name="Log out").click()
