"""oidc-client-ts and MSAL, unmodified, in an application that runs in Chromium alone, without a server and a secret."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from chromium import install, started
from playwright.async_api import Browser, Page

from entryway.testing.authority import TestAuthority
from entryway.testing.authserver import running_authserver
from entryway.testing.idp import running_idp
from entryway.testing.npm import install as install_packages

pytestmark = [pytest.mark.browser, pytest.mark.peers]
FOLDER = Path(__file__).parent / "clients_in_a_browser"
FILES = {
    "/oidc-client-ts.js": "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js",
    "/msal-browser.js": "node_modules/@azure/msal-browser/lib/msal-browser.min.js",
}
PERSON, PASSWORD = "grace", "correct horse battery"


class Files(SimpleHTTPRequestHandler):
    """The libraries, and the one page at every other path."""

    def translate_path(self, path: str) -> str:
        return str(FOLDER / FILES.get(path, "page.html"))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def application_at(authority: TestAuthority) -> Iterator[str]:
    files = authority.issue_server()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)
    # Of the same scheme as the servers: browsers hold a frame of another one for another site's, and send no cookies.
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files)) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """Where the application is, and by what settings it knows either server."""
    install_packages(FOLDER, "oidc-client-ts")
    authority = TestAuthority.create(tmp_path_factory.mktemp("application"))
    with (
        application_at(authority) as address,
        running_authserver(tmp_path_factory.mktemp("authserver")) as authserver,
        running_idp(tmp_path_factory.mktemp("idp")) as idp,
    ):
        authserver.user(PERSON, PASSWORD)
        idp.user(PERSON, PASSWORD)
        ours = [f"{address}/**"]
        descriptor = {"xsappname": "spa", "oauth2-configuration": {"allowpublic": True, "redirect-uris": ours}}
        grants = ["authorization_code", "refresh_token"]
        public = {"public": True, "grant_types": grants, "redirect_uris": ours, "post_logout_redirect_uris": ours}
        yield {
            "address": address,
            "authserver": {
                "issuer": f"{authserver.url}/oauth/token",
                "clientId": authserver.deploy(descriptor).client_id,
            },
            "idp": {"issuer": idp.url, "clientId": idp.application(**public).client_id},
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    install()
    async with started(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    # Three authorities of tests; whose certificates browsers believe is the matter of other journeys.
    context = await browser.new_context(ignore_https_errors=True)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def log_in(page: Page, back: str) -> None:
    await page.fill("input[name=username]", PERSON)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{back}/**")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("response_mode", ["query", "fragment"])
@pytest.mark.parametrize("server", ["authserver", "idp"])
async def test_oidc_client_ts_logs_in_renews_and_logs_out(
    servers: Mapping[str, Any], page: Page, server: str, response_mode: str
) -> None:
    settings = {**servers[server], "responseMode": response_mode}
    await page.goto(f"{servers['address']}/?settings={quote(json.dumps(settings))}")
    await page.evaluate("() => void oidcClient().signinRedirect()")
    await log_in(page, servers["address"])

    profile = await page.evaluate("oidcClient().signinCallback().then((user) => user.profile)")
    assert (profile["preferred_username"], profile["iss"]) == (PERSON, settings["issuer"])

    renew = """async (forget) => {
      const users = oidcClient(), before = await users.getUser();
      const access = before.access_token;
      if (forget) await users.storeUser(Object.assign(before, { refresh_token: undefined }));
      const after = await users.signinSilent();
      return { renewed: after.access_token !== access, sub: after.profile.sub };
    }"""
    # By the refresh token, and without one in a frame that nobody sees.
    for forget in (False, True):
        assert await page.evaluate(renew, forget) == {"renewed": True, "sub": profile["sub"]}

    await page.evaluate("() => void oidcClient().signoutRedirect()")
    await page.wait_for_url(f"{servers['address']}/farewell*")
    refused = "oidcClient().signinSilent().then(() => 'logged in', (error) => error.error)"
    assert await page.evaluate(refused) == "login_required"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("server", ["authserver", "idp"])
async def test_msal_logs_in_and_renews(servers: Mapping[str, Any], page: Page, server: str) -> None:
    """It wants a path in the issuer, for which the identity provider has one more address of its metadata."""
    settings = dict(servers[server])
    if server == "idp":
        settings["issuer"] += "/oauth2"
    await page.goto(f"{servers['address']}/?settings={quote(json.dumps(settings))}")
    await page.evaluate("() => void msalClient().then((client) => client.loginRedirect({ scopes: ['openid'] }))")
    await log_in(page, servers["address"])

    renewed = await page.evaluate(
        """async () => {
          const client = await msalClient();
          const { account, accessToken } = await client.handleRedirectPromise({ navigateToLoginRequestUrl: false });
          const again = await client.acquireTokenSilent({ scopes: ["openid"], account, forceRefresh: true });
          return { who: account.username, renewed: again.accessToken !== accessToken };
        }"""
    )
    assert renewed == {"who": PERSON, "renewed": True}
