"""Calls of services with a token of their own: who is believed, what reaches backends, and what does not."""

import asyncio
import base64
import time

import pytest
from router_neighbours import until

from entryway.http import Headers, Response
from entryway.testing.issuer import new_key, running_issuer

CSRF_FREE = {"x_requested_with": "XMLHttpRequest"}


@pytest.fixture
def issuer(tmp_path):
    with running_issuer(tmp_path / "issuer") as issuer:
        yield issuer


@pytest.fixture
async def start(world, issuer):
    """A router whose tokens' keys are the issuer's, and whose token endpoint is the login server's."""

    async def started(*routes, uaa=None, **env):
        world.clock.now = time.time()
        uaa = issuer.credentials("shop!t1", url=world.uaa.url) | (uaa or {})
        destinations = {"destinations": [{"name": "b", "url": world.backend.url, "forwardAuthToken": True}]}
        trusted = {"NODE_EXTRA_CA_CERTS": str(issuer.ca_file)}
        return await world.start(*routes, services={"uaa": uaa}, env=destinations | trusted | env)

    return started


def bearer(token, scheme="Bearer"):
    return {"x_approuter_authorization": f"{scheme} {token}"}


def basic(credentials):
    return {"x_approuter_authorization": "Basic " + base64.b64encode(credentials).decode()}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_takes_the_place_of_a_session(start, issuer, world, scheme):
    browser, token = await start(), issuer.token(xsappname="shop!t1")

    found = await browser.get("/private/x", **bearer(token, scheme))

    assert (found.status_code, found.headers.get("set-cookie")) == (200, None)
    headers = world.backend.requests[-1].headers
    assert headers.text("authorization") == f"Bearer {token}"
    assert headers.get(b"x-approuter-authorization") is None
    assert len(world.app.sessions) == 0


async def test_a_services_own_token_is_one_too(start, issuer):
    token = issuer.client_token("sb-caller!t9", scopes=("shop!t1.viewer",))

    assert (await (await start()).get("/private/x", **bearer(token))).status_code == 200


async def test_who_is_no_browser_needs_no_csrf_token_and_gets_none(start, issuer, world):
    browser, who = await start(), bearer(issuer.token(xsappname="shop!t1"))

    assert (await browser.request("POST", "/private/x", b"{}", **who)).status_code == 200
    fetched = await browser.get("/private/x", x_csrf_token="fetch", **who)

    assert "x-csrf-token" not in fetched.headers
    assert world.backend.requests[-1].headers.get(b"x-csrf-token") is None


async def test_a_browsers_session_goes_on_needing_a_csrf_token_beside_the_header(start, issuer, world):
    browser = await start()
    world.uaa.claims = {"cid": "sb-shop!t1", "zid": issuer.zone}
    await browser.log_in()

    refused = await browser.request("POST", "/private/x", **bearer("whatever"))

    assert refused.status_code == 403


async def test_scopes_are_the_tokens(start, issuer):
    browser = await start({"source": "^/sc", "destination": "b", "scope": "$XSAPPNAME.viewer"})

    assert (await browser.get("/sc", **bearer(issuer.token(xsappname="shop!t1", scopes=["viewer"])))).status_code == 200
    assert (await browser.get("/sc", **bearer(issuer.token(xsappname="shop!t1", scopes=["other"])))).status_code == 403


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        ("Bearer garbage", 400, "service_authorization_malformed"),
        ("e30.e30.e30", 400, "service_authorization_malformed"),
        ("Digest abc", 400, "service_authorization_malformed"),
        ("Bearer", 400, "service_authorization_malformed"),
        ("Basic ???", 400, "service_authorization_malformed"),
        ("Basic " + base64.b64encode(b"nocolon").decode(), 400, "service_authorization_malformed"),
        ("Basic " + base64.b64encode(b"\xff:x").decode(), 400, "service_authorization_malformed"),
        ("Bearer eyJhbGciOiJub25lIn0.e30.", 400, "service_authorization_malformed"),
        ("Bearer eyJhbGciOiJub25lIn0.e30.e30", 401, "service_authorization_refused"),
    ],
)
async def test_what_is_no_authorization_is_refused(start, world, header, status, code):
    found = await (await start()).get("/private/x", x_approuter_authorization=header)

    assert (found.status_code, found.headers["entryway-error"]) == (status, code)
    assert world.backend.requests == []


