"""What people do with the demo, from the login page to the system on premise and back."""

from __future__ import annotations

import pytest
from demo_landscape import Landscape
from playwright.async_api import Browser, expect
from products_page import PASSWORDS, ProductsPage

pytestmark = pytest.mark.browser


async def test_a_stranger_meets_the_login_page_and_a_wrong_password_stays_there(
    products: ProductsPage, demo: Landscape
) -> None:
    await products.open()
    await products.shows_login(demo.login_origin)

    for user, password in (("alice", "wrong-password"), ("nobody", "alice-edits"), ("bob", "alice-edits")):
        await products.type_password(user, password)

        await products.shows_login(demo.login_origin)
        await expect(products.page.get_by_role("alert")).to_be_visible()
    assert await products.page.context.cookies(demo.url + "/index.html") != []
    answer = await products.page.request.get(f"{demo.url}/api/me", headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.status == 401


@pytest.mark.parametrize(
    ("user", "permissions"), [("alice", "Display, Edit"), ("bob", "Display")], ids=["the editor", "the viewer"]
)
async def test_a_user_sees_what_the_system_on_premise_served_and_who_it_believes_they_are(
    products: ProductsPage, user: str, permissions: str
) -> None:
    await products.log_in(user)

    await products.shows_count(100)
    await products.shows_identity(user)
    await products.show_all(100)
    for product in ("HT-1000", "HT-1050", "HT-1099"):
        await expect(products.row(product)).to_have_count(1)
    await products.page.get_by_role("button", name="Your account").click()
    await expect(products.page.get_by_text(f"{user}@company.example")).to_be_visible()
    await expect(products.page.get_by_text(permissions, exact=True)).to_be_visible()


async def test_the_search_is_answered_on_premise(products: ProductsPage) -> None:
    await products.log_in("bob")

    await products.search("headset")

    await products.shows_count(10)
    await expect(products.row("HT-1008")).to_be_visible()
    await products.search("O'Hara's headset")
    await expect(products.page.get_by_text("No products found")).to_be_visible()


async def test_the_viewer_is_refused_and_the_price_stays(products: ProductsPage) -> None:
    await products.log_in("bob")

    await products.change_price("HT-1001", "1.00")

    await expect(products.message).to_contain_text("You may look at prices, but not change them")
    await products.message.get_by_role("button", name="Close").click()
    await products.page.reload()
    await products.shows_price("HT-1001", "189.50")


async def test_the_editor_changes_a_price_and_everybody_sees_it(
    products: ProductsPage, browser: Browser, demo: Landscape
) -> None:
    await products.log_in("alice")

    await products.change_price("HT-1002", "36.10")

    await expect(products.page.get_by_text("The price of Silent Keys Mini is now 36.10")).to_be_visible()
    await products.shows_price("HT-1002", "36.10")
    other = ProductsPage(await (await browser.new_context()).new_page(), demo.url)
    await other.log_in("bob")
    await other.shows_price("HT-1002", "36.10")
    await expect(other.row("HT-1002")).to_contain_text("alice")


async def test_a_price_that_is_none_is_not_sent(products: ProductsPage) -> None:
    await products.log_in("alice")

    await products.change_price("HT-1003", "-5")

    dialog = products.page.get_by_role("dialog")
    await expect(dialog.get_by_text("Enter a price between 0.01 and 999,999.99").first).to_be_attached()
    await expect(dialog.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
    await products.page.reload()
    await products.shows_price("HT-1003", "12.99")


async def test_of_two_editors_the_second_is_told_of_the_first(
    products: ProductsPage, browser: Browser, demo: Landscape
) -> None:
    other = ProductsPage(await (await browser.new_context()).new_page(), demo.url)
    await products.log_in("alice")
    await other.log_in("alice")
    await other.change_price("HT-1004", "220.00")
    await other.shows_price("HT-1004", "220.00")

    await products.change_price("HT-1004", "230.00")

    await expect(products.message).to_contain_text("Someone else changed this product meanwhile")
    await products.message.get_by_role("button", name="Close").click()
    await products.shows_price("HT-1004", "220.00")


async def test_who_logs_out_must_log_in_again(products: ProductsPage, demo: Landscape) -> None:
    await products.log_in("alice")

    await products.log_out()

    await expect(products.page.get_by_role("heading", name="You are logged out")).to_be_visible()
    assert products.page.url == f"{demo.url}/public/logged-out.html"
    await products.page.get_by_role("link", name="Log in again").click()
    await products.shows_login(demo.login_origin)
    await products.type_password("bob", "bob-looks")
    await products.shows_products()
    await products.shows_identity("bob")


async def test_nothing_of_the_session_is_readable_by_scripts(products: ProductsPage) -> None:
    await products.log_in("alice")

    seen = await products.page.evaluate("document.cookie")

    session = [cookie for cookie in await products.page.context.cookies() if cookie["name"] == "JSESSIONID"]
    assert len(session) == 1
    assert session[0]["httpOnly"]
    assert "JSESSIONID" not in seen
    assert "eyJ" not in await products.page.content()


async def test_a_user_without_a_role_is_told_whom_to_ask(products: ProductsPage, demo: Landscape) -> None:
    await products.open()
    await products.type_password("carol", PASSWORDS["carol"])

    await expect(products.message).to_contain_text("You may not look at this application")
    await products.message.get_by_role("button", name="Close").click()
    await expect(products.page.get_by_text("No products found")).to_be_visible()
    for path in ("odata/ProductSet", "odata/WhoAmISet", "odata/$metadata", "api/me"):
        answer = await products.page.context.request.get(f"{demo.url}/{path}")
        assert (answer.status, answer.headers["entryway-error"]) == (403, "insufficient_scope"), path


async def test_whose_session_has_ended_is_asked_to_log_in_again(products: ProductsPage) -> None:
    await products.log_in("alice")
    await products.page.context.clear_cookies(name="JSESSIONID")

    await products.refresh()

    await expect(products.message).to_contain_text("Your session has ended")
    # The login at the authorization server still lives: nobody has to type a password again.
    await products.message.get_by_role("button", name="Log in again").click()
    await products.shows_products()
    await products.shows_identity("alice")


async def test_of_two_tabs_at_the_login_the_second_comes_back_to_where_it_was(
    browser: Browser, demo: Landscape
) -> None:
    context = await browser.new_context()
    tabs = [
        ProductsPage(await context.new_page(), f"{demo.url}/api/me?whose={demo.url}&tab={tab}")
        for tab in ("one", "two")
    ]
    for tab in tabs:
        await tab.open()
        await tab.shows_login(demo.login_origin)

    for tab in tabs:
        await tab.type_password("alice", PASSWORDS["alice"])
        await tab.page.wait_for_url(f"{demo.url}/**")
        await expect(tab.page.locator("body")).to_contain_text("alice")

    assert [tab.page.url for tab in tabs] == [tabs[1].url] * 2, "the cookie holds the last address"


async def test_the_browser_has_nothing_to_complain_about(products: ProductsPage) -> None:
    complaints: list[str] = []
    products.page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    products.page.on("pageerror", lambda error: complaints.append(str(error)))
    products.page.on("requestfailed", lambda request: complaints.append(f"{request.url} {request.failure}"))

    await products.log_in("alice")
    await products.change_price("HT-1010", "899.00")
    await products.shows_price("HT-1010", "899.00")
    await products.search("notebook")
    await products.shows_count(10)
    await products.log_out()
    await expect(products.page.get_by_role("heading", name="You are logged out")).to_be_visible()

    assert complaints == []
