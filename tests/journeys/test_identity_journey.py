"""An application that logs its users in at the identity provider itself: browser, router and provider together.

The router has no secret: it shows the provider its certificate.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator

import chromium
import demo_landscape
import pytest
import pytest_asyncio
from demo_landscape import Landscape
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.interop]
ROUTER = "products-router"
MTA = """
_schema-version: "3.3"
ID: identity.journey
version: 1.0.0
modules:
  - name: products-router
    type: approuter.nodejs
    path: router
    requires:
      - name: people
        parameters: {{config: {{credential-type: X509_GENERATED}}}}
resources:
  - name: people
    type: org.cloudfoundry.managed-service
    parameters:
      service: identity
      service-plan: application
      config:
        display-name: Journey
        oauth2-configuration:
          redirect-uris: ["http://localhost:{products-router}/login/callback"]
          post-logout-redirect-uris: ["http://localhost:{products-router}/goodbye.html"]
          backchannel-logout-uri: http://localhost:{products-router}/logout-notice
"""
LANDSCAPE = """
ports:
  services: {services}
  certificates: {certificates}
  identity-provider: {identity-provider}
  modules: {{products-router: {products-router}}}
identity-provider:
  users:
    - name: grace
      password: cobol-forever
      given-name: Grace
      family-name: Hopper
      email: grace@navy.example
      groups: [Admirals]
      attributes: {{costCenter: "4711"}}
"""
XS_APP = {
    "welcomeFile": "/user-api/currentUser",
    "logout": {
        "logoutEndpoint": "/logout",
        "logoutPage": "/goodbye.html",
        "backChannelLogoutEndpoint": "/logout-notice",
    },
    "routes": [
        {"source": "^/goodbye.html$", "localDir": "static", "authenticationType": "none"},
        {"source": "^/user-api(.*)", "target": "$1", "service": "sap-approuter-userapi", "authenticationType": "ias"},
    ],
}


@pytest.fixture(scope="module")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    folder = tmp_path_factory.mktemp("identity") / "application"
    static = folder / "router" / "static"
    static.mkdir(parents=True)
    names = ("services", "certificates", "identity-provider", "products-router")
    ports = dict(zip(names, demo_landscape.free_ports(4), strict=True))
    (folder / "mta.yaml").write_text(MTA.format(**ports))
    (folder / "entryway.yaml").write_text(LANDSCAPE.format(**ports))
    (folder / "router" / "xs-app.json").write_text(json.dumps(XS_APP))
    (static / "goodbye.html").write_text("<!doctype html><title>Goodbye</title><h1>Goodbye</h1>")
    started = demo_landscape.start(folder, ports)
    yield started
    assert demo_landscape.stop(started) == 0, started.output()[-4000:]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(landscape: Landscape, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    chromium.install()
    home = chromium.home_that_trusts(landscape.ca, tmp_path_factory.mktemp("home"))
    async with chromium.started(home) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with await browser.new_context() as context:
        yield await context.new_page()


def address(landscape: Landscape, name: str) -> str:
    scheme = "http" if name == ROUTER else "https"
    return f"{scheme}://localhost:{landscape.ports[name]}"


async def log_in(page: Page, landscape: Landscape) -> dict:
    await page.goto(address(landscape, ROUTER))
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.url.startswith(address(landscape, "identity-provider"))
    await page.get_by_label("User name or e-mail address").fill("grace")
    await page.get_by_label("Password").fill("cobol-forever")
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.wait_for_url(f"{address(landscape, ROUTER)}/user-api/currentUser")
    return json.loads(await page.locator("body").inner_text())


async def test_a_user_logs_in_and_out_at_the_identity_provider(page: Page, landscape: Landscape) -> None:
    user = await log_in(page, landscape)
    assert user["firstname"] == "Grace"
    assert user["lastname"] == "Hopper"
    assert user["email"] == "grace@navy.example"
    attributes = await page.goto(f"{address(landscape, ROUTER)}/user-api/attributes")
    assert attributes is not None
    assert (await attributes.json())["groups"] == ["Admirals"]

    await page.goto(f"{address(landscape, ROUTER)}/logout")
    await expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()
    await page.goto(address(landscape, ROUTER))
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def test_who_leaves_the_identity_provider_has_left_the_application(page: Page, landscape: Landscape) -> None:
    await log_in(page, landscape)
    told = landscape.output().count("logout_told")
    await page.goto(f"{address(landscape, 'identity-provider')}/oauth2/logout")
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    # The application's own cookie is still there; the notice by back channel has ended what it stood for.
    async with asyncio.timeout(20):
        while landscape.output().count("logout_told") == told:
            await page.wait_for_timeout(50)
    await page.goto(address(landscape, ROUTER))
    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_binding_and_what_is_printed(landscape: Landscape) -> None:
    services = json.loads(landscape.entryway("env", ROUTER))["VCAP_SERVICES"]
    (binding,) = services["identity"]
    credentials = binding["credentials"]
    assert credentials["url"] == address(landscape, "identity-provider")
    assert credentials["domains"] == ["localhost"]
    assert credentials["app_tid"]
    assert credentials["certificate"]
    assert credentials["key"]
    assert "clientsecret" not in credentials
    assert re.search(r"people +https://localhost:\d+/profile", landscape.output())
    assert "person  grace  password cobol-forever  Admirals" in landscape.output()
    assert (landscape.state / "data" / "idp.db").stat().st_mode & 0o077 == 0
