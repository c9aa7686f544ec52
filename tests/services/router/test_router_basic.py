"""Routes with name and password in the request: asked once, then the session counts."""

import base64

import pytest
from structlog.testing import capture_logs

ROUTE = {"source": "^/basic/", "destination": "b", "authenticationType": "basic"}
CLOUD = {"VCAP_APPLICATION": {"application_name": "shop", "application_uris": ["shop.example"]}}


def given(name: str = "alex", password: str = "pa:ss") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def started(world, **more):
    # In the cloud a file of services on the developer's machine counts for nothing.
    uaa = {"name": "uaa", "label": "xsuaa", "tags": ["xsuaa"], "credentials": world.uaa.credentials()}
    return await world.start(ROUTE, bound=False, env=CLOUD | {"VCAP_SERVICES": {"xsuaa": [uaa]}}, **more)


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Basic ???"}, {"authorization": "Bearer abc"}, given("", "x"), given("a", "b\n")]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_says_nothing_usable_is_asked(world, method, headers):
    browser = await started(world)
    answer = await browser.request(method, "/basic/x", **headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="shop at shop.example"'
    assert answer.headers["entryway-error"] == "basic_credentials_required"
    assert world.backend.requests == world.uaa.requests == []


async def test_a_script_is_not_asked_for_it_would_show_a_window(world):
    browser = await started(world)
    answer = await browser.get("/basic/x", x_requested_with="XMLHttpRequest")
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers


async def test_name_and_password_are_exchanged_for_a_session(world):
    browser = await started(world)
    answer = await browser.get("/basic/x", x_correlationid="follow-me", **given())
    assert answer.status_code == 200
    assert world.uaa.grants("password")[0]["header:x-correlationid"] == "follow-me"
    (form,) = world.uaa.grants("password")
    assert (form["username"], form["password"], form["client_id"]) == ("alex", "pa:ss", "sb-shop!t1")
    (asked,) = world.backend.requests
    assert asked.headers.text("authorization").startswith("Bearer ey")
    assert browser.cookie("JSESSIONID").startswith("s%3A")

    assert (await browser.get("/basic/x")).status_code == 200
    assert len(world.uaa.requests) == 1


@pytest.mark.parametrize(
    ("refusal", "times"),
    [
        ((401, {"error": "unauthorized", "error_description": "Bad credentials"}), 1),
        ((400, {"error": "invalid_grant"}), 1),
        ((401, {"error": "unauthorized"}), 3),
    ],
)
async def test_a_password_is_asked_about_again_only_if_nobody_says_that_it_is_wrong(world, refusal, times):
    world.uaa.token_failure["password"] = refusal
    browser = await started(world)
    with capture_logs() as records:
        await browser.get("/basic/x")
        answer = await browser.get("/basic/x", **given())
    trail = [entry for entry in records if entry["part"] == "audit"]
    assert [(entry["event"], entry["client"]) for entry in trail] == [("login_refused", "127.0.0.1")]
    assert "pa:ss" not in str(records)
    assert (answer.status_code, answer.headers["entryway-error"]) == (401, "login_required")
    assert "www-authenticate" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert len(world.uaa.requests) == times
    assert world.backend.requests == []


async def test_a_server_that_fails_is_not_a_wrong_password(world):
    world.uaa.token_failure["password"] = (500, {})
    browser = await started(world)
    answer = await browser.get("/basic/x", **given())
    assert answer.status_code == 502
    assert world.backend.requests == []


async def test_what_changes_something_needs_the_token_of_the_session(world):
    browser = await started(world)
    refused = await browser.request("POST", "/basic/x", **given())
    assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
    assert world.backend.requests == []
    # Nobody learned of the session that was begun, so it is not kept.
    assert len(world.app.sessions) == 0
    token = (await browser.get("/basic/x", x_csrf_token="fetch", **given())).headers["x-csrf-token"]
    assert (await browser.request("POST", "/basic/x", x_csrf_token=token)).status_code == 200


async def test_a_user_without_the_scope_is_refused(world):
    browser = await world.start(ROUTE | {"scope": "$XSAPPNAME.admin"})
    assert (await browser.get("/basic/x", **given())).status_code == 403
    assert world.backend.requests == []


async def test_outside_the_cloud_the_realm_has_no_name_to_tell(world):
    browser = await world.start(ROUTE)
    assert (await browser.get("/basic/x")).headers["www-authenticate"] == 'Basic realm="application"'
