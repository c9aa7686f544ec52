"""Apache with mod_auth_openidc, unmodified, logs a browser in against the authorization server."""

from __future__ import annotations

import shutil
from pathlib import Path

import apache
import chromium
import pytest
from playwright.async_api import expect

from entryway.testing.authserver import running_authserver

pytestmark = [pytest.mark.peers, pytest.mark.browser]
PERSON, PASSWORD = "pia@example.com", "correct horse battery"


async def test_mod_auth_openidc_logs_a_browser_in_and_out(tmp_path: Path) -> None:
    chromium.install()
    apache.install("mod_auth_openidc")
    port = apache.free_port()
    with running_authserver(tmp_path / "uaa") as server, apache.public_folder() as folder:
        server.user(PERSON, PASSWORD)
        application = server.deploy(
            {
                "xsappname": "shop",
                "oauth2-configuration": {"redirect-uris": [f"http://localhost:{port}/oidc", "http://localhost/**"]},
            }
        )
        shutil.copy(server.ca_file, folder / "ca.pem")
        directives = f"""
OIDCProviderMetadataURL {server.url}/oauth/token/.well-known/openid-configuration
OIDCSSLValidateServer On
OIDCCABundlePath {folder}/ca.pem
OIDCClientID "{application.client_id}"
OIDCClientSecret "{application.secret}"
OIDCRedirectURI http://localhost:{port}/oidc
OIDCCryptoPassphrase of-a-test
OIDCPKCEMethod S256
OIDCScope openid
OIDCRemoteUserClaim user_name
OIDCUserInfoRefreshInterval 0
OIDCCacheType file
OIDCCacheDir {folder}
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
<Location /farewell.html>
  AuthType None
  Require all granted
</Location>
"""
        folder.chmod(0o777)
        home = chromium.home_that_trusts(server.ca_file, tmp_path / "home")
        with apache.running(folder, port, ["auth_openidc"], directives) as url:
            async with chromium.started(home) as browser:
                page = await browser.new_page()
                await page.goto(f"{url}/")
                await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
                await page.get_by_label("User name").fill(PERSON)
                await page.get_by_label("Password").fill(PASSWORD)
                await page.get_by_role("button", name="Log in").click()
                await expect(page.get_by_role("heading", name=f"Hello {PERSON}")).to_be_visible()
                await page.goto(f"{url}/oidc?logout={url}/farewell.html")
                await expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()
                await page.goto(f"{url}/")
                await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
