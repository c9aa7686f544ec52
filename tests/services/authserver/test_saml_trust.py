"""A company's SAML identity provider in front of the real authorization server."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from admin_client import Administrator, administrator
from product_descriptor import products

from entryway.saml import bindings, issuing, logout, names, xml
from entryway.saml.issuing import AssertionDraft
from entryway.saml.requests import AuthnRequest
from entryway.saml.subjects import NameId
from entryway.testing.authserver import (
    REDIRECT_URI,
    BoundApplication,
    Browser,
    RunningAuthServer,
    code_in,
    running_authserver,
)
from entryway.testing.databases import DatabaseUrl
from entryway.testing.saml_provider import SLO, SamlProvider, key_of, new_id, provider_for

PROVIDERS = "/sap/rest/identity-providers"
ORIGIN = "company"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: DatabaseUrl) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("trusting"), database_url=database_url) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture(scope="module")
def company(server: RunningAuthServer, admin: Administrator) -> SamlProvider:
    provider = provider_for(server.http.get("/saml/metadata").content)
    trust(admin, provider, ORIGIN, linkText="Company login")
    return provider


def trust(admin: Administrator, provider: SamlProvider, origin: str, **more: Any) -> None:
    config = {"metadata": provider.metadata, **more.pop("config", {})}
    body = {"type": "saml2.0", "originKey": origin, "name": f"The {origin}", "config": config, **more}
    answer = admin.anywhere("POST", PROVIDERS, body)
    assert answer.status_code == 201, answer.text


def change(admin: Administrator, **body: Any) -> None:
    answer = admin.anywhere("PATCH", f"{PROVIDERS}/{ORIGIN}", body)
    assert answer.status_code == 200, answer.text


def post(browser: Browser, form: dict[str, str]) -> httpx.Response:
    consumer = browser.http.get("/saml/metadata").text
    path = urlsplit(next(part for part in consumer.split('"') if "/saml/SSO/alias/" in part)).path
    return browser.http.post(path, data=form)


def depart(browser: Browser, app: BoundApplication, **hints: str) -> httpx.Response:
    answer = browser.authorize(app, **{"idp": ORIGIN, **hints})
    assert answer.status_code == 302, answer.text
    return answer


def claims_of(token: str) -> dict[str, Any]:

    middle = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return claims


def logged_in(browser: Browser, company: SamlProvider, app: BoundApplication, user: str, **changes: Any) -> str:
    request = company.request_in(depart(browser, app).headers["location"])
    return code_in(post(browser, company.answer(request, user, **changes)))


def test_a_user_of_the_company_logs_in_and_their_attributes_are_kept(
    server: RunningAuthServer, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    attributes = {"mail": ["maria@company.example"], "first_name": ["Maria"], "Groups": ["buyers"]}

    code = logged_in(browser, company, app, "maria", attributes=attributes)

    tokens = server.redeem(app, code).json()
    claims = claims_of(tokens["access_token"])
    assert (claims["user_name"], claims["origin"], claims["email"]) == ("maria", ORIGIN, "maria@company.example")
    assert claims["given_name"] == "Maria"
    # The same browser is logged in now.
    assert code_in(browser.authorize(app))


def test_an_encrypted_assertion_logs_in(
    server: RunningAuthServer, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    assert logged_in(browser, company, app, "erika", is_encrypted=True)


def test_the_login_page_offers_the_provider_beside_the_password(
    company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    page = browser.authorize(app)

    assert page.status_code == 200
    assert "Company login" in page.text
    assert 'name="password"' in page.text
    link = next(part for part in page.text.split('"') if part.startswith("/login?attempt=")).replace("&amp;", "&")
    assert company.request_in(browser.http.get(link).headers["location"])


def test_a_provider_that_is_not_offered_is_reached_by_its_name_only(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    change(admin, availableForLogon=False)
    try:
        assert "Company login" not in browser.authorize(app).text
        assert depart(browser, app).headers["location"].startswith("https://idp.company.example/sso")
        hinted = browser.authorize(app, login_hint='{"origin": "company"}')
        assert hinted.headers["location"].startswith("https://idp.company.example/sso")
    finally:
        change(admin, availableForLogon=True)


def test_the_rest_of_a_chain_goes_on_to_the_provider(
    company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    location = depart(browser, app, idp=f"{ORIGIN},branch,desk").headers["location"]

    assert parse_qs(urlsplit(location).query)["idp"] == ["branch,desk"]


def test_the_domain_of_a_name_chooses(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    change(admin, emailDomains=["company.example"])
    try:
        assert browser.authorize(app, login_hint="maria@Company.example").status_code == 302
        assert browser.authorize(app, login_hint="maria@other.example").status_code == 200
    finally:
        change(admin, emailDomains=[])


def test_the_tenants_default_is_where_users_log_in(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    change(admin, isDefault=True)
    try:
        assert browser.authorize(app).headers["location"].startswith("https://idp.company.example/sso")
        assert browser.authorize(app, idp="entryway").status_code == 200
    finally:
        change(admin, isDefault=False)


def test_a_provider_that_is_off_logs_nobody_in(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    request = company.request_in(depart(browser, app).headers["location"])
    change(admin, active=False)
    try:
        assert post(browser, company.answer(request)).status_code == 403
        assert browser.authorize(app, idp=ORIGIN).status_code == 200  # the login page, without it
    finally:
        change(admin, active=True)


def refused(answer: httpx.Response, code: str = "login_refused") -> None:
    assert answer.headers["entryway-error"] == code
    assert answer.status_code == 403
    assert "maria" not in answer.text


def test_a_response_works_once(company: SamlProvider, browser: Browser, app: BoundApplication) -> None:
    request = company.request_in(depart(browser, app).headers["location"])
    form = company.answer(request)
    assert code_in(post(browser, form))

    refused(post(browser, form))


def test_an_assertion_works_once_though_a_new_login_has_begun(
    company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    first = company.request_in(depart(browser, app).headers["location"])
    assert code_in(post(browser, company.answer(first, id="_the-same-one")))
    second = company.request_in(depart(browser, app, prompt="login").headers["location"])

    refused(post(browser, company.answer(second, id="_the-same-one")))


def test_a_response_in_another_browser_is_refused(
    server: RunningAuthServer, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    """Login CSRF: an attacker's answer must not log a victim in as the attacker."""
    request = company.request_in(depart(browser, app).headers["location"])
    victim = server.browser()
    depart(victim, app)

    refused(post(victim, company.answer(request)))
    victim.http.close()


