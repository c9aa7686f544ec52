"""Every page of the identity provider in a real browser, in both languages, judged by the rules of axe-core."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from chromium import install, started
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.async_api import Browser, Page, expect
from readers import Reader, axe_script, reading

from entryway.idp.pages.wording import say
from entryway.testing.idp import CALLBACK, PASSWORD, RegisteredApplication, RunningIdp, running_idp

pytestmark = [pytest.mark.browser, pytest.mark.interop]


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_script()


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    with running_idp(tmp_path_factory.mktemp("pages")) as running:
        config = {"issuer": "https://company.example", "client_id": "ours", "client_secret": "secret"}
        running.provider("company", type="oidc1.0", config=config)
        running.set("self-service", registration=True)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    install()
    async with started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module", params=["en-GB", "de-AT"])
async def reader(request: pytest.FixtureRequest, idp: RunningIdp, axe: str, browser: Browser) -> AsyncIterator[Reader]:
    async with reading(browser, idp.url, axe, request.param) as found:
        await found.page.context.route(f"{CALLBACK}*", lambda route: route.fulfill(body="<h1>In the shop</h1>"))
        yield found


async def language_of(reader: Reader) -> str:
    return (await reader.page.evaluate("navigator.language"))[:2]


async def comes_from(reader: Reader, application: RegisteredApplication, **more: str) -> None:
    query = {"response_type": "code", "client_id": application.client_id, "redirect_uri": CALLBACK, **more}
    await reader.opens("/oauth2/authorize", **query)


async def types(page: Page, **fields: str) -> None:
    """Fill in fields by their names and send the form of the last."""
    for name, value in fields.items():
        await page.locator(f"[name={name}]:not([type=hidden])").fill(value)
    await page.locator(f"form:has([name={name}]:not([type=hidden])) button[type=submit]").first.click()


async def authenticator(page: Page) -> TOTP:
    typed = "".join((await page.locator("code").first.inner_text()).split())
    key = base64.b32decode(typed + "=" * (-len(typed) % 8))
    return TOTP(key, 6, SHA1(), 30, enforce_key_length=False)


def link_in(mail: dict[str, str]) -> str:
    found = re.search(r"https://\S+", mail["text"])
    assert found is not None
    return found[0]


async def test_pages_of_a_login(reader: Reader, idp: RunningIdp) -> None:
    page, language = reader.page, await language_of(reader)
    name = f"ada-{language}"
    idp.user(name)
    rules = [{"provider": "company", "email_domains": ["company.example"]}]
    await comes_from(reader, idp.application(logins={"rules": rules}))
    await reader.finds(say(language, "login.title"), language)
    await types(page, username=name)
    await reader.finds(say(language, "login.title"), language)

    await comes_from(reader, idp.application(factor_rules=[{"second_factor": "required"}]))
    await expect(page.get_by_role("button", name="Company")).to_be_visible()
    await types(page, username=name, password="wrong")
    await expect(page.get_by_role("alert")).to_be_visible()
    await reader.finds(say(language, "login.title"), language)
    await types(page, username=name, password=PASSWORD)
    await reader.finds(say(language, "enrol.title"), language)
    app = await authenticator(page)
    await types(page, code=app.generate(idp.clock().timestamp()).decode())
    await reader.finds(say(language, "recovery.title"), language)

    await page.context.clear_cookies()
    await reader.opens("/login")
    await types(page, username=name, password=PASSWORD)
    await reader.finds(say(language, "code.title"), language)
    await types(page, code="000000")
    await expect(page.get_by_role("alert")).to_be_visible()
    await reader.finds(say(language, "code.title"), language)

    await page.context.clear_cookies()
    idp.user(f"{name}-new", password="some other words", must_change_password=True)
    await reader.opens("/login")
    await types(page, username=f"{name}-new", password="some other words")
    await reader.finds(say(language, "change.title"), language)
    await types(page, password="short", repeated="short")
    await reader.finds(say(language, "change.title"), language)

    for path, query in (
        ("/oauth2/authorize", {"client_id": "nobody"}),
        ("/password/new", {"purpose": "reset", "token": "x"}),
        ("/nothing", {}),
        ("/saml2/idp/sso", {"SAMLRequest": "x"}),
        ("/login/callback/company", {"state": "x"}),
        ("/login/callback/nobody", {}),
        ("/login/resume", {"attempt": "x"}),
    ):
        await reader.opens(path, **query)
        await reader.finds(say(language, "error.title"), language)


async def test_pages_of_an_account(reader: Reader, idp: RunningIdp) -> None:
    page, language = reader.page, await language_of(reader)
    name = f"bea-{language}"
    idp.user(name)
    await reader.opens("/password/forgotten")
    await reader.finds(say(language, "forgotten.title"), language)
    await types(page, username=name)
    await reader.finds(say(language, "forgotten.title"), language)
    await page.goto(link_in(idp.mail_to(f"{name}@example.com")))
    await reader.finds(say(language, "change.title"), language)

    await reader.opens("/register")
    await reader.finds(say(language, "register.title"), language)
    await types(page, given_name="Bea", family_name="Example", email=f"{name}-2@example.com")
    await reader.finds(say(language, "register.title"), language)

    await reader.opens("/login")
    await types(page, username=name, password=PASSWORD)
    await reader.finds(f"{name.capitalize()} Example", language)
    await page.locator("form[action='/profile/verification'] button").click()
    await page.goto(link_in(idp.mail_to(f"{name}@example.com", 2)))
    await reader.finds(say(language, "verify.title"), language)
    await reader.opens("/profile/passkeys")
    await reader.finds(say(language, "profile.passkey_add"), language)
    await reader.opens("/profile/app")
    await reader.finds(say(language, "profile.app_add"), language)
    app = await authenticator(page)
    await types(page, code=app.generate(idp.clock().timestamp()).decode())
    await reader.finds(say(language, "recovery.title"), language)

    await reader.opens("/oauth2/logout")
    await reader.finds(say(language, "logout.question"), language)
    await page.locator("main button").click()
    await reader.finds(say(language, "logout.title"), language)


async def test_pages_of_administrators(reader: Reader, idp: RunningIdp) -> None:
    page, language = reader.page, await language_of(reader)
    name = f"cleo-{language}"
    idp.user(name, groups=["Identity Administrators", f"group-{language}"])
    application = idp.application(client_id=f"shop-{language}")
    await reader.opens("/admin")
    await types(page, username=name, password=PASSWORD)
    for path, heading in (
        ("/admin/users", "admin.users"),
        ("/admin/users/new", "admin.new_user"),
        ("/admin/groups", "admin.groups"),
        ("/admin/applications", "admin.applications"),
        ("/admin/providers", "admin.providers"),
        ("/admin/settings", "admin.settings"),
        ("/admin/trail", "admin.trail"),
        ("/admin/import", "import.title"),
    ):
        await reader.opens(path)
        await reader.finds(say(language, heading), language)
    await reader.opens("/admin/users", search=name)
    await page.get_by_role("link", name=name).click()
    await reader.finds(f"{name.capitalize()} Example", language)
    await reader.opens("/admin/groups", search=f"group-{language}")
    await page.get_by_role("link", name=f"group-{language}").click()
    await reader.finds(f"group-{language}", language)
    await reader.opens(f"/admin/applications/{application.id}")
    await reader.finds(f"shop-{language}", language)
    await page.locator("form[action$='/secrets'] button").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await reader.finds(f"shop-{language}", language)
    await reader.opens("/admin/providers/company")
    await reader.finds("Company", language)
    # What the browser makes of a text of several lines is what was shown.
    await page.locator("form[action='/admin/providers/company'] button").click()
    await reader.finds("Company", language)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await types(page, settings="{")
    await expect(page.get_by_role("alert")).to_be_visible()
    await reader.finds("Company", language)

    await reader.opens("/admin/import")
    await types(page, table=f"user_name\n{name}-a\n{name}-a\n")
    await expect(page.get_by_role("alert")).to_be_visible()
    await reader.finds(say(language, "import.title"), language)
    await types(page, table=f"user_name;given_name\n{name}-a;Ä\n")
    await reader.finds(say(language, "import.title"), language)
    await page.locator("button[formaction]").click()
    await expect(page.get_by_role("status")).to_contain_text("1")
    await reader.finds(say(language, "import.title"), language)
    assert next(one for one in idp.users() if one["user_name"] == f"{name}-a")["given_name"] == "Ä"
