"""Logging in at an identity service: alone, and with an authorization server beside it that knows the scopes."""

import base64
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from router_identity import CLIENT, SECRET, TENANT, USER, running_identity_server
from router_neighbours import running_destinations, until

from entryway.config.mistakes import ConfigurationMistakes
from entryway.router.configuration import read_configuration

ROUTES = (
    {"source": "^/private/(.*)$", "destination": "b"},
    {"source": "^/chosen/", "destination": "b", "dynamicIdentityProvider": True, "identityProvider": "usual"},
    {"source": "^/user-api", "service": "sap-approuter-userapi", "target": "/"},
)
BOTH = (
    *ROUTES,
    {"source": "^/xsuaa/", "destination": "b", "authenticationType": "xsuaa"},
    {"source": "^/admin/", "destination": "b", "authenticationType": "ias", "scope": "$XSAPPNAME.admin"},
)
BASIC = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()


@pytest.fixture
async def identity(world):
    async with running_identity_server(world.clock) as server:
        yield server


def claims(authorization: str) -> dict:
    part = authorization.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def alone(world, identity, *routes, env=None, **root):
    binding = {"name": "ids", "label": "identity", "credentials": identity.credentials()}
    return await world.start(
        *(routes or ROUTES), bound=False, env={"VCAP_SERVICES": {"identity": [binding]}} | (env or {}), **root
    )


async def beside(world, identity, *routes, **root):
    return await world.start(*(routes or BOTH), services={"identity": identity.credentials()}, **root)


async def test_the_browser_is_sent_there_with_scope_and_tenant(world, identity):
    browser = await alone(world, identity)
    url = await browser.begin_login()
    assert url.startswith(f"{identity.url}/oauth2/authorize?response_type=code&client_id={CLIENT}&redirect_uri=")
    asked = parse_qsl(urlsplit(url).query)
    assert [name for name, _ in asked[2:5]] == ["redirect_uri", "scope", "app_tid"]
    assert dict(asked) | {"scope": "openid", "app_tid": TENANT} == dict(asked)
    assert {"state", "code_challenge"} <= dict(asked).keys()


async def test_the_code_is_redeemed_with_form_and_basic_credentials(world, identity):
    browser = await alone(world, identity)
    await browser.log_in()
    (form,) = identity.grants("authorization_code")
    assert (form["client_id"], form["client_secret"], form["app_tid"]) == (CLIENT, SECRET, TENANT)
    assert form["header:authorization"] == BASIC
    assert len(form["code_verifier"]) == 43
    assert form["redirect_uri"] == f"{world.origin}/login/callback"
    assert (await browser.get("/private/x")).status_code == 200
    assert claims(world.backend.requests[-1].headers.text("authorization"))["kind"] == "access"


@pytest.mark.parametrize(
    ("wrong", "value"),
    [("aud", "other"), ("app_tid", "other"), ("iss", "https://evil.example"), ("exp", 1)],
)
async def test_a_token_for_somebody_else_is_refused(world, identity, wrong, value):
    identity.claims = {wrong: value} | ({"azp": "other"} if wrong == "aud" else {})
    browser = await alone(world, identity)
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (502, "login_token_invalid")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [((400, {"error": "invalid_grant"}), 401, "login_code_refused"), ((500, {}), 502, "login_server_failed")],
)
async def test_a_token_endpoint_that_fails_is_told_apart(world, identity, failure, status, code):
    identity.token_failure["authorization_code"] = failure
    browser = await alone(world, identity)
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (status, code)
    assert len(identity.grants("authorization_code")) == 1


@pytest.mark.parametrize(
    ("path", "provider"),
    [("/chosen/x", "usual"), ("/chosen/x?sap_idp=own", "own"), ("/private/x?sap_idp=own", None)],
)
async def test_users_choose_their_identity_provider_where_they_may(world, identity, path, provider):
    browser = await alone(world, identity)
    query = parse_qs(urlsplit(await browser.begin_login(path)).query)
    assert query.get("idp", [None])[0] == provider


async def test_the_choice_is_not_forwarded(world, identity):
    browser = await alone(world, identity)
    await browser.log_in("/chosen/x?sap_idp=own&z=1")
    await browser.get("/chosen/x?a=%20b&sap_idp=own&z=1")
    assert world.backend.requests[-1].target == "/chosen/x?a=%20b&z=1"


async def test_the_user_api_names_the_user_by_the_id(world, identity):
    browser = await alone(world, identity)
    await browser.log_in()
    user = (await browser.get("/user-api/currentUser")).json()
    assert user["name"] == USER
    assert user["displayName"] == f"Jo Doe ({USER})"
    assert user["scopes"] == []
    attributes = (await browser.get("/user-api/attributes")).json()
    assert (attributes["groups"], attributes["user_uuid"]) == (["Viewers"], USER)
    assert not {"sid", "jti", "exp", "displayName", "sub", "app_tid", "given_name", "mail"} & attributes.keys()


async def test_logging_out_leads_to_the_identity_service(world, identity):
    browser = await alone(world, identity, logout={"logoutEndpoint": "/bye", "logoutPage": "/page"})
    await browser.log_in()
    url = (await browser.get("/bye")).headers["location"]
    assert url.startswith(f"{identity.url}/oauth2/logout?post_logout_redirect_uri=http%3A%2F%2F")
    query = parse_qs(urlsplit(url).query)
    assert (query["app_tid"], query["client_id"]) == ([TENANT], [CLIENT])
    # Without a session nobody else is asked than with one.
    assert (await browser.get("/bye")).headers["location"] == url


