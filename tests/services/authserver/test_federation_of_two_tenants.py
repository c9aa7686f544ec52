"""One provider that two tenants trust: what it says to one of them is nothing at the other."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest
from product_descriptor import products
from test_saml_trust import GRANT, PROVIDERS, bearer

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer, running_authserver
from entryway.testing.saml_provider import SamlProvider, provider_for

ORIGIN = "company"
WHO = {"action": "who", "details": "true"}


@dataclass(frozen=True)
class Tenant:
    server: RunningAuthServer
    id: str
    prefix: str
    company: SamlProvider

    @property
    def consumer(self) -> str:
        document = self.server.http.get(f"{self.prefix}/saml/metadata").text
        return urlsplit(re.findall(r'"([^"]*/saml/SSO/alias/[^"]*)"', document)[0]).path

    def ask(self, method: str, path: str, body: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.server.platform_token()}", "x-identity-zone-id": self.id}
        answer = self.server.http.request(method, path, json=body, headers=headers)
        assert answer.status_code in {200, 201}, answer.text
        return answer

    def application(self) -> BoundApplication:
        made, binding = f"/entryway/v1/applications/{uuid.uuid4()}", uuid.uuid4()
        self.ask("PUT", made, {"plan": "application", "xs_security": products(f"app-{uuid.uuid4().hex[:6]}")})
        told = self.ask("PUT", f"{made}/bindings/{binding}", {"parameters": {}}).json()
        return BoundApplication(made, told.get("credentials", told))

    def who(self, browser: Browser) -> dict[str, object]:
        answer = browser.http.get(f"{self.prefix}/config", params=WHO, headers={"accept": "application/json"})
        return dict(answer.json()) if answer.status_code == 200 else {}


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, Tenant]]:
    with running_authserver(tmp_path_factory.mktemp("tenants"), tenant_url="{url}/t/{subdomain}") as server:
        made = []
        for name in ("one", "two"):
            answer = server.platform("POST", "/tenants", {"subdomain": name, "name": name})
            prefix = urlsplit(answer.json()["url"]).path
            company = provider_for(server.http.get(f"{prefix}/saml/metadata").content)
            tenant = Tenant(server, answer.json()["id"], prefix, company)
            config = {"metadata": company.metadata, "idp_initiated": True}
            tenant.ask("POST", PROVIDERS, {"type": "saml2.0", "originKey": ORIGIN, "name": "x", "config": config})
            made.append(tenant)
        yield made[0], made[1]


def test_what_is_for_one_tenant_is_refused_by_the_other(tenants: tuple[Tenant, Tenant], browser: Browser) -> None:
    one, two = tenants
    for audience in (one, two):
        answer = one.company.answer(None, audience=audience.company.service_provider.entity.entity_id)
        refused = browser.http.post(two.consumer, data=answer)
        assert (refused.status_code, refused.headers["entryway-error"]) == (403, "login_refused")
    assert browser.http.post(one.consumer, data=one.company.answer(None)).status_code == 200


def test_an_assertion_for_one_tenants_token_endpoint_is_refused_by_the_other(tenants: tuple[Tenant, Tenant]) -> None:
    def exchange(at: Tenant, app: BoundApplication, assertion: str) -> httpx.Response:
        form = {"grant_type": GRANT, "assertion": assertion, "client_id": app.client_id, "client_secret": app.secret}
        return at.server.http.post(f"{at.prefix}/oauth/token", data=form)

    one, two = tenants
    own, other = one.application(), two.application()
    recipient = f"{one.server.url}{one.prefix}/oauth/token/alias/{one.company.service_provider.entity.entity_id}"
    assert exchange(two, other, bearer(one.company, recipient)).status_code in {400, 401}
    assert exchange(one, own, bearer(one.company, recipient)).status_code == 200


def test_users_of_one_name_and_address_are_two(tenants: tuple[Tenant, Tenant], browser: Browser) -> None:
    one, two = tenants
    said = {"mail": ["eve@company.example"]}
    answer = one.company.answer(None, "eve", attributes={**said, "Groups": ["bosses"]})
    assert browser.http.post(one.consumer, data=answer).status_code == 200
    known = one.who(browser)
    assert "bosses" in str(known)
    assert two.who(browser) == {}
    assert browser.http.post(two.consumer, data=two.company.answer(None, "eve", attributes=said)).status_code == 200
    assert "bosses" not in str(two.who(browser))


def test_a_logout_at_one_tenant_ends_no_login_at_the_other(tenants: tuple[Tenant, Tenant], browser: Browser) -> None:
    one, two = tenants
    assert browser.http.post(two.consumer, data=two.company.answer(None, "stays")).status_code == 200
    provider = two.server.browser()
    there = urlsplit(one.company.logout_url("stays", "session-1"))
    assert provider.http.get(f"{there.path}?{there.query}").status_code == 302
    elsewhere = there.path.replace("/t/one", "/t/two").replace("one.localhost", "two.localhost")
    assert provider.http.get(f"{elsewhere}?{there.query}").status_code == 400
    assert two.who(browser)
    provider.http.close()


@pytest.fixture
def browser(tenants: tuple[Tenant, Tenant]) -> Iterator[Browser]:
    made = tenants[0].server.browser()
    yield made
    made.http.close()
