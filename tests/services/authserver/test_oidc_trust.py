"""An OpenID Connect provider in front of the authorization server: another real one of ours, which logs users in."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from admin_client import Administrator, administrator
from product_descriptor import products

from entryway.testing.authserver import (
    REDIRECT_URI,
    BoundApplication,
    Browser,
    RunningAuthServer,
    code_in,
    running_authserver,
)
from entryway.testing.idp import RunningIdp, running_idp
from entryway.testing.saml_provider import ENTITY_ID, key_of, metadata_of

PROVIDERS = "/sap/rest/identity-providers"
ORIGIN = "company"
USER = "maria@company.example"


@dataclass(frozen=True)
class Trusting:
    """A server, its provider, and the application as which it is known there."""

    server: RunningAuthServer
    provider: RunningAuthServer
    client: BoundApplication
    admin: Administrator


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trusting]:
    with running_authserver(tmp_path_factory.mktemp("provider")) as provider:  # noqa: SIM117 - the second needs the first
        with running_authserver(tmp_path_factory.mktemp("trusting"), ca_file=provider.ca_file) as server:
            callbacks = {"redirect-uris": [f"{server.url}/login/callback/*", f"{server.url}/logout/callback/*"]}
            client = provider.deploy({"xsappname": "company-portal", "oauth2-configuration": callbacks})
            provider.user(USER, "correct horse")
            made = Trusting(server, provider, client, administrator(server))
            trust(made, ORIGIN)
            yield made


def trust(trusting: Trusting, origin: str, **config: Any) -> None:
    usual = {
        "issuer": f"{trusting.provider.url}/oauth/token",
        "client_id": trusting.client.client_id,
        "client_secret": trusting.client.secret,
        "attributes": {"user_name": "user_name"},
        "scopes": ["openid"],
    }
    body = {"type": "oidc1.0", "originKey": origin, "name": f"The {origin}", "config": usual | config}
    answer = trusting.admin.anywhere("POST", PROVIDERS, {**body, "availableForLogon": False})
    assert answer.status_code == 201, answer.text
    assert trusting.client.secret not in answer.text


@pytest.fixture
def app(trusting: Trusting) -> BoundApplication:
    return trusting.server.deploy(products(f"trusting-{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def browser(trusting: Trusting) -> Iterator[Browser]:
    made = trusting.server.browser()
    yield made
    made.http.close()


@pytest.fixture
def over_there(trusting: Trusting) -> Iterator[Browser]:
    """The same browser at the provider: cookies of one host name would be one jar's, of two servers two."""
    made = trusting.provider.browser()
    yield made
    made.http.close()


def depart(browser: Browser, app: BoundApplication, **hints: str) -> str:
    answer = browser.authorize(app, **{"idp": ORIGIN, **hints})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def log_in_there(over_there: Browser, location: str) -> str:
    page = over_there.http.get(location)
    if page.status_code == 302:
        return page.headers["location"]
    return over_there.submit(page, USER, "correct horse").headers["location"]


def claims_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return claims