def test_a_response_that_nobody_asked_for_is_refused(company: SamlProvider, browser: Browser) -> None:
    refused(post(browser, company.answer(None)))


def test_a_provider_may_begin_where_the_trust_says_so_and_leads_to_pages_of_ours_only(
    admin: Administrator, company: SamlProvider, browser: Browser, server: RunningAuthServer
) -> None:
    change(admin, config={"idp_initiated": True})
    try:
        welcome = post(browser, company.answer(None))
        assert welcome.status_code == 200
        own = post(browser, {**company.answer(None), "RelayState": f"{server.url}/config"})
        assert own.headers["location"] == f"{server.url}/config"
        for elsewhere in (
            "https://evil.example/",
            "//evil.example",
            f"{server.url}.evil.example/",
            "javascript:alert(1)",
        ):
            answer = post(browser, {**company.answer(None), "RelayState": elsewhere})
            assert answer.status_code == 200
            assert "location" not in answer.headers
    finally:
        change(admin, config={"idp_initiated": None})


def test_a_response_of_another_key_is_refused(company: SamlProvider, browser: Browser, app: BoundApplication) -> None:
    request = company.request_in(depart(browser, app).headers["location"])
    impostor = SamlProvider(company.service_provider, key=key_of("impostor"))

    refused(post(browser, impostor.answer(request)))


