"""A browser that goes through two of ours to its company, logs in there, and logs out of everything.

Authorization server → identity provider → the company's provider, chosen by a chain of hints.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio
from chromium import install, started
from playwright.async_api import Browser, Page, expect

from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.idp import PASSWORD, RunningIdp, running_idp

pytestmark = [pytest.mark.browser, pytest.mark.interop]
PERSON = "maria"


@dataclass(frozen=True)
class Landscape:
    server: RunningAuthServer
    people: RunningIdp
    company: RunningIdp
    application: BoundApplication
    shop: str


class Shop(BaseHTTPRequestHandler):
    """The application, as far as a browser sees it."""

    def do_GET(self) -> None:
        body = b"<h1>In the shop</h1>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}/callback"
        server.shutdown()
        thread.join()


def known_at(provider: RunningIdp, login: str, logout: str) -> dict[str, str]:
    """Return how a client is configured that is registered at a provider."""
    client = provider.application(redirect_uris=[login], post_logout_redirect_uris=[logout], subject="user_name")
    issuer = provider.http.get("/.well-known/openid-configuration").json()["issuer"]
    return {"issuer": issuer, "client_id": client.client_id, "client_secret": client.secret}


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory, shop: str) -> Iterator[Landscape]:
    folder = tmp_path_factory.mktemp
    # Each on a host of its own: browsers send cookies to every port of one.
    with (
        running_idp(folder("company"), host="127.0.0.1") as company,
        running_idp(folder("people"), authority=company.authority) as people,
        running_authserver(folder("server"), ca_file=company.authority.ca_file) as server,
    ):
        company.user(PERSON, groups=["Sellers"])
        there = known_at(company, f"{people.url}/login/callback/company", f"{people.url}/logout/callback/company")
        people.provider("company", type="oidc1.0", config=there)
        here = known_at(people, f"{server.url}/login/callback/people", f"{server.url}/logout/callback/people")
        trust = {"type": "oidc1.0", "originKey": "people", "name": "People", "config": here, "availableForLogon": False}
        # The platform may do what administrators may.
        headers = {"authorization": f"Bearer {server.platform_token()}"}
        answer = server.http.post("/sap/rest/identity-providers", json=trust, headers=headers)
        assert answer.status_code == 201, answer.text
        application = server.deploy({"xsappname": "company-journey", "oauth2-configuration": {"redirect-uris": [shop]}})
        yield Landscape(server, people, company, application, shop)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    install()
    async with started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with await browser.new_context(locale="en-US", ignore_https_errors=True) as context:
        yield await context.new_page()


async def comes_from_the_application(page: Page, landscape: Landscape) -> None:
    asked = {
        "response_type": "code",
        "client_id": landscape.application.client_id,
        "redirect_uri": landscape.shop,
        "idp": "people,company",
    }
    await page.goto(f"{landscape.server.url}/oauth/authorize?{urlencode(asked)}")


async def test_through_both_to_the_company_and_out_again(page: Page, landscape: Landscape) -> None:
    await comes_from_the_application(page, landscape)
    await expect(page.get_by_label("User name or e-mail address")).to_be_visible()
    assert urlsplit(page.url).hostname == "127.0.0.1"
    await page.get_by_label("User name or e-mail address").fill(PERSON)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()
    code = parse_qs(urlsplit(page.url).query)["code"][0]
    assert landscape.server.redeem(landscape.application, code, redirect_uri=landscape.shop).json()["access_token"]
    [user] = [one for one in landscape.people.admin("GET", "/users").json()["users"] if one["user_name"] == PERSON]
    assert user["email"] == f"{PERSON}@example.com"

    # Logged in is logged in, at all three.
    await comes_from_the_application(page, landscape)
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()

    query = {"redirect": landscape.shop, "client_id": landscape.application.client_id}
    await page.goto(f"{landscape.server.url}/logout.do?{urlencode(query)}")
    await expect(page.get_by_role("heading", name="In the shop")).to_be_visible()
    assert page.url == landscape.shop
    await comes_from_the_application(page, landscape)
    await expect(page.get_by_label("User name or e-mail address")).to_be_visible()
    assert urlsplit(page.url).hostname == "127.0.0.1"