def refused(answer: httpx.Response, code: str = "login_refused", status: int = 403) -> None:
    assert (answer.status_code, answer.headers["entryway-error"]) == (status, code)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_user_of_the_provider_logs_in(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication, method: str
) -> None:
    origin = method.replace("_", "-")
    trust(trusting, origin, token_endpoint_auth_method=method)
    location = depart(browser, app, idp=origin)
    asked = parse_qs(urlsplit(location).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{trusting.server.url}/login/callback/{origin}"]

    code = code_in(browser.http.get(log_in_there(over_there, location)))

    claims = claims_of(trusting.server.redeem(app, code).json()["access_token"])
    assert (claims["user_name"], claims["origin"], claims["email"]) == (USER, origin, "maria@example.com")
    who = {"action": "who", "details": "true"}
    told = browser.http.get("/config", params=who, headers={"accept": "application/json"}).json()
    assert told["attributes"]["given_name"] == ["Maria"]
    assert "given_name: Maria" in browser.http.get("/config", params=who).text
    del who["details"]
    assert "attributes" not in browser.http.get("/config", params=who, headers={"accept": "application/json"}).json()


def test_an_answer_works_once(browser: Browser, over_there: Browser, app: BoundApplication) -> None:
    back = log_in_there(over_there, depart(browser, app))
    assert code_in(browser.http.get(back))

    refused(browser.http.get(back))


def test_an_answer_in_another_browser_is_refused(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    back = log_in_there(over_there, depart(browser, app))
    victim = trusting.server.browser()
    depart(victim, app)

    refused(victim.http.get(back))
    victim.http.close()


def test_an_answer_of_one_provider_at_the_address_of_another_is_refused(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    trust(trusting, "mixed-up")

    back = log_in_there(over_there, depart(browser, app))

    refused(browser.http.get(back.replace(f"/callback/{ORIGIN}", "/callback/mixed-up")))


@pytest.mark.parametrize(
    "change",
    [
        lambda back: back.replace("iss=", "iss=https%3A%2F%2Fevil.example&was="),
        lambda back: back.replace("code=", "no_code="),
        lambda back: back.replace("code=", "error=access_denied&no_code="),
        lambda back: back.replace("state=", "state=x"),
    ],
)
def test_a_changed_answer_is_refused(browser: Browser, over_there: Browser, app: BoundApplication, change: Any) -> None:
    refused(browser.http.get(change(log_in_there(over_there, depart(browser, app)))))


def test_a_code_of_another_login_is_refused(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    """Code injection: the provider checks PKCE, and were it not to, the nonce would differ."""
    first = parse_qs(urlsplit(log_in_there(over_there, depart(browser, app))).query)["code"][0]
    back = log_in_there(over_there, depart(browser, app))
    second = parse_qs(urlsplit(back).query)["code"][0]

    answer = browser.http.get(back.replace(second, first))

    refused(answer, "identity_provider_unavailable", 502)


def test_a_wrong_secret_and_a_wrong_issuer_are_said_to_be_ours_to_mend(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    trust(trusting, "wrong-secret", client_secret="x")
    back = log_in_there(over_there, depart(browser, app, idp="wrong-secret"))
    refused(browser.http.get(back), "identity_provider_unavailable", 502)
    trust(trusting, "wrong-issuer", issuer=trusting.provider.url)
    refused(browser.authorize(app, idp="wrong-issuer"), "identity_provider_unavailable", 502)
    trust(trusting, "nobody-there", issuer="https://localhost:1")
    refused(browser.authorize(app, idp="nobody-there"), "identity_provider_unavailable", 502)


def test_a_logout_goes_on_to_the_provider_and_back(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    assert code_in(browser.http.get(log_in_there(over_there, depart(browser, app))))
    assert code_in(browser.authorize(app))

    away = browser.http.get("/logout.do", params={"redirect": REDIRECT_URI, "client_id": app.client_id})
    assert away.headers["location"].startswith(f"{trusting.provider.url}/logout.do?id_token_hint=")
    back = over_there.http.get(away.headers["location"])

    assert browser.http.get(back.headers["location"]).headers["location"] == REDIRECT_URI
    assert (
        over_there.authorize(trusting.client, redirect_uri=f"{trusting.server.url}/login/callback/x").status_code == 200
    )
    assert browser.authorize(app).status_code == 200


def test_a_client_exchanges_a_token_of_the_provider(
    trusting: Trusting, over_there: Browser, app: BoundApplication
) -> None:
    redirect = f"{trusting.server.url}/login/callback/x"
    code = over_there.log_in(trusting.client, USER, "correct horse", redirect_uri=redirect, scope="openid")
    id_token = trusting.provider.redeem(trusting.client, code, redirect_uri=redirect).json()["id_token"]
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    for row in trusting.admin.anywhere("GET", PROVIDERS).json():
        if row["type"] == "oidc1.0" and row["originKey"] != ORIGIN:
            trusting.admin.anywhere("DELETE", f"{PROVIDERS}/{row['originKey']}")

    answer = trusting.server.token(app, grant_type=grant, assertion=id_token)

    assert answer.status_code == 200, answer.text
    assert claims_of(answer.json()["access_token"])["origin"] == ORIGIN
    changed = trusting.server.token(app, grant_type=grant, assertion=id_token[:-6] + "AAAAAA")
    assert (changed.status_code, changed.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"issuer": "http://plain.example"}, "https"),
        ({"client_secret": None}, "client_secret"),
        ({"scopes": ["open id"]}, "scopes"),
        ({"additional_parameters": {"redirect_uri": "https://evil.example"}}, "redirect_uri"),
        ({"surprise": True}, "surprise"),
    ],
)
def test_a_configuration_that_breaks_a_rule_is_not_stored(
    trusting: Trusting, config: dict[str, Any], reason: str
) -> None:
    usual = {"issuer": "https://idp.example", "client_id": "x", "client_secret": "y"}
    body = {"type": "oidc1.0", "originKey": "broken", "name": "x", "config": usual | config}

    answer = trusting.admin.anywhere("POST", PROVIDERS, body)

    assert answer.status_code == 400, answer.text
    assert reason in answer.text


def by_password(trusting: Trusting, app: BoundApplication, password: str, name: str = USER, **hint: str) -> Any:
    form = {"grant_type": "password", "username": name, "password": password}
    if hint:
        form["login_hint"] = json.dumps(hint)
    return trusting.server.token(app, **form)


def test_a_client_brings_the_password_of_a_user_of_the_provider(trusting: Trusting, app: BoundApplication) -> None:
    trust(trusting, "by-password", password_grant_enabled=True)

    answer = by_password(trusting, app, "correct horse", origin="by-password")

    assert answer.status_code == 200, answer.text
    claims = claims_of(answer.json()["access_token"])
    assert (claims["user_name"], claims["origin"], claims["grant_type"]) == (USER, "by-password", "password")
    assert "refresh_token" in answer.json()
    wrong = by_password(trusting, app, "wrong", origin="by-password")
    assert (wrong.status_code, wrong.json()) == (401, {"error": "unauthorized", "error_description": "Bad credentials"})


def test_a_provider_that_is_not_meant_for_passwords_is_not_asked(trusting: Trusting, app: BoundApplication) -> None:
    for origin in (ORIGIN, "nobody"):
        answer = by_password(trusting, app, "correct horse", origin=origin)

        assert answer.status_code == 401
        assert answer.json()["error_description"].startswith("The origin provided in the login_hint does not match")


def test_the_default_for_noninteractive_logon_decides_without_a_hint(trusting: Trusting, app: BoundApplication) -> None:
    trust(trusting, "for-programs", password_grant_enabled=True)
    assert by_password(trusting, app, "correct horse").status_code == 401

    changed = trusting.admin.anywhere("PATCH", f"{PROVIDERS}/for-programs", {"defaultForNoninteractiveLogon": True})

    assert changed.status_code == 200, changed.text
    answer = by_password(trusting, app, "correct horse")
    assert claims_of(answer.json()["access_token"])["origin"] == "for-programs"
    refusal = trusting.admin.anywhere("PATCH", f"{PROVIDERS}/{ORIGIN}", {"defaultForNoninteractiveLogon": True})
    assert refusal.status_code == 400
    assert "password_grant_enabled" in refusal.text
    trusting.admin.anywhere("DELETE", f"{PROVIDERS}/for-programs")


def test_a_client_of_other_providers_may_not_bring_passwords_for_this_one(trusting: Trusting) -> None:
    trust(trusting, "not-for-all", password_grant_enabled=True)
    only = {"allowedproviders": ["entryway"], "redirect-uris": [REDIRECT_URI]}
    choosy = trusting.server.deploy({"xsappname": f"choosy-{uuid.uuid4().hex[:8]}", "oauth2-configuration": only})

    answer = by_password(trusting, choosy, "correct horse", origin="not-for-all")

    assert answer.status_code == 401
    assert answer.json()["error_description"] == "Client is not authorized for specified user's identity provider."


def test_wrong_passwords_lock_a_name_at_the_provider_too(trusting: Trusting, app: BoundApplication) -> None:
    trust(trusting, "locking", password_grant_enabled=True)
    someone = "someone-else@company.example"
    for _ in range(5):
        assert by_password(trusting, app, "wrong", someone, origin="locking").status_code == 401

    answer = by_password(trusting, app, "wrong", someone, origin="locking")

    assert answer.json()["error_description"].startswith("Your account has been locked")
    assert by_password(trusting, app, "correct horse", origin="locking").status_code == 200


def test_a_user_whom_nobody_created_comes_in_by_no_password(trusting: Trusting, app: BoundApplication) -> None:
    trust(trusting, "known-only", password_grant_enabled=True)
    trusting.admin.anywhere("PATCH", f"{PROVIDERS}/known-only", {"addShadowUserOnLogin": False})

    answer = by_password(trusting, app, "correct horse", origin="known-only")

    assert answer.status_code == 401
    assert "must be pre-created" in answer.json()["error_description"]


def test_a_provider_that_cannot_be_asked_is_no_wrong_password(trusting: Trusting, app: BoundApplication) -> None:
    trust(trusting, "nobody-there-2", password_grant_enabled=True, issuer="https://localhost:1")

    answer = by_password(trusting, app, "correct horse", origin="nobody-there-2")

    assert (answer.status_code, answer.json()["error"]) == (502, "identity_provider_unavailable")


def test_a_silent_login_goes_on_to_the_provider_and_back(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    trust(trusting, "silent", silent_logins=True)
    away = browser.authorize(app, idp="silent", prompt="none").headers["location"]
    assert parse_qs(urlsplit(away).query)["prompt"] == ["none"]
    back = over_there.http.get(away).headers["location"]
    told = parse_qs(urlsplit(browser.http.get(back).headers["location"]).query)
    assert told["error"] == ["login_required"]

    assert code_in(browser.http.get(log_in_there(over_there, depart(browser, app))))
    other = trusting.server.browser()
    away = other.authorize(app, idp="silent", prompt="none").headers["location"]

    assert code_in(other.http.get(over_there.http.get(away).headers["location"]))
    other.http.close()


def saml_trust(trusting: Trusting, origin: str) -> None:
    config = {"metadata": metadata_of(ENTITY_ID, key_of("company"))}
    body = {"type": "saml2.0", "originKey": origin, "name": origin, "config": config, "availableForLogon": False}
    assert trusting.admin.anywhere("POST", PROVIDERS, body).status_code == 201


def move(trusting: Trusting, verb: str, origin: str, other: str) -> httpx.Response:
    return trusting.admin.anywhere("POST", f"{PROVIDERS}/{origin}/{verb}", {"originKey": other})


def known(trusting: Trusting) -> dict[str, tuple[str, bool]]:
    rows = trusting.admin.anywhere("GET", PROVIDERS).json()
    return {row["originKey"]: (row["type"], row["active"]) for row in rows}


def test_users_of_a_saml_provider_stay_when_it_becomes_one_of_openid_connect(
    trusting: Trusting, browser: Browser, over_there: Browser, app: BoundApplication
) -> None:
    saml_trust(trusting, "moving")
    trust(trusting, "sap.custom")
    before = trusting.admin.anywhere(
        "POST", "/Users", {"userName": USER, "origin": "moving", "emails": [{"value": USER}]}
    ).json()["id"]

    answer = move(trusting, "migrate", "moving", "sap.custom")

    assert (answer.status_code, answer.json()["type"], answer.json()["originKey"]) == (200, "oidc1.0", "moving")
    now = known(trusting)
    assert (now["moving"], now["oidc-migration-backup"]) == (("oidc1.0", True), ("saml2.0", False))
    assert "sap.custom" not in now
    code = code_in(browser.http.get(log_in_there(over_there, depart(browser, app, idp="moving"))))
    claims = claims_of(trusting.server.redeem(app, code).json()["access_token"])
    assert (claims["user_id"], claims["origin"]) == (before, "moving")

    answer = move(trusting, "restore", "moving", "sap.custom")

    assert (answer.status_code, answer.json()["type"]) == (200, "saml2.0")
    now = known(trusting)
    assert (now["moving"], now["sap.custom"]) == (("saml2.0", True), ("oidc1.0", False))
    assert trusting.admin.anywhere("GET", f"/Users/{before}").json()["origin"] == "moving"
    for origin in ("moving", "sap.custom"):
        trusting.admin.anywhere("DELETE", f"{PROVIDERS}/{origin}")


def test_a_migration_that_would_leave_somebody_behind_is_refused(trusting: Trusting) -> None:
    saml_trust(trusting, "staying")
    trust(trusting, "used")
    user = trusting.admin.anywhere("POST", "/Users", {"userName": "left", "origin": "used"}).json()["id"]
    before = known(trusting)

    def refused_by(verb: str, origin: str, other: str, status: int, code: str) -> None:
        answer = move(trusting, verb, origin, other)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert known(trusting) == before

    refused_by("migrate", "staying", "used", 409, "identity_provider_in_use")
    refused_by("migrate", "staying", "nobody", 404, "identity_provider_unknown")
    refused_by("migrate", "nobody", "used", 404, "identity_provider_unknown")
    refused_by("migrate", "used", "staying", 400, "trust_invalid")
    refused_by("migrate", "staying", "entryway", 404, "identity_provider_unknown")
    refused_by("restore", "used", "sap.custom", 404, "identity_provider_unknown")
    trusting.admin.anywhere("DELETE", f"/Users/{user}")
    assert move(trusting, "migrate", "staying", "used").status_code == 200
    saml_trust(trusting, "second")
    trust(trusting, "another")
    before = known(trusting)
    refused_by("migrate", "second", "another", 409, "origin_taken")
    refused_by("restore", "staying", "another", 409, "origin_taken")
    refused_by("restore", "staying", "a key that is none", 400, "trust_invalid")
    for origin in ("staying", "second", "another", "oidc-migration-backup"):
        trusting.admin.anywhere("DELETE", f"{PROVIDERS}/{origin}")


@pytest.fixture(scope="module")
def people(trusting: Trusting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIdp]:
    """An identity provider that tells of logouts, and believes the server that is told."""
    both = tmp_path_factory.mktemp("authorities") / "both.pem"
    both.write_bytes(trusting.provider.ca_file.read_bytes() + trusting.server.ca_file.read_bytes())
    authority = replace(trusting.provider.authority, ca_file=both)
    with running_idp(tmp_path_factory.mktemp("people"), trusting.server.clock, authority=authority) as idp:
        client = idp.application(
            redirect_uris=[f"{trusting.server.url}/login/callback/people"],
            back_channel_logout_uri=f"{trusting.server.url}/logout/backchannel/people",
        )
        config = {"issuer": idp.url, "client_id": client.client_id, "client_secret": client.secret}
        trust(trusting, "people", **config, attributes={})
        yield idp


def test_a_logout_at_the_provider_ends_the_login_here(
    people: RunningIdp, browser: Browser, app: BoundApplication
) -> None:
    people.user("paul")
    over_there = people.person()
    page = over_there.http.get(depart(browser, app, idp="people"))
    code_in(browser.http.get(over_there.log_in(page, "paul").headers["location"]))
    code_in(browser.authorize(app, idp="people"))

    over_there.send(over_there.http.get("/oauth2/logout"), "/oauth2/logout")

    deadline = time.monotonic() + 10
    while "code=" in (again := browser.authorize(app, idp="people")).headers["location"]:
        assert time.monotonic() < deadline, "the login here has not ended"
        time.sleep(0.02)
    assert again.headers["location"].startswith(people.url)
    over_there.http.close()


@pytest.mark.parametrize("kind", ["missing", "unsigned", "access token"])
def test_what_is_no_logout_token_ends_nothing(trusting: Trusting, kind: str) -> None:
    token = trusting.provider.token(trusting.client, grant_type="client_credentials").json()["access_token"]
    shown = {"missing": "", "unsigned": token.rpartition(".")[0] + ".", "access token": token}[kind]
    answer = httpx.post(
        f"{trusting.server.url}/logout/backchannel/{ORIGIN}", data={"logout_token": shown}, verify=trusting.server.tls
    )
    refused(answer, "logout_token_refused", 400)
    assert answer.json()["error"] == "logout_token_refused"
