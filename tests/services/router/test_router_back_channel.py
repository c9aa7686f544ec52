"""Logging out at the identity service: its word ends the router's sessions, and nobody else's does."""

import asyncio
import re

import pytest
from router_identity import CLIENT, TENANT, running_identity_server
from router_neighbours import until
from structlog.testing import capture_logs

from entryway.testing.issuer import new_key

LOGOUT = {"logoutEndpoint": "/bye", "backChannelLogoutEndpoint": "/told"}
FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def identity(world):
    async with running_identity_server(world.clock) as server:
        yield server


async def started(world, identity, env=None, **more):
    binding = {"name": "ids", "label": "identity", "credentials": identity.credentials()}
    services = {"VCAP_SERVICES": {"identity": [binding]}}
    return await world.start(bound=False, env=services | (env or {}), logout=LOGOUT, **more)


async def alive(browser):
    return (await browser.get("/private/x", x_requested_with="XMLHttpRequest")).status_code == 200


async def tell(world, token):
    return await (await world.browser()).request("POST", "/told", f"logout_token={token}", **FORM)


async def test_the_session_of_the_login_ends_and_no_other(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    token = identity.logout_token()
    other = await world.browser()
    await other.log_in()
    with capture_logs() as records:
        answer = await tell(world, token)
    trail = [entry for entry in records if entry["part"] == "audit"]
    assert [(entry["event"], entry["reason"]) for entry in trail] == [("session_ended", "back_channel_logout")]
    assert (answer.status_code, answer.content) == (200, b"")
    assert "set-cookie" not in answer.headers
    assert not await alive(browser)
    assert await alive(other)


async def test_backends_are_told(world, identity):
    browser = await started(world, identity, destinations={"b": {"logoutPath": "/gone"}})
    await browser.log_in()
    await tell(world, identity.logout_token())
    await until(lambda: [request for request in world.backend.requests if request.target == "/gone"])
    (told,) = [request for request in world.backend.requests if request.target == "/gone"]
    assert told.method == "POST"
    assert told.headers.text("authorization").startswith("Bearer ey")


async def test_the_authority_learns_where_to_tell(world, identity):
    browser = await started(world, identity)
    state = None
    url = await browser.begin_login()
    state = browser.cookie("JSESSIONID")
    await browser.come_back(url)
    (target,) = [target for target, _ in identity.requests if target.startswith("/oauth2/token")]
    host = world.origin.removeprefix("http://")
    assert target == (
        f"/oauth2/token?s3bcl_header_name=cookie&s3bcl_header_value=JSESSIONID={state}"
        f"&s3bcl_logout_uri=https://{host}/told"
    )


@pytest.mark.parametrize(
    ("env", "cookie", "sent"),
    [
        ({}, "__VCAP_ID__=instance-1", "__VCAP_ID__=instance-1;"),
        ({"PLATFORM_COOKIE_NAME": "sticky"}, "__VCAP_ID__=x; sticky=a/b&c=d#e", "sticky=a/b%26c=d%23e;"),
        ({}, "__VCAP_ID__=" + "x" * 600, ""),
        ({}, "__VCAP_ID__=", ""),
        ({"STATE_PARAMETER_SECRET": "false"}, "__VCAP_ID__=instance-1", "__VCAP_ID__=instance-1;"),
    ],
)
async def test_the_platforms_cookie_is_to_come_with_the_announcement(world, identity, env, cookie, sent):
    browser = await started(world, identity, env=env)
    url = await browser.begin_login()
    for pair in cookie.split("; "):
        browser.http.cookies.set(*pair.split("=", 1))
    await browser.come_back(url)
    (target,) = [target for target, _ in identity.requests if target.startswith("/oauth2/token")]
    value = target.partition("&s3bcl_header_value=")[2].partition("&")[0]
    assert re.fullmatch(re.escape(sent) + "JSESSIONID=[0-9a-f-]{36}", value)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"sid": None}, "Session ID is missing in logout token"),
        ({"sid": 5}, "Session ID is missing in logout token"),
        ({"events": None}, "Event claim is missing in logout token"),
        ({"events": {"http://other.example": {}}}, "Event claim is missing in logout token"),
        ({"events": "http://schemas.openid.net/event/backchannel-logout"}, "Event claim is missing in logout token"),
        ({"nonce": "n"}, "Nonce is not allowed in logout token"),
        ({"exp": 100}, "Token is expired"),
        ({"exp": None}, "Logout token has no usable 'exp' claim"),
        ({"exp": "soon"}, "Logout token has no usable 'exp' claim"),
        ({"iat": 100}, "Logout token has no usable 'iat' claim"),
        ({"iat": 1_900_000_000}, "Logout token has no usable 'iat' claim"),
        ({"iat": True}, "Logout token has no usable 'iat' claim"),
        ({"jti": 7}, "Logout token has no usable 'jti' claim"),
        ({"aud": "other"}, "Logout token is for a different audience"),
        ({"aud": None}, "Logout token is for a different audience"),
        ({"iss": None}, "Logout token is missing an issuer"),
        ({"iss": "https://evil.example"}, "Issuer of the logout token is not trusted"),
        ({"iss": "https://a.b.accounts.example"}, "Issuer of the logout token is not trusted"),
        ({"iss": "https://accounts.example?x=1"}, "Issuer of the logout token is not trusted"),
    ],
    ids=str,
)
async def test_a_token_that_breaks_a_rule_ends_nothing(world, identity, wrong, text):
    browser = await started(world, identity)
    await browser.log_in()
    answer = await tell(world, identity.logout_token(**wrong))
    assert (answer.status_code, answer.text) == (400, f"Error validating logout token: {text}")
    assert answer.headers["entryway-error"] == "logout_token_refused"
    assert await alive(browser)


