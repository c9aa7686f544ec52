"""SimpleSAMLphp, unmodified, as a company's identity provider, by which a browser gets into an application."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import chromium
import pytest
import simplesamlphp
from playwright.async_api import Page, Request, expect

from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver

pytestmark = [pytest.mark.peers, pytest.mark.browser]
PASSWORD = "correct horse battery"
PIA = {
    "mail": ["pia@company.example"],
    "first_name": ["Pia"],
    "last_name": ["Muster"],
    "Groups": ["buyers", "staff"],
    "costCenter": ["4711"],
}
OTTO = {"mail": ["otto@company.example"], "first_name": ["Otto"], "last_name": ["Muster"], "Groups": ["staff"]}
USERS = {f"pia:{PASSWORD}": PIA, f"otto:{PASSWORD}": OTTO}


def administer(server: RunningAuthServer, method: str, path: str, body: dict[str, Any]) -> None:
    """Ask an interface of administrators, as a program of theirs."""
    instance = str(uuid.uuid4())
    assert server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"}).status_code == 201
    token = server.token(server.bind(instance), grant_type="client_credentials").json()["access_token"]
    answer = server.http.request(method, f"/sap/rest{path}", json=body, headers={"authorization": f"Bearer {token}"})
    assert answer.is_success, answer.text


def shop(server: RunningAuthServer, callback: str) -> BoundApplication:
    """Deploy an application whose scope comes with a group of the company's."""
    application = server.deploy(
        {
            "xsappname": "shop",
            "scopes": [{"name": "$XSAPPNAME.Buy"}],
            "role-templates": [{"name": "Buyer", "scope-references": ["$XSAPPNAME.Buy"]}],
            "role-collections": [{"name": "Buyers", "role-template-references": ["$XSAPPNAME.Buyer"]}],
            "oauth2-configuration": {"redirect-uris": [callback]},
        }
    )
    mapping = {"attributeName": "Groups", "attributeValue": "buyers", "roleCollectionName": "Buyers"}
    administer(server, "POST", "/authorization/v2/identity-providers/company/attributes", mapping)
    return application


async def log_in(
    page: Page, server: RunningAuthServer, application: BoundApplication, callback: str, user: str
) -> dict[str, Any]:
    """Come from the application, log in at the provider, and return what the application is told."""
    asked = {"response_type": "code", "client_id": application.client_id, "redirect_uri": callback, "idp": "company"}
    await page.goto(f"{server.url}/oauth/authorize?{urlencode(asked)}")
    await expect(page.get_by_role("heading", name="Enter your username and password", level=2)).to_be_visible()
    await page.get_by_label("Username").fill(user)
    password = page.get_by_label("Password")
    await password.fill(PASSWORD)
    await password.press("Enter")
    await expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()
    code = parse_qs(urlsplit(page.url).query)["code"][0]
    answer = server.redeem(application, code, redirect_uri=callback)
    assert answer.status_code == 200, answer.text
    payload = answer.json()["access_token"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


async def test_a_browser_logs_in_and_out_at_simplesamlphp(tmp_path: Path) -> None:
    chromium.install()
    with (
        running_authserver(tmp_path / "uaa") as server,
        simplesamlphp.running(server.http.get("/saml/metadata").content, USERS, server.authority) as provider,
    ):
        config = {"metadata": provider.metadata}
        trust = {"type": "saml2.0", "originKey": "company", "name": "Company", "config": config}
        administer(server, "POST", "/identity-providers", trust)
        callback = f"{provider.url}/farewell.html"
        application = shop(server, callback)
        home = chromium.home_that_trusts(server.ca_file, tmp_path / "home")
        async with chromium.started(home) as browser:
            page = await browser.new_page()
            asked: list[str] = []
            answers: list[str] = []

            def note(request: Request) -> None:
                if "/idp/SSOService.php" in request.url:
                    asked.append(request.method)
                if "/saml/SSO/alias/" in request.url:
                    answers.append(parse_qs(request.post_data or "")["SAMLResponse"][0])

            page.on("request", note)
            told = await log_in(page, server, application, callback, "pia")
            assert (told["origin"], told["user_name"]) == ("company", "pia@company.example")
            assert (told["given_name"], told["family_name"]) == ("Pia", "Muster")
            assert sorted(told["xs.system.attributes"]["xs.saml.groups"]) == ["buyers", "staff"]
            assert told["xs.system.attributes"]["xs.rolecollections"] == ["Buyers"]
            assert f"{application.name}.Buy" in told["scope"]
            assert asked[0] == "GET"
            assert b"EncryptedAssertion" in base64.b64decode(answers[0])

            leaving = urlencode({"redirect": callback, "client_id": application.client_id})
            await page.goto(f"{server.url}/logout.do?{leaving}")
            await expect(page.get_by_role("heading", name="Goodbye")).to_be_visible()

            # Logged out over there, too, or nobody would be asked for a password; this time the request is a form.
            administer(server, "PATCH", "/identity-providers/company", {"config": {"request_binding": "post"}})
            asked.clear()
            told = await log_in(page, server, application, callback, "otto")
            assert told["user_name"] == "otto@company.example"
            assert told["xs.system.attributes"] == {"xs.saml.groups": ["staff"], "xs.rolecollections": []}
            assert f"{application.name}.Buy" not in told["scope"]
            assert asked[0] == "POST"
