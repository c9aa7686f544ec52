"""Every page of the authorization server in a real browser, in both languages, judged by the rules of axe-core."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from chromium import install, started
from playwright.async_api import Browser, expect
from readers import Reader, axe_script, reading

from entryway.testing.authserver import REDIRECT_URI, BoundApplication, RunningAuthServer, running_authserver
from entryway.web.pages import Branding, Link, Logo

pytestmark = [pytest.mark.browser, pytest.mark.interop]
PERSON, PASSWORD = "pat@example.com", "correct horse battery"
BRANDING = Branding(
    name="Muster & Söhne",
    logo=Logo(
        media_type="image/svg+xml",
        content=b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 4"><path d="M0 0h9v4H0z"/></svg>',
    ),
    accent="#7a1f5c",
    links=(Link(url="https://example.com/imprint", text={"en": "Imprint", "de": "Impressum"}),),
)


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_script()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("pages"), branding=BRANDING) as running:
        running.user(PERSON, PASSWORD)
        yield running


@pytest.fixture(scope="module")
def application(server: RunningAuthServer) -> BoundApplication:
    return server.deploy({"xsappname": "pages"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    install()
    async with started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module", params=["en-GB", "de-AT"])
async def reader(
    request: pytest.FixtureRequest, server: RunningAuthServer, axe: str, browser: Browser
) -> AsyncIterator[Reader]:
    async with reading(browser, server.url, axe, request.param) as found:
        yield found


SAID = {
    "en": {
        "login": "Log in",
        "user": "User name",
        "password": "Password",
        "wrong": "is not right",
        "welcome": "You are logged in",
        "passcode": "Your passcode",
        "who": "Who you are",
        "out": "You are logged out",
        "again": "Log in again",
        "refused": "Authorization Request Error",
        "unknown": "is not known in this tenant",
        "wrong_page": "Something went wrong",
        "tenant": "no tenant at this address",
        "imprint": "Imprint",
    },
    "de": {
        "login": "Anmelden",
        "user": "Benutzername",
        "password": "Kennwort",
        "wrong": "stimmt nicht",
        "welcome": "Sie sind angemeldet",
        "passcode": "Ihr Einmalcode",
        "who": "Wer Sie sind",
        "out": "Sie sind abgemeldet",
        "again": "Wieder anmelden",
        "refused": "Anmeldung nicht möglich",
        "unknown": "in diesem Mandanten nicht bekannt",
        "wrong_page": "Etwas ist schiefgegangen",
        "tenant": "keinen Mandanten",
        "imprint": "Impressum",
    },
}


async def test_every_page_speaks_the_readers_language_and_is_accessible(
    reader: Reader, application: BoundApplication
) -> None:
    page = reader.page
    language = (await page.evaluate("navigator.language"))[:2]
    said = SAID[language]

    await reader.opens(
        "/oauth/authorize", response_type="code", client_id=application.client_id, redirect_uri=REDIRECT_URI
    )
    await reader.finds(said["login"], language)
    await expect(page).to_have_title(f"{said['login']} · Muster & Söhne")
    await expect(page.get_by_role("link", name=said["imprint"])).to_have_attribute(
        "href", "https://example.com/imprint"
    )
    # Dark, as `finds` left it, is not branded.
    await expect(page.locator("button")).to_have_css("background-color", "rgb(108, 193, 240)")
    await page.emulate_media(color_scheme="light")
    await expect(page.locator("button")).to_have_css("background-color", "rgb(122, 31, 92)")
    assert await page.locator("img.logo").evaluate("logo => logo.naturalWidth") > 0

    await page.goto(f"{reader.url}/login")
    await expect(page.get_by_label(said["user"])).to_be_focused()
    await page.keyboard.type(PERSON)
    await page.keyboard.press("Tab")
    await expect(page.get_by_label(said["password"])).to_be_focused()
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text(said["wrong"])
    await reader.finds(said["login"], language)
    described = await page.get_by_label(said["password"]).get_attribute("aria-describedby")
    await expect(page.locator(f"#{described}")).to_contain_text(said["wrong"])

    await expect(page.get_by_label(said["password"])).to_be_focused()
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await reader.finds(said["welcome"], language)
    await reader.opens("/passcode")
    await reader.finds(said["passcode"], language)
    await reader.opens("/config", action="who")
    await reader.finds(said["who"], language)
    await reader.opens("/logout.do")
    await reader.finds(said["out"], language)
    await page.get_by_role("link", name=said["again"]).click()
    await reader.finds(said["login"], language)

    await reader.opens("/oauth/authorize", response_type="code", client_id="sb-nobody!t1")
    await reader.finds(said["refused"], language)
    await expect(page.locator("main")).to_contain_text(said["unknown"])
    await reader.opens("/login", zid="00000000-0000-0000-0000-000000000000")
    await reader.finds(said["wrong_page"], language)
    await expect(page.locator("main")).to_contain_text(said["tenant"])
    # The browser itself reports the statuses of the refusals; nothing else may have been said.
    assert [text for text in reader.complaints if "status of 40" not in text] == []


async def test_an_application_chooses_the_language_with_ui_locales(
    reader: Reader, application: BoundApplication
) -> None:
    query = {"response_type": "code", "client_id": application.client_id, "redirect_uri": REDIRECT_URI}
    await reader.opens("/oauth/authorize", **query, ui_locales="fr de-CH en")
    await expect(reader.page.get_by_role("heading")).to_have_text("Anmelden")
    await reader.page.get_by_label("Benutzername").fill(PERSON)
    await reader.page.get_by_label("Kennwort").fill("wrong")
    await reader.page.keyboard.press("Enter")
    await expect(reader.page.get_by_role("alert")).to_contain_text("stimmt nicht")
    await reader.opens("/oauth/authorize", **query, ui_locales="en")
    await expect(reader.page.get_by_role("heading")).to_have_text("Log in")