@pytest.mark.parametrize(
    "wrong", [{"iat": None}, {"jti": None}, {"iss": "https://t1.accounts.example"}, {"aud": [CLIENT, "x"]}]
)
async def test_what_a_token_may_lack_or_be(world, identity, wrong):
    browser = await started(world, identity)
    await browser.log_in()
    assert (await tell(world, identity.logout_token(**wrong))).status_code == 200
    assert not await alive(browser)


@pytest.mark.parametrize("kid", ["identity-key", "another"])
async def test_a_token_that_somebody_else_signed_ends_nothing(world, identity, kid):
    browser = await started(world, identity)
    await browser.log_in()
    answer = await tell(world, identity.logout_token(key=new_key(kid)))
    assert answer.status_code == 400
    assert "sign" in answer.text
    assert await alive(browser)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "logout_token=",
        "logout_token=abc",
        "other=1",
        '{"logout_token":"x"}',
        b"\xff",
        "a=1&" * 200,
        "logout_token=a&logout_token=b",
    ],
)
async def test_a_body_without_a_token_is_refused(world, identity, body):
    await started(world, identity)
    answer = await (await world.browser()).request("POST", "/told", body, **FORM)
    assert answer.status_code == 400
    assert answer.text.startswith("Error validating logout token: ")
    assert identity.requests == []


async def test_a_body_that_is_too_large_is_refused(world, identity):
    await started(world, identity)
    assert (await (await world.browser()).request("POST", "/told", b"x" * 70_000, **FORM)).status_code == 413


async def test_a_token_that_comes_again_does_not_end_a_later_session(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    token = identity.logout_token()
    assert (await tell(world, token)).status_code == 200
    sid = identity.sid
    await browser.log_in()
    # The identity service has used the name again: the old word is about the old session.
    session = next(iter(world.app.sessions._sessions.values()))
    assert session.login.sid != sid
    identity.claims = {"sid": sid}
    other = await world.browser()
    await other.log_in()
    assert (await tell(world, token)).status_code == 200
    assert await alive(other)


async def test_an_unknown_session_is_no_error(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    assert (await tell(world, identity.logout_token(sid="unknown"))).status_code == 200
    assert await alive(browser)


async def test_strangers_do_not_make_us_ask_for_keys_again_and_again(world, identity):
    await started(world, identity)
    for _ in range(5):
        await tell(world, identity.logout_token(sid="unknown"))
        await tell(world, identity.logout_token(sid="unknown", key=new_key("another")))
    certs = identity.asked("/oauth2/certs")
    assert len(certs) == 1
    assert (certs[0]["header:x-client_id"], certs[0]["header:x-app_tid"]) == (CLIENT, TENANT)


async def test_a_withdrawn_key_ends_nothing(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    await tell(world, identity.logout_token(sid="unknown"))
    withdrawn = identity.logout_token()
    identity.key = new_key("its-successor")
    assert (await tell(world, withdrawn)).status_code == 400
    assert await alive(browser)


@pytest.mark.parametrize("address", ["https://evil.example/certs", "ftp://accounts.example/certs", "no address"])
async def test_keys_of_another_address_are_not_asked_for(world, identity, address):
    identity.jwks_uri = address
    browser = await started(world, identity)
    await browser.log_in()
    assert (await tell(world, identity.logout_token())).status_code == 503
    assert await alive(browser)


async def test_without_keys_nothing_is_believed_and_the_sender_may_try_again(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    token = identity.logout_token()
    identity.keys_failure = 500
    answer = await tell(world, token)
    assert (answer.status_code, answer.headers["entryway-error"]) == (503, "keys_unavailable")
    assert await alive(browser)
    identity.keys_failure = None
    world.clock.now += 5
    assert (await tell(world, token)).status_code == 200
    assert not await alive(browser)


async def test_many_at_once_end_a_session_once(world, identity):
    browser = await started(world, identity, destinations={"b": {"logoutPath": "/gone"}})
    await browser.log_in()
    token = identity.logout_token()
    answers = await asyncio.gather(*(tell(world, token) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    await until(lambda: [request for request in world.backend.requests if request.target == "/gone"])
    await world.app.told.close()
    assert len([request for request in world.backend.requests if request.target == "/gone"]) == 1


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "DELETE"])
async def test_other_methods_are_ordinary_requests(world, identity, method):
    route = {"source": "^/(.*)$", "destination": "b"}
    binding = {"name": "ids", "label": "identity", "credentials": identity.credentials()}
    browser = await world.start(route, bound=False, env={"VCAP_SERVICES": {"identity": [binding]}}, logout=LOGOUT)
    assert (await browser.request(method, "/told", **FORM)).status_code == 401


async def test_the_query_is_not_looked_at(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    answer = await browser.request("POST", f"/told?logout_token={identity.logout_token()}", **FORM)
    assert answer.status_code == 400
    assert await alive(browser)


async def test_no_tenant_ends_sessions_of_another(world, identity):
    browser = await started(world, identity)
    await browser.log_in()
    assert (await tell(world, identity.logout_token(app_tid="another"))).status_code == 200
    assert await alive(browser)
    assert (await tell(world, identity.logout_token(app_tid=TENANT))).status_code == 200
    assert not await alive(browser)
