"""Apache with mod_auth_mellon, unmodified, logs a browser in at the identity provider by SAML."""

from __future__ import annotations

from pathlib import Path

import apache
import chromium
import httpx
import pytest
from playwright.async_api import expect

from entryway.saml.keys import new_key_pair
from entryway.testing.idp import PASSWORD, running_idp

pytestmark = [pytest.mark.peers, pytest.mark.browser]
PERSON = "pia@example.com"


def own_metadata(url: str) -> str:
    """Return what the module says of itself."""
    answer = httpx.get(f"{url}/mellon/metadata", timeout=10)
    assert answer.status_code == 200
    return answer.text


async def test_mod_auth_mellon_logs_a_browser_in_and_out(tmp_path: Path) -> None:
    chromium.install()
    apache.install("mod_auth_mellon")
    port = apache.free_port()
    with running_idp(tmp_path / "idp") as idp, apache.public_folder() as folder:
        idp.user(PERSON)
        key = new_key_pair("mellon", idp.clock())
        (folder / "sp.key").write_bytes(key.private_pem)
        (folder / "sp.pem").write_text(key.certificate_pem)
        (folder / "idp.xml").write_text(idp.http.get("/saml2/metadata").text, "utf-8")
        directives = f"""
<Location />
  MellonEnable info
  MellonEndpointPath /mellon
  MellonSPentityId http://localhost:{port}/mellon/metadata
  MellonSPPrivateKeyFile {folder}/sp.key
  MellonSPCertFile {folder}/sp.pem
  MellonIdPMetadataFile {folder}/idp.xml
  MellonSignatureMethod rsa-sha256
  MellonUser mail
  MellonSecureCookie Secure
  MellonCookieSameSite None
  MellonRedirectDomains [self]
</Location>
<LocationMatch "^/(index.shtml)?$">
  MellonEnable auth
  AuthType Mellon
  Require valid-user
</LocationMatch>
"""
        home = chromium.home_that_trusts(idp.authority.ca_file, tmp_path / "home")
        with apache.running(folder, port, ["auth_mellon"], directives) as url:
            idp.application(saml_metadata=own_metadata(url))
            async with chromium.started(home) as browser:
                page = await browser.new_page()
                await page.goto(f"{url}/index.shtml")
                await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
                await page.get_by_label("User name").fill(PERSON)
                await page.get_by_label("Password").fill(PASSWORD)
                await page.get_by_role("button", name="Log in", exact=True).click()
                await expect(page.get_by_role("heading", name=f"Hello {PERSON}")).to_be_visible()
                await page.goto(f"{url}/mellon/logout?ReturnTo={url}/farewell.html")
                await expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()
                await page.goto(f"{url}/index.shtml")
                await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
