"""People and their accounts in a real browser: an authenticator app, its recovery codes, and a forgotten password."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator

import chromium
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.async_api import Browser, Page, expect

from entryway.testing.idp import CALLBACK, PASSWORD, RegisteredApplication, RunningIdp, running_idp

pytestmark = [pytest.mark.browser, pytest.mark.interop]


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
        await context.route(f"{CALLBACK}*", lambda route: route.fulfill(body="<h1>In the shop</h1>"))
        yield await context.new_page()


async def comes_from(page: Page, idp: RunningIdp, application: RegisteredApplication) -> None:
    query = f"response_type=code&client_id={application.client_id}&redirect_uri={CALLBACK}&scope=openid"
    await page.goto(f"{idp.url}/oauth2/authorize?{query}")


async def types_password(page: Page, name: str, password: str = PASSWORD) -> None:
    await page.get_by_label("User name or e-mail address").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in", exact=True).click()


async def types_code(page: Page, code: str) -> None:
    await page.get_by_label("Code").fill(code)
    await page.get_by_role("button", name="Confirm").click()


async def logs_out(page: Page, idp: RunningIdp) -> None:
    await page.goto(f"{idp.url}/oauth2/logout")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()


async def test_an_application_wants_a_second_factor(page: Page, idp: RunningIdp) -> None:
    idp.user("ada")
    application = idp.application(factor_rules=[{"second_factor": "required"}])
    await comes_from(page, idp, application)
    await types_password(page, "ada")

    await expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    assert await page.get_by_alt_text("QR code").evaluate("picture => picture.naturalWidth") > 0
    typed = "".join((await page.locator("code").inner_text()).split())
    telephone = TOTP(base64.b32decode(typed + "=" * (-len(typed) % 8)), 6, SHA1(), 30, enforce_key_length=False)

    def shown() -> str:
        return telephone.generate(int(idp.clock().timestamp())).decode()

    await types_code(page, "000000" if shown() != "000000" else "000001")
    await expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    await types_code(page, shown())
    await expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    recovery = await page.locator(".codes li").all_inner_texts()
    assert len(set(recovery)) == 10
    await page.get_by_role("button", name="I have kept them").click()
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()

    await logs_out(page, idp)
    idp.clock.advance(minutes=1)
    await comes_from(page, idp, application)
    await types_password(page, "ada")
    used = shown()
    await types_code(page, used)
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()

    await logs_out(page, idp)
    await comes_from(page, idp, application)
    await types_password(page, "ada")
    await types_code(page, used)
    await expect(page.get_by_role("alert")).to_contain_text("This code is not right")
    await types_code(page, recovery[3])
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()


async def test_a_forgotten_password_is_replaced_by_mail(page: Page, idp: RunningIdp) -> None:
    idp.user("grace")
    application = idp.application()
    await comes_from(page, idp, application)
    await types_password(page, "grace", "what was it?")
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_role("link", name="Forgot password?").click()
    await page.get_by_label("User name or e-mail address").fill("grace@example.com")
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.locator("main")).to_contain_text("a mail with a link is on its way")

    link = re.search(r"https://\S+", idp.mail_to("grace@example.com")["text"])
    assert link
    await page.goto(link[0])
    await page.get_by_label("New password", exact=True).fill("short")
    await page.get_by_label("New password again").fill("short")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("alert")).to_contain_text("at least")
    await page.get_by_label("New password", exact=True).fill("compilers are cheaper")
    await page.get_by_label("New password again").fill("compilers are cheaper")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.locator("main")).to_contain_text("Your password has been changed")

    await page.goto(link[0])
    await expect(page.locator("main")).to_contain_text("This link has been used already")
    await comes_from(page, idp, application)
    await types_password(page, "grace")
    await expect(page.get_by_role("alert")).to_contain_text("is not right")
    await types_password(page, "grace", "compilers are cheaper")
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()
