"""A passkey in a real browser: made on the profile page, then used to log in without a name and as a second factor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import chromium
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from entryway.testing.idp import PASSWORD, RunningIdp, running_idp

pytestmark = [pytest.mark.browser, pytest.mark.interop]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    with running_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(idp: RunningIdp, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    chromium.install()
    home = chromium.home_that_trusts(idp.authority.ca_file, tmp_path_factory.mktemp("home"))
    async with chromium.started(home) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with await browser.new_context(locale="en-US") as context:
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("WebAuthn.enable")
        await session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        yield page


async def type_password(page: Page, name: str) -> None:
    await page.get_by_label("User name or e-mail address").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()


async def log_out(page: Page, idp: RunningIdp) -> None:
    await page.goto(f"{idp.url}/oauth2/logout")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()


async def test_a_passkey_is_made_and_used(page: Page, idp: RunningIdp) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    idp.user("ada")
    await page.goto(f"{idp.url}/profile")
    await type_password(page, "ada")
    await page.get_by_role("link", name="Add a passkey").click()
    await page.get_by_label("A name for it").fill("This laptop")
    await page.get_by_role("button", name="Add a passkey").click()
    # Having shown it just now, this browser is not asked for it.
    await expect(page.get_by_role("cell", name="This laptop", exact=True)).to_be_visible()

    await log_out(page, idp)
    await page.goto(f"{idp.url}/profile")
    await page.get_by_role("button", name="Log in with a passkey").click()
    await expect(page.get_by_role("heading", name="Ada Example")).to_be_visible()

    await log_out(page, idp)
    await page.goto(f"{idp.url}/profile")
    await type_password(page, "ada")
    await expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    await expect(page.get_by_label("Code")).to_have_count(0)  # no app, no code
    await page.get_by_role("button", name="Log in with a passkey").click()
    await page.get_by_role("button", name="Remove This laptop").click()
    await expect(page.get_by_role("cell", name="This laptop", exact=True)).to_have_count(0)
    assert errors == []


async def test_a_passkey_of_a_locked_user_opens_nothing(page: Page, idp: RunningIdp) -> None:
    idp.user("eve")
    await page.goto(f"{idp.url}/profile")
    await type_password(page, "eve")
    await page.goto(f"{idp.url}/profile/passkeys")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("heading", name="Eve Example")).to_be_visible()
    idp.user("eve", None, active=False)
    await page.goto(f"{idp.url}/profile")
    await page.get_by_role("button", name="Log in with a passkey").click()
    await expect(page.get_by_role("alert")).to_contain_text("is not right")
