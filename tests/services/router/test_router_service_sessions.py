"""Sessions of calling services in a real store: who may name them, what they hold, and how long."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from redis_servers import running_redis, settings_of

from entryway.http import Headers, Response
from entryway.router.configuration import read_configuration
from entryway.testing.issuer import running_issuer

SECRETS = {"SVC2AR_EXTERNAL_SESSION_ID_SECRET": "secret-one", "SVC2AR_EXTERNAL_SESSION_ID_SECRET_ALT": "secret-two"}
KEEPS_COOKIES = {"STORE_SESSION_COOKIES_IN_EXTERNAL_SESSION_STORE": "true"}
KEEPS_TOKEN = {"SVC2AR_STORE_CSRF_IN_EXTERNAL_SESSION": "true"}


@pytest.fixture
def issuer(tmp_path):
    with running_issuer(tmp_path / "issuer") as issuer:
        yield issuer


@pytest.fixture
async def store(tmp_path):
    async with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def start(world, issuer, store):
    """Start one more router of the application, and return a caller of it."""

    async def started(**env):
        world.clock.now = time.time()
        variables = {
            "destinations": [{"name": "b", "url": world.backend.url, "forwardAuthToken": True}],
            "NODE_EXTRA_CA_CERTS": str(issuer.ca_file),
            "EXT_SESSION_MGT": settings_of(store),
        }
        bindings = {"uaa": issuer.credentials("shop!t1", url=world.uaa.url), "store": store.binding()}
        return await world.start(services=bindings, env=variables | SECRETS | env)

    return started


def sign(name, secret="secret-one"):
    digest = hmac.digest(secret.encode(), name.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode().rstrip("=")


def call(token, name=None, signature="right", expires_in=500, **more):
    headers = {"x_approuter_authorization": f"Bearer {token}"} | more
    if name is not None:
        headers["x_approuter_ext_session_id"] = name
        headers["x_approuter_ext_session_id_sig"] = sign(name) if signature == "right" else signature
        headers["x_approuter_ext_session_expiry"] = str(int(time.time()) + expires_in)
    return {header: value for header, value in headers.items() if value is not None}


async def sets_cookies(_request):
    lines = [b"bs=1; Path=/", b"ns=2; Max-Age=60"]
    return Response(200, Headers([(b"set-cookie", line) for line in lines]))


def sent(world, name):
    return world.backend.requests[-1].headers.text(name)


async def lives(store):
    return [await store.command("PTTL", key) / 1000 for key in await store.command("KEYS", "*")]


@pytest.mark.parametrize("secret", ["secret-one", "secret-two"])
async def test_a_signed_id_names_the_session_and_its_expiry_says_how_long(start, issuer, store, world, secret):
    caller, token = await start(), issuer.token(xsappname="shop!t1")

    answer = await caller.get("/private/x", **call(token, "sid-1", sign("sid-1", secret)))

    assert (answer.status_code, answer.headers.get("set-cookie")) == (200, None)
    (key,) = await store.command("KEYS", "*")
    assert key.endswith(b":sid-1")
    assert 495 < (await lives(store))[0] < 505
    assert not [name for name, _ in world.backend.requests[-1].headers.raw if b"ext-session" in name]
    await caller.get("/private/x", **call(token, "sid-1", expires_in=5000))
    assert (await lives(store))[0] > 4990


async def test_without_an_id_the_token_names_the_session_for_as_long_as_it_is_good(start, issuer, store):
    caller, token = await start(), issuer.token(xsappname="shop!t1", lifetime=600)

    await caller.get("/private/x", **call(token))
    await caller.get("/private/x", **call(token))

    (seconds,) = await lives(store)
    assert 590 < seconds < 605


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"x_approuter_ext_session_id_sig": sign("sid-2")}, 401, "service_session_refused"),
        ({"x_approuter_ext_session_id_sig": sign("sid-1", "secret-three")}, 401, "service_session_refused"),
        ({"x_approuter_ext_session_id_sig": sign("sid-1") + "="}, 401, "service_session_refused"),
        ({"x_approuter_ext_session_id_sig": ""}, 401, "service_session_refused"),
        ({"x_approuter_ext_session_id_sig": None}, 401, "service_session_refused"),
        ({"x_approuter_ext_session_expiry": "1"}, 401, "service_session_refused"),
        ({"x_approuter_ext_session_expiry": None}, 400, "service_session_malformed"),
        ({"x_approuter_ext_session_expiry": "soon"}, 400, "service_session_malformed"),
        ({"x_approuter_ext_session_expiry": "-5"}, 400, "service_session_malformed"),
        ({"x_approuter_ext_session_expiry": "9" * 40}, 400, "service_session_malformed"),
        ({"x_approuter_ext_session_id": "x" * 257}, 400, "service_session_malformed"),
        ({"x_approuter_ext_session_id": "a b"}, 400, "service_session_malformed"),
    ],
)
async def test_who_may_not_name_a_session_is_refused(start, issuer, store, world, changed, status, code):  # noqa: PLR0917 - a table
    caller, headers = await start(), call(issuer.token(xsappname="shop!t1"), "sid-1") | changed

    answer = await caller.get("/private/x", **{name: value for name, value in headers.items() if value is not None})

    assert (answer.status_code, answer.headers["entryway-error"]) == (status, code)
    assert (world.backend.requests, await store.command("KEYS", "*")) == ([], [])


async def test_without_a_secret_nobody_may_name_a_session(start, issuer):
    caller, token = await start(**dict.fromkeys(SECRETS, "")), issuer.token(xsappname="shop!t1")

    assert (await caller.get("/private/x", **call(token, "sid-1"))).status_code == 401
    assert (await caller.get("/private/x", **call(token))).status_code == 200


async def test_ids_need_no_signature_where_that_is_switched_off(start, issuer):
    caller, token = await start(SVC2AR_DIRECT_EXT_SESSION_ID_USAGE="true"), issuer.token(xsappname="shop!t1")

    assert (await caller.get("/private/x", **call(token, "sid-1", None))).status_code == 200
    assert (await caller.get("/private/x", **call(token, "sid-1", "wrong"))).status_code == 200
    assert (await caller.get("/private/x", **call(token, "sid-1", None, -5))).status_code == 401


async def test_an_expiry_in_milliseconds_is_read_as_such(start, issuer, store):
    caller, token = await start(), issuer.token(xsappname="shop!t1")
    milliseconds = str(int(time.time() + 500) * 1000)

    headers = call(token, "sid-1") | {"x_approuter_ext_session_expiry": milliseconds}
    assert (await caller.get("/private/x", **headers)).status_code == 200

    assert 495 < (await lives(store))[0] < 505


async def test_a_session_alone_is_no_login(start, issuer):
    caller, token = await start(), issuer.token(xsappname="shop!t1")
    await caller.get("/private/x", **call(token, "sid-1"))

    headers = call(token, "sid-1", x_requested_with="XMLHttpRequest")
    del headers["x_approuter_authorization"]

    assert (await caller.get("/private/x", **headers)).status_code == 401


async def test_cookies_of_backends_stay_in_the_store_for_every_router_and_this_caller_alone(start, issuer, world):
    first, second = await start(**KEEPS_COOKIES), await start(**KEEPS_COOKIES)
    usual = world.backend.handler
    token, other = issuer.token(xsappname="shop!t1"), issuer.token(xsappname="shop!t1", user="robin")

    for session in (call(token, "sid-1"), call(token)):
        world.backend.handler = sets_cookies
        answer = await first.get("/private/x", **session)
        world.backend.handler = usual
        assert answer.headers.get_list("set-cookie") == ["ns=2; Max-Age=60"]
        for caller in (first, second):
            caller.http.cookies.clear()
            await caller.get("/private/x", **session)
            assert sent(world, "cookie") == "bs=1"
        await second.get("/private/x", cookie="bs=mine;zz=1", **session)
        assert sent(world, "cookie") == "bs=mine; zz=1; bs=1"

    second.http.cookies.clear()
    await second.get("/private/x", **call(other, "sid-1"))
    assert sent(world, "cookie") is None
    renewed = issuer.token(xsappname="shop!t1")
    await second.get("/private/x", **call(renewed, "sid-1"))
    assert (sent(world, "cookie"), sent(world, "authorization")) == ("bs=1", f"Bearer {renewed}")


async def test_a_cookie_that_a_backend_takes_back_is_gone_everywhere(start, issuer, world):
    async def takes_back(_request):
        return Response(200, Headers([(b"set-cookie", b"bs=; Path=/; Max-Age=0")]))

    first, second = await start(**KEEPS_COOKIES), await start(**KEEPS_COOKIES)
    session, usual = call(issuer.token(xsappname="shop!t1"), "sid-1"), world.backend.handler
    world.backend.handler = sets_cookies
    await first.get("/private/x", **session)
    world.backend.handler = takes_back
    await second.get("/private/x", **session)
    world.backend.handler = usual
    first.http.cookies.clear()
    await first.get("/private/x", **session)
    assert sent(world, "cookie") is None


async def test_without_the_switch_cookies_of_backends_travel_sealed(start, issuer, world):
    first, second = await start(), await start()
    usual, world.backend.handler = world.backend.handler, sets_cookies
    session = call(issuer.token(xsappname="shop!t1"), "sid-1")

    answer = await first.get("/private/x", **session)
    sealed = answer.headers.get_list("set-cookie")[-1].partition(";")[0]
    world.backend.handler = usual
    second.http.cookies.clear()
    await second.get("/private/x", cookie=sealed, **session)

    assert sealed.startswith("ARBE=")
    assert sent(world, "cookie") == "bs=1"


async def test_routers_with_other_client_secrets_open_the_sealed_cookie_too(world, issuer, store, start):
    """What they have in common is the session secret."""
    first = await start()
    usual, world.backend.handler = world.backend.handler, sets_cookies
    session = call(issuer.token(xsappname="shop!t1"))
    answer = await first.get("/private/x", **session)
    sealed = answer.headers.get_list("set-cookie")[-1].partition(";")[0]
    world.backend.handler = usual
    uaa = issuer.credentials("shop!t1", url=world.uaa.url) | {"clientsecret": "that-of-another-binding"}
    second = await world.start(
        services={"uaa": uaa, "store": store.binding()},
        env={"EXT_SESSION_MGT": settings_of(store), "NODE_EXTRA_CA_CERTS": str(issuer.ca_file)},
    )
    await second.get("/private/x", cookie=sealed, **session)
    assert sent(world, "cookie") == "bs=1"


async def test_calls_show_the_csrf_token_of_their_session_where_that_is_wanted(start, issuer):
    first, second = await start(**KEEPS_TOKEN), await start(**KEEPS_TOKEN)
    token = issuer.token(xsappname="shop!t1")
    tokens = set()

    for session in (call(token, "sid-1"), call(token)):
        refused = await first.request("POST", "/private/x", **session)
        assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
        fetched = (await first.get("/private/x", x_csrf_token="fetch", **session)).headers["x-csrf-token"]
        tokens.add(fetched)
        for caller in (first, second):
            assert (await caller.request("POST", "/private/x", x_csrf_token=fetched, **session)).status_code == 200
        wrong = await second.request("POST", "/private/x", x_csrf_token=fetched + "x", **session)
        assert wrong.status_code == 403

    assert len(tokens) == 2


async def test_the_first_answer_has_a_cookie_for_proxies(start, issuer):
    caller, token = await start(SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED="true"), issuer.token(xsappname="shop!t1")

    first = await caller.get("/private/x", **call(token, "sid-1"))
    later = await caller.get("/private/x", **call(token, "sid-1"))

    cookie, attributes = first.headers["set-cookie"].split("; ", 1)
    assert (cookie.partition("=")[0], len(cookie.partition("=")[2])) == ("JSESSIONID", 36)
    assert attributes == "Path=/; HttpOnly; Secure"
    assert "set-cookie" not in later.headers


async def test_who_reads_the_store_learns_neither_tokens_nor_cookies(start, issuer, store, world):
    caller, token = await start(**KEEPS_COOKIES), issuer.token(xsappname="shop!t1")
    world.backend.handler = sets_cookies
    await caller.get("/private/x", **call(token, "sid-1"))

    (key,) = await store.command("KEYS", "*:service:*")
    content = key + b"".join(await store.command("HGETALL", key))

    assert not [text for text in (token, "bs", issuer.zone) if text.encode() in content]


@pytest.mark.parametrize(("switch", "status"), [({}, 200), (KEEPS_COOKIES, 503), (KEEPS_TOKEN, 503)])
async def test_without_the_store_calls_go_on_that_need_nothing_of_it(start, issuer, store, switch, status):
    caller, token = await start(**switch), issuer.token(xsappname="shop!t1")
    await caller.get("/private/x", **call(token, "sid-1"))
    await store.kill()

    assert (await caller.get("/private/x", **call(token, "sid-1"))).status_code == status


async def test_a_store_lost_meanwhile_does_not_undo_what_the_backend_did(start, issuer, store, world):
    async def loses_the_store(request):
        await store.kill()
        return await sets_cookies(request)

    caller, token = await start(**KEEPS_COOKIES), issuer.token(xsappname="shop!t1")
    world.backend.handler = loses_the_store

    answer = await caller.request("POST", "/private/x", **call(token, "sid-1"))

    assert (answer.status_code, answer.headers.get_list("set-cookie")) == (200, ["ns=2; Max-Age=60"])


async def test_what_somebody_else_put_into_the_store_counts_as_nothing(start, issuer, store, world):
    caller, token = await start(**KEEPS_COOKIES), issuer.token(xsappname="shop!t1")
    world.backend.handler = sets_cookies
    await caller.get("/private/x", **call(token, "sid-1"))
    (key,) = await store.command("KEYS", "*:service:*")
    for field in await store.command("HKEYS", key):
        await store.command("HSET", key, field, b"garbage")

    caller.http.cookies.clear()
    assert (await caller.get("/private/x", **call(token, "sid-1"))).status_code == 200
    assert sent(world, "cookie") is None


async def test_without_a_store_the_headers_are_like_others_and_the_switches_have_no_effect(world, issuer):
    world.clock.now = time.time()
    caller = await world.start(
        services={"uaa": issuer.credentials("shop!t1", url=world.uaa.url)},
        env={"NODE_EXTRA_CA_CERTS": str(issuer.ca_file)} | SECRETS | KEEPS_TOKEN,
    )

    answer = await caller.request("POST", "/private/x", **call(issuer.token(xsappname="shop!t1"), "sid-1", "any"))

    assert answer.status_code == 200
    assert sent(world, "x-approuter-ext-session-id-sig") == "any"
    environ = {"destinations": json.dumps([{"name": "b", "url": "https://b"}])} | SECRETS | KEEPS_TOKEN
    warned = {mistake.file for mistake in read_configuration(world.folder, environ).warnings}
    assert {"SVC2AR_EXTERNAL_SESSION_ID_SECRET", *KEEPS_TOKEN} <= warned