async def test_tokens_that_are_not_to_be_believed(start, issuer, world):
    browser = await start()
    tokens = [
        issuer.token(xsappname="shop!t1", lifetime=-10),
        issuer.token(xsappname="shop!t1", key=new_key(issuer.keys[0].kid)),
        issuer.token(xsappname="other!t2"),
        issuer.token(xsappname="shop!t1", zid="another-zone"),
    ]

    for token in tokens:
        for path in ("/private/x", "/public/x"):
            refused = await browser.get(path, **bearer(token))
            assert (refused.status_code, refused.headers["entryway-error"]) == (401, "service_authorization_refused")
            assert "location" not in refused.headers
    assert world.backend.requests == []


async def test_without_keys_nobody_is_believed(start, issuer):
    browser, token = await start(), issuer.token(xsappname="shop!t1")
    issuer.failing = 500

    assert (await browser.get("/private/x", **bearer(token))).status_code == 503


async def test_an_empty_header_is_like_none(start):
    assert (
        "/oauth/authorize"
        in (await (await start()).request("GET", "/private/x", accept="text/html", x_approuter_authorization="")).text
    )


async def test_name_and_password_are_exchanged_once(start, world, issuer):
    browser = await start()
    world.uaa.claims = {"zid": issuer.zone}
    world.uaa.hold = asyncio.Event()

    calls = [asyncio.create_task(browser.get("/private/x", **basic(b"alex:pa:ss"))) for _ in range(3)]
    await until(lambda: world.uaa.grants("password"))
    world.uaa.hold.set()

    assert {found.status_code for found in await asyncio.gather(*calls)} == {200}
    assert (await browser.get("/private/x", **basic(b"alex:pa:ss"))).status_code == 200
    (asked,) = world.uaa.grants("password")
    assert (asked["username"], asked["password"], asked["client_id"]) == ("alex", "pa:ss", "sb-shop!t1")
    assert world.backend.requests[-1].headers.text("authorization").startswith("Bearer ey")


async def test_passwords_are_asked_about_where_the_tenant_is_named(start, world, issuer):
    # A zone and a domain that make a name which every machine knows; nobody listens at the binding's own address.
    here = {"url": "http://127.0.0.1:1", "identityzone": "127.0.0", "uaadomain": world.uaa.url.rpartition("0.0.")[2]}
    browser = await start(uaa=here)
    world.uaa.claims = {"zid": issuer.zone}

    assert (await browser.get("/private/x", **basic(b"alex:pass"))).status_code == 200
    assert len(world.uaa.grants("password")) == 1


@pytest.mark.parametrize(("answered", "status"), [(401, 401), (500, 502)])
async def test_a_refused_password_and_a_broken_server_are_told_apart(start, world, answered, status):
    browser = await start()
    world.uaa.token_failure["password"] = (answered, {"error": "unauthorized"})

    assert (await browser.get("/private/x", **basic(b"alex:wrong"))).status_code == status


async def test_session_cookies_of_backends_travel_sealed(start, issuer, world):
    async def sets(_request):
        lines = [b"bs=secret-of-the-backend; Path=/", b"ns=2; Max-Age=60"]
        return Response(200, Headers([(b"set-cookie", line) for line in lines]))

    browser, token = await start(), issuer.token(xsappname="shop!t1")
    world.backend.handler = sets

    first = await browser.http.get(
        f"{browser.origin}/private/x", headers={"x-approuter-authorization": f"Bearer {token}"}
    )
    browser.http.cookies.clear()
    persistent, sealed = first.headers.get_list("set-cookie")
    assert persistent == "ns=2; Max-Age=60"
    assert sealed.startswith("ARBE=")
    assert sealed.endswith("; Path=/; HttpOnly;")
    assert b"secret".hex() not in sealed
    value = sealed.partition(";")[0]

    await browser.get("/private/x", cookie=f"ns=2; {value}", **bearer(token))
    assert world.backend.requests[-1].headers.text("cookie") == "ns=2;bs=secret-of-the-backend"

    other = issuer.token(xsappname="shop!t1", user="robin")
    await browser.get("/private/x", cookie=f"ns=2; {value}", **bearer(other))
    assert world.backend.requests[-1].headers.text("cookie") == "ns=2"


@pytest.mark.parametrize(
    "value", ["abc", "", "00:00:00", f"{'0' * 24}::{'0' * 32}", f"{'0' * 24}:{'0' * 9000}:{'0' * 32}"]
)
async def test_a_cookie_that_we_did_not_seal_counts_as_none(start, issuer, world, value):
    browser = await start()

    found = await browser.get("/private/x", cookie=f"ARBE={value}", **bearer(issuer.token(xsappname="shop!t1")))

    assert found.status_code == 200
    assert world.backend.requests[-1].headers.get(b"cookie") is None


async def test_a_service_has_nothing_to_log_out_of(start, issuer, world):
    left = await (await start()).get("/do/logout", **bearer(issuer.token(xsappname="shop!t1")))

    assert left.status_code == 302