async def test_a_logout_may_name_the_user_by_the_id_token(world, identity):
    browser = await alone(
        world,
        identity,
        env={"LOGOUT_WITH_TOKEN_HINT": "true"},
        logout={"logoutEndpoint": "/bye", "logoutPage": "/page"},
    )
    await browser.log_in()
    query = parse_qs(urlsplit((await browser.get("/bye")).headers["location"]).query)
    assert list(query) == ["post_logout_redirect_uri", "id_token_hint"]
    assert claims(query["id_token_hint"][0])["kind"] == "id"


async def test_the_token_is_renewed_with_the_tenant(world, identity):
    identity.expires_in = 600
    browser = await alone(world, identity)
    await browser.log_in()
    world.clock.now += 301
    await browser.get("/private/x")
    await until(lambda: identity.grants("refresh_token"))
    (form,) = identity.grants("refresh_token")
    assert form["app_tid"] == TENANT
    assert form["header:authorization"] == BASIC
    assert "client_secret" not in form


@pytest.mark.parametrize(("path", "kind"), [("/private/x", "ias"), ("/admin/x", "ias"), ("/xsuaa/x", "xsuaa")])
async def test_of_two_the_identity_service_is_the_default(world, identity, path, kind):
    browser = await beside(world, identity)
    url = await browser.begin_login(path)
    assert url.startswith(identity.url if kind == "ias" else world.uaa.url)
    assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{world.origin}/login/callback?authType={kind}"]


async def test_scopes_come_from_the_authorization_server(world, identity):
    browser = await beside(world, identity)
    await browser.log_in()
    (form,) = world.uaa.grants("jwt-bearer")
    assert claims(form["assertion"])["kind"] == "access"
    assert form["header:x-zid"] == TENANT
    assert "response_type" not in form
    assert (await browser.get("/user-api/currentUser")).json()["scopes"] == ["openid", "shop!t1.viewer"]
    assert (await browser.get("/admin/x")).status_code == 403
    await browser.get("/private/x")
    assert claims(world.backend.requests[-1].headers.text("authorization"))["iss"] == identity.url


async def test_without_scopes_there_is_no_login(world, identity):
    world.uaa.token_failure["urn:ietf:params:oauth:grant-type:jwt-bearer"] = (400, {"error": "invalid_grant"})
    browser = await beside(world, identity)
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (502, "login_server_failed")
    assert not browser.cookie("JSESSIONID").startswith("s%3A")


async def test_logging_out_leads_to_where_the_login_was(world, identity):
    browser = await beside(world, identity)
    await browser.log_in()
    assert (await browser.get("/do/logout")).headers["location"] == f"{identity.url}/oauth2/logout"
    await browser.log_in("/xsuaa/x")
    assert (await browser.get("/do/logout")).headers["location"] == f"{world.uaa.url}/logout.do"


async def test_an_answer_of_one_authority_is_not_taken_for_the_others(world, identity):
    browser = await beside(world, identity)
    agreed = await browser.http.get(await browser.begin_login("/private/x"))
    back = urlsplit(agreed.headers["location"])
    answer = await browser.page(f"{back.path}?{back.query.replace('authType=ias', 'authType=xsuaa')}")
    assert answer.status_code == 401
    assert world.uaa.requests == []
    assert identity.grants("authorization_code") == []


async def test_only_the_service_that_is_bound_is_a_way_to_log_in(world, identity):
    browser = await alone(world, identity)
    agreed = await browser.http.get(await browser.begin_login())
    back = urlsplit(agreed.headers["location"])
    assert (await browser.page(f"{back.path}?{back.query}&authType=xsuaa")).status_code == 302


async def test_tokens_for_other_services_are_asked_for_in_the_users_tenant(world, identity):
    async with running_destinations(world.uaa) as service:
        service.define("found", world.backend.url)
        browser = await world.start(
            {"source": "^/private/(.*)$", "destination": "found"},
            services={"identity": identity.credentials(), "destination": service.credentials()},
        )
        await browser.log_in()
        assert (await browser.get("/private/x")).status_code == 200
    _, form = world.uaa.grants("jwt-bearer")
    assert (form["client_id"], form["header:x-zid"]) == ("dest-client", TENANT)
    assert "response_type" not in form
    assert claims(form["assertion"])["kind"] == "access"


async def test_what_has_no_effect_is_named_at_start(world, identity):
    await world.start(logout={"logoutEndpoint": "/bye", "backChannelLogoutEndpoint": "/told"})
    destination = {"name": "b", "url": world.backend.url, "IASDependencyName": "dependency"}
    environ = {"destinations": json.dumps([destination])}
    warnings = {warning.path for warning in read_configuration(world.folder, environ).warnings}
    assert {"/logout/backChannelLogoutEndpoint", "/IASDependencyName"} <= warnings


@pytest.mark.parametrize(
    ("credentials", "rule"),
    [
        ({"url": None}, "Missing required property: url"),
        ({"clientid": None}, "Missing required property: clientid"),
        ({"clientsecret": None}, "needs clientsecret, or certificate and key"),
        ({"url": "ftp://x"}, "must be an absolute URL"),
    ],
)
async def test_a_binding_that_cannot_be_used_ends_the_start(world, identity, credentials, rule):
    with pytest.raises(ConfigurationMistakes) as found:
        await world.start(services={"identity": identity.credentials(**credentials)})
    assert any(rule in mistake.rule for mistake in found.value.mistakes)


async def test_a_binding_is_found_by_its_label_alone(world, identity):
    binding = {
        "name": "ids",
        "label": "user-provided",
        "tags": ["identity", "IAS"],
        "credentials": identity.credentials(),
    }
    route = {"source": "^/x", "destination": "b", "authenticationType": "ias"}
    with pytest.raises(ConfigurationMistakes) as found:
        await world.start(route, bound=False, env={"VCAP_SERVICES": {"user-provided": [binding]}})
    assert any("No IAS service found" in mistake.rule for mistake in found.value.mistakes)
