"""Two servers on one database, behind one address: every step of a login may be the other's."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from admin_client import administrator
from product_descriptor import products

from entryway.accounts.passwords import Passwords
from entryway.authserver.build import build
from entryway.authserver.settings import AuthServerSettings
from entryway.saml import issuing, xml
from entryway.saml.issuing import AssertionDraft
from entryway.saml.subjects import NameId
from entryway.testing.authserver import (
    MASTER_KEY,
    PLATFORM_SECRET,
    REDIRECT_URI,
    BoundApplication,
    RunningAuthServer,
    running_authserver,
)
from entryway.testing.databases import DatabaseUrl
from entryway.testing.passwords import CHEAP
from entryway.testing.saml_provider import SamlProvider, key_of, new_id, provider_for
from entryway.testing.serving import served

PASSWORD = "correct horse"


@dataclass
class Pair:
    """One address, and two servers that answer there by turns."""

    first: RunningAuthServer
    urls: tuple[str, str]
    _turns: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._turns = itertools.cycle(self.urls)

    def browser(self) -> httpx.Client:
        """Return a browser; cookies are of the host, whatever the port."""
        host = urlsplit(self.first.url).netloc
        return httpx.Client(verify=self.first.tls, headers={"host": host, "accept": "text/html"}, timeout=30)

    def ask(self, client: httpx.Client, method: str, path: str, at: int | None = None, **given: Any) -> httpx.Response:
        """Ask the next server, or the one that is named."""
        return client.request(method, (next(self._turns) if at is None else self.urls[at]) + path, **given)

    def token(self, client: httpx.Client, app: BoundApplication, at: int | None = None, **form: str) -> httpx.Response:
        data = {"client_id": app.client_id, "client_secret": app.secret, **form}
        return self.ask(client, "POST", "/oauth/token", at, data=data, headers={"accept": "*/*"})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, database_url: DatabaseUrl) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        first = stack.enter_context(running_authserver(folder, database_url=database_url))

        def another(url: str) -> Any:
            del url  # it is known by the address of the first
            settings = AuthServerSettings(
                public_url=first.url,
                database_url=database_url(folder, "authserver"),
                master_key=MASTER_KEY,
                platform_client_secret=PLATFORM_SECRET,
            )
            return build(settings, clock=first.clock, passwords=Passwords(CHEAP))

        second = stack.enter_context(served(another, first.authority))
        yield Pair(first, (first.url, second))


@pytest.fixture(scope="module")
def app(pair: Pair) -> BoundApplication:
    pair.first.user("erin", PASSWORD, [])
    return pair.first.deploy(products("shared"))


@pytest.fixture
def browser(pair: Pair) -> Iterator[httpx.Client]:
    with pair.browser() as made:
        yield made


def authorize(pair: Pair, browser: httpx.Client, app: BoundApplication, **more: Any) -> httpx.Response:
    query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": REDIRECT_URI}
    at = more.pop("at", None)
    return pair.ask(browser, "GET", "/oauth/authorize", at, params=query | more)


def fill_in(pair: Pair, browser: httpx.Client, page: httpx.Response, password: str = PASSWORD) -> httpx.Response:
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form = {**hidden, "username": "erin", "password": password}
    return pair.ask(browser, "POST", "/login.do", data=form)


def code_of(answer: httpx.Response) -> str:
    assert answer.status_code == 302, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


@pytest.mark.parametrize("first", [0, 1])
def test_a_login_that_is_answered_by_turns(
    pair: Pair, browser: httpx.Client, app: BoundApplication, first: int
) -> None:
    for _ in range(first):
        pair.ask(browser, "GET", "/healthz")
    code = code_of(fill_in(pair, browser, authorize(pair, browser, app)))
    redeemed = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
    tokens = pair.token(browser, app, **redeemed).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for at in (0, 1):
        assert pair.token(browser, app, at, **refresh).status_code == 200
        who = pair.ask(browser, "GET", "/userinfo", at, headers={"authorization": f"Bearer {tokens['access_token']}"})
        assert who.json()["user_name"] == "erin"
        # The session is both servers'.
        assert code_of(authorize(pair, browser, app, at=at))

    # The code a second time, wherever: what came of it ends everywhere.
    assert pair.token(browser, app, **redeemed).status_code == 400
    pair.first.clock.advance(seconds=1)
    for at in (0, 1):
        assert pair.token(browser, app, at, **refresh).status_code in {400, 401}


def test_a_logout_is_one_everywhere(pair: Pair, browser: httpx.Client, app: BoundApplication) -> None:
    fill_in(pair, browser, authorize(pair, browser, app))
    pair.ask(browser, "GET", "/logout.do", 0)
    assert [authorize(pair, browser, app, at=at).status_code for at in (0, 1)] == [200, 200]


def test_wrong_passwords_are_counted_together(pair: Pair, browser: httpx.Client, app: BoundApplication) -> None:
    pair.first.user("locked", PASSWORD, [])
    wrong = {"grant_type": "password", "username": "locked", "password": "wrong"}
    for _ in range(5):
        assert pair.token(browser, app, **wrong).json()["error_description"] == "Bad credentials"
    for at in (0, 1):
        told = pair.token(browser, app, at, **wrong | {"password": PASSWORD}).json()["error_description"]
        assert told.startswith("Your account has been locked")


@pytest.fixture(scope="module")
def company(pair: Pair) -> SamlProvider:
    provider = provider_for(pair.first.http.get("/saml/metadata").content)
    body = {"type": "saml2.0", "originKey": "company", "name": "Company", "config": {"metadata": provider.metadata}}
    made = administrator(pair.first).anywhere("POST", "/sap/rest/identity-providers", body)
    assert made.status_code == 201, made.text
    pair.first.clock.advance(seconds=1)  # then the other server knows, too
    return provider


def test_a_saml_response_comes_to_the_other_and_works_once(
    pair: Pair, browser: httpx.Client, app: BoundApplication, company: SamlProvider
) -> None:
    consumer = urlsplit(company.service_provider.consumer(location=None, index=None).location).path
    request = company.request_in(authorize(pair, browser, app, at=0, idp="company").headers["location"])
    form = company.answer(request, "maria")

    assert code_of(pair.ask(browser, "POST", consumer, 1, data=form))

    for at in (0, 1):
        assert pair.ask(browser, "POST", consumer, at, data=form).status_code == 403
    # The same assertion as an answer to a new request, at either.
    for at in (0, 1):
        with pair.browser() as other:
            authorize(pair, other, app, at=at, idp="company")
            assert pair.ask(other, "POST", consumer, 1 - at, data=form).status_code == 403


def test_an_assertion_for_the_token_endpoint_is_a_grant_once_for_both(
    pair: Pair, browser: httpx.Client, app: BoundApplication, company: SamlProvider
) -> None:
    consumers = company.service_provider.entity.entity_id
    recipient = f"{pair.first.url}/oauth/token/alias/{consumers}"
    now = datetime.now(UTC)
    draft = AssertionDraft(
        id=new_id(),
        issuer=company.entity_id,
        recipient=recipient,
        audience=consumers,
        in_response_to=None,
        name_id=NameId("maria", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
        issued_at=now,
        authenticated_at=now,
        session_index="s",
        attributes={},
    )
    assertion = encoded(issuing.build_assertion(draft, key_of("company")))
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer", "assertion": assertion}
    first = pair.token(browser, app, 0, **grant)
    assert first.status_code == 200, first.text
    assert [pair.token(browser, app, at, **grant).status_code for at in (1, 0)] == [400, 400]


def test_what_one_changes_the_other_sees_within_seconds(pair: Pair, browser: httpx.Client) -> None:
    app = pair.first.deploy(products("leaving"))
    grant = {"grant_type": "client_credentials"}
    assert [pair.token(browser, app, at, **grant).status_code for at in (0, 1)] == [200, 200]

    pair.first.platform("DELETE", f"/applications/{app.instance_id}")

    assert pair.token(browser, app, 0, **grant).status_code == 401
    pair.first.clock.advance(seconds=6)
    assert pair.token(browser, app, 1, **grant).status_code == 401


def test_a_new_key_signs_at_one_and_verifies_at_the_other(
    pair: Pair, browser: httpx.Client, app: BoundApplication
) -> None:
    admin = administrator(pair.first)

    def change(mode: str, **more: str) -> dict[str, Any]:
        body = {"tokenPolicySettings": {"changeMode": mode, **more}}
        settings: dict[str, Any] = admin.done("PATCH", "/securitySettings", body)["tokenPolicySettings"]
        return settings

    def published(at: int) -> set[str]:
        return {key["kid"] for key in pair.ask(browser, "GET", "/token_keys", at).json()["keys"]}

    before = published(1)
    (new,) = set(change("ADD")["keyIds"]) - before
    pair.first.clock.advance(seconds=31)
    assert published(1) == published(0) == before | {new}

    change("FORCE_UPDATE", keyId=new)
    by_new = pair.token(browser, app, 0, grant_type="password", username="erin", password=PASSWORD).json()
    bearer = {"authorization": f"Bearer {by_new['access_token']}"}
    assert pair.ask(browser, "GET", "/userinfo", 1, headers=bearer).status_code == 200
    pair.first.clock.advance(seconds=31)
    by_other = pair.token(browser, app, 1, grant_type="client_credentials").json()["access_token"]
    assert kid_of(by_other) == kid_of(by_new["access_token"]) == new


def kid_of(token: str) -> str:
    first = token.split(".", maxsplit=1)[0]
    kid: str = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))["kid"]
    return kid


def encoded(element: Any) -> str:
    return base64.urlsafe_b64encode(xml.serialize(element)).decode().rstrip("=")