def test_one_provider_cannot_answer_for_another(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    other = SamlProvider(company.service_provider, "https://other.example/saml", key_of("other"))
    trust(admin, other, "other", availableForLogon=False)
    request = company.request_in(depart(browser, app).headers["location"])

    refused(post(browser, other.answer(request)))


def test_an_old_login_is_not_good_enough_where_the_application_wants_a_new_one(
    company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    request = company.request_in(depart(browser, app, prompt="login").headers["location"])
    assert request.is_forced

    refused(post(browser, company.answer(request, authenticated_at=datetime.now(UTC) - timedelta(hours=1))))


def test_users_must_be_created_before_where_the_trust_creates_none(
    server: RunningAuthServer, admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    change(admin, addShadowUserOnLogin=False)
    try:
        request = company.request_in(depart(browser, app).headers["location"])
        refused(post(browser, company.answer(request, "newcomer")), "shadow_user_missing")
        made = admin.anywhere(
            "POST",
            "/Users",
            {"userName": "newcomer", "origin": ORIGIN, "emails": [{"value": "newcomer@company.example"}]},
        )
        assert made.status_code == 201, made.text
        code = logged_in(browser, company, app, "newcomer")
        assert claims_of(server.redeem(app, code).json()["access_token"])["user_id"] == made.json()["id"]
    finally:
        change(admin, addShadowUserOnLogin=True)


def test_a_user_who_is_known_by_their_address_keeps_their_record_under_a_new_name(
    server: RunningAuthServer, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    address = f"{uuid.uuid4().hex[:8]}@company.example"
    first = logged_in(browser, company, app, "before-" + address, attributes={"mail": [address]})
    other = server.browser()
    second = logged_in(other, company, app, "after-" + address, attributes={"mail": [address.upper()]})

    before, after = (claims_of(server.redeem(app, code).json()["access_token"]) for code in (first, second))
    assert before["user_id"] == after["user_id"]
    assert after["user_name"] == "after-" + address
    other.http.close()


def test_a_user_of_another_origin_is_never_hit(
    server: RunningAuthServer, company: SamlProvider, browser: Browser, app: BoundApplication, editor: str
) -> None:
    own = server.user(editor, "correct horse")

    code = logged_in(browser, company, app, editor, attributes={"mail": [own["email"]]})

    claims = claims_of(server.redeem(app, code).json()["access_token"])
    assert claims["user_id"] != own["id"]
    assert not [scope for scope in claims["scope"] if scope.endswith(".Edit")]


def test_the_session_ends_when_the_provider_says(
    company: SamlProvider, browser: Browser, app: BoundApplication, server: RunningAuthServer
) -> None:
    logged_in(browser, company, app, "shortly", session_ends_at=datetime.now(UTC) + timedelta(minutes=5))
    assert browser.authorize(app).status_code == 302
    server.clock.advance(minutes=6)
    try:
        assert browser.authorize(app).status_code == 200
    finally:
        server.clock.advance(minutes=-6)


def test_a_logout_goes_on_to_the_provider_and_comes_back_to_the_application(
    company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    logged_in(browser, company, app, "leaving")

    away = browser.http.get("/logout.do", params={"redirect": REDIRECT_URI, "client_id": app.client_id})

    assert away.headers["location"].startswith(SLO)
    received = bindings.read_redirect(urlsplit(away.headers["location"]).query)
    root = bindings.verify_redirect(received, company.service_provider.entity.signing)
    asked = logout.read_request(root, location=SLO, now=datetime.now(UTC))
    assert (asked.name_id.value, asked.session_indexes) == ("leaving", ("session-1",))
    assert browser.authorize(app).status_code == 200  # nobody is logged in any more
    slo = company.service_provider.entity.single_logout[names.HTTP_REDIRECT].location
    told = logout.LogoutResponse(new_id(), company.entity_id, datetime.now(UTC), slo, asked.id)
    back = bindings.redirect_url(slo, "SAMLResponse", logout.build_response(told), None, company.key)
    assert browser.http.get(back).headers["location"] == REDIRECT_URI
    again = browser.http.get(back)
    assert (again.status_code, again.headers["entryway-error"]) == (400, "saml_invalid")


def test_the_provider_can_end_the_login(
    company: SamlProvider, browser: Browser, app: BoundApplication, server: RunningAuthServer
) -> None:
    logged_in(browser, company, app, "dismissed")
    provider = server.browser()
    forged = SamlProvider(company.service_provider, key=key_of("impostor")).logout_url("dismissed")
    assert provider.http.get(forged).status_code == 400
    assert provider.http.get(company.logout_url("dismissed", "another-session")).status_code == 302
    assert browser.authorize(app).status_code == 302

    answer = provider.http.get(company.logout_url("dismissed", "session-1"))

    received = bindings.read_redirect(urlsplit(answer.headers["location"]).query)
    root = bindings.verify_redirect(received, company.service_provider.entity.signing)
    assert logout.read_response(root, location=SLO, now=datetime.now(UTC)).status == names.SUCCESS
    assert received.relay_state == "state-1"
    assert browser.authorize(app).status_code == 200
    provider.http.close()


def bearer(company: SamlProvider, recipient: str, **changes: Any) -> str:
    now = datetime.now(UTC)
    draft = AssertionDraft(
        **{
            "id": new_id(),
            "issuer": company.entity_id,
            "recipient": recipient,
            "audience": company.service_provider.entity.entity_id,
            "in_response_to": None,
            "name_id": NameId("bearer@company.example", names.EMAIL),
            "issued_at": now,
            "authenticated_at": now,
            "session_index": "s",
            **changes,
        }
    )
    content = xml.serialize(issuing.build_assertion(draft, company.key))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


GRANT = "urn:ietf:params:oauth:grant-type:saml2-bearer"


def test_a_client_exchanges_an_assertion_once(
    company: SamlProvider, server: RunningAuthServer, app: BoundApplication
) -> None:
    alias = company.service_provider.entity.entity_id
    assertion = bearer(company, f"{server.url}/oauth/token/alias/{alias}")
    form = {"grant_type": GRANT, "assertion": assertion, "client_id": app.client_id, "client_secret": app.secret}

    answer = server.http.post(f"/oauth/token/alias/{alias}", data=form)

    assert answer.status_code == 200, answer.text
    assert claims_of(answer.json()["access_token"])["user_name"] == "bearer@company.example"
    again = server.http.post("/oauth/token", data=form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_an_assertion_of_somebody_unknown_says_what_is_missing(
    company: SamlProvider, server: RunningAuthServer, admin: Administrator, app: BoundApplication
) -> None:
    recipient = f"{server.url}/oauth/token/alias/{company.service_provider.entity.entity_id}"
    name = NameId("nobody-yet@company.example", names.EMAIL)
    change(admin, addShadowUserOnLogin=False)
    try:
        answer = server.token(app, grant_type=GRANT, assertion=bearer(company, recipient, name_id=name))
    finally:
        change(admin, addShadowUserOnLogin=True)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert answer.json()["error_description"].endswith(
        "The user account must be pre-created. Please contact your system administrator."
    )


@pytest.mark.parametrize("changes", [{"recipient": "https://x.example"}, {"audience": "x"}, {"in_response_to": "_x"}])
def test_an_assertion_for_something_else_is_no_grant(
    company: SamlProvider, server: RunningAuthServer, app: BoundApplication, changes: dict[str, str]
) -> None:
    alias = company.service_provider.entity.entity_id
    told = {"recipient": f"{server.url}/oauth/token/alias/{alias}", **changes}

    answer = server.token(app, grant_type=GRANT, assertion=bearer(company, **told))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("form", [{}, {"SAMLResponse": "AAAA"}, {"SAMLResponse": "%%%"}, {"SAMLRequest": "PHgvPg=="}])
def test_anything_else_is_refused_and_never_fails(
    company: SamlProvider, browser: Browser, form: dict[str, str]
) -> None:
    assert post(browser, form).status_code in {400, 403}


def test_addresses_of_others_are_not_found(company: SamlProvider, browser: Browser) -> None:
    assert browser.http.get("/saml/metadata/alias/other.localhost").status_code == 404
    assert browser.http.post("/saml/SSO/alias/other.localhost", data={}).status_code == 404
    assert browser.http.get("/saml/discovery", params={"idp": "nobody"}).status_code == 404
    started = browser.http.get("/saml/discovery", params={"idp": ORIGIN, "returnIDParam": "idp", "isPassive": "true"})
    assert started.headers["location"].startswith("https://idp.company.example/sso")


def test_metadata_that_cannot_be_used_is_not_stored(admin: Administrator, company: SamlProvider) -> None:
    body = {"type": "saml2.0", "originKey": "broken", "name": "x", "config": {"metadata": "<x/>"}}

    answer = admin.anywhere("POST", PROVIDERS, body)

    assert answer.status_code == 400, answer.text


SETTINGS = "/securitySettings"


def test_keys_are_replaced_step_by_step(
    server: RunningAuthServer, admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    def keys() -> Any:
        return admin.get(SETTINGS)["samlConfigSettings"]

    def changed(mode: str, kid: str | None = None) -> int:
        body = {"changeMode": mode, **({"keyId": kid} if kid else {})}
        return admin.ask("PATCH", SETTINGS, {"samlConfigSettings": body}).status_code

    old = keys()["activeKeyId"]
    assert changed("ADD") == 200
    assert changed("ADD") == 409
    [new] = [kid for kid in keys()["keyIds"] if kid != old]
    assert keys()["activeKeyId"] == old
    informed = provider_for(server.http.get("/saml/metadata").content)
    assert len(informed.service_provider.entity.signing) == 2
    assert (changed("DELETE", old), changed("UPDATE"), changed("UPDATE", "unknown")) == (409, 400, 404)

    assert changed("UPDATE", new) == 200

    # Who knows both keys believes the request, and may still encrypt for the old one.
    request = informed.request_in(depart(browser, app).headers["location"])
    assert code_in(post(browser, company.answer(request, "rotating", is_encrypted=True)))
    assert changed("UPDATE", old) == 200
    assert changed("DELETE", new) == 200
    assert keys() == {"activeKeyId": old, "keyIds": [old]}


def test_the_built_in_provider_can_step_back(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication, editor: str
) -> None:
    server = admin.server
    assert server.token(app, grant_type="password", username=editor, password="correct horse").status_code == 200
    page = browser.authorize(app)
    own = {"type": "internal", "originKey": "entryway", "name": "Entryway"}
    try:
        answer = admin.anywhere("PUT", f"{PROVIDERS}/entryway", {**own, "availableForLogon": False})
        assert answer.status_code == 200, answer.text
        for other in ("other", "third"):
            admin.anywhere("DELETE", f"{PROVIDERS}/{other}")
        assert browser.authorize(app).headers["location"].startswith("https://idp.company.example/sso")
        assert browser.authorize(app, idp="entryway").status_code == 200
        admin.anywhere("PUT", f"{PROVIDERS}/entryway", {**own, "active": False})
        refused(browser.submit(page, "anybody", "correct horse"), "no_identity_provider")
        by_client = server.token(app, grant_type="password", username=editor, password="correct horse")
        assert (by_client.status_code, by_client.json()["error"]) == (401, "unauthorized")
        assert admin.anywhere("DELETE", f"{PROVIDERS}/entryway").status_code == 400
    finally:
        admin.anywhere("PUT", f"{PROVIDERS}/entryway", own)


def test_without_the_provider_its_users_are_gone(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication, server: RunningAuthServer
) -> None:
    third = SamlProvider(company.service_provider, "https://third.example/saml", key_of("third"))
    trust(admin, third, "third", availableForLogon=False)
    request = third.request_in(depart(browser, app, idp="third").headers["location"])
    code = code_in(post(browser, third.answer(request, "gone")))

    assert admin.anywhere("DELETE", f"{PROVIDERS}/third").status_code == 204

    assert server.redeem(app, code).status_code == 400
    assert browser.authorize(app).status_code == 200


@pytest.fixture
def app(server: RunningAuthServer) -> BoundApplication:
    return server.deploy(products(f"trusting-{uuid.uuid4().hex[:8]}"))


def silently(browser: Browser, app: BoundApplication, **more: str) -> httpx.Response:
    return browser.authorize(app, idp=ORIGIN, prompt="none", state="s", **more)


def test_a_provider_is_asked_silently_only_where_the_trust_says_so(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    answer = silently(browser, app)
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["login_required"]

    change(admin, config={"silent_logins": True})
    request = company.request_in(silently(browser, app).headers["location"])
    change(admin, config={"silent_logins": None})

    assert (request.is_passive, request.is_forced) == (True, False)
    assert code_in(post(browser, company.answer(request, "silent-maria")))


@pytest.mark.parametrize("max_age", ["", "60"])
def test_a_provider_that_would_have_to_ask_sends_the_user_back_without_a_login(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication, max_age: str
) -> None:
    change(admin, config={"silent_logins": True})
    request = company.request_in(silently(browser, app, max_age=max_age).headers["location"])
    change(admin, config={"silent_logins": None})
    if max_age:
        # It knows the user, from a login that is too old for the application.
        form = company.answer(request, "silent-max", authenticated_at=datetime.now(UTC) - timedelta(hours=1))
    else:
        form = refusal(company, request, names.NO_PASSIVE)

    answer = post(browser, form)

    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["location"].startswith(REDIRECT_URI)
    assert (told["error"], told["state"]) == (["login_required"], ["s"])
    # The answer has been used.
    refused(post(browser, form))


def test_another_refusal_is_no_missing_login_and_one_that_nobody_asked_silently_for_neither(
    admin: Administrator, company: SamlProvider, browser: Browser, app: BoundApplication
) -> None:
    change(admin, config={"silent_logins": True})
    request = company.request_in(silently(browser, app).headers["location"])
    refused(post(browser, refusal(company, request, names.AUTHN_FAILED)))
    change(admin, config={"silent_logins": None})
    request = company.request_in(depart(browser, app).headers["location"])
    refused(post(browser, refusal(company, request, names.NO_PASSIVE)))


def refusal(company: SamlProvider, request: AuthnRequest, reason: str) -> dict[str, str]:
    consumer = company.service_provider.consumer(location=None, index=None).location
    response = issuing.build_refusal(
        new_id(),
        issuer=company.entity_id,
        recipient=consumer,
        in_response_to=request.id,
        issued_at=datetime.now(UTC),
        status=names.RESPONDER,
        reason=reason,
        key=company.key,
    )
    return dict(bindings.post_form(consumer, "SAMLResponse", response, None).fields)
