"""A browser logs in: from the protected page to the authorization server and back, once, in this browser only."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest


async def test_a_login_leads_back_to_the_page(world):
    browser = await world.start()
    answer = await browser.log_in("/private/x?y=1")
    assert answer.headers["location"] == "/private/x?y=1"
    served = await browser.get("/private/x?y=1")
    assert served.status_code == 200
    (asked,) = world.backend.requests
    assert asked.target == "/private/x?y=1"
    assert asked.headers.text("authorization").startswith("Bearer ey")


async def test_the_code_is_redeemed_with_the_verifier_and_the_clients_secret(world):
    browser = await world.start()
    await browser.log_in()
    (form,) = world.uaa.requests
    assert (form["client_id"], form["client_secret"], form["redirect_uri"]) == (
        "sb-shop!t1",
        "s3cret-of-the-shop",
        f"{world.origin}/login/callback",
    )
    assert len(form["code_verifier"]) == 43


@pytest.mark.parametrize("agent", ["curl/8", "Mozilla/5.0", ""])
async def test_every_login_has_state_and_pkce(world, agent):
    browser = await world.start()
    url = await browser.begin_login(user_agent=agent)
    query = parse_qs(urlsplit(url).query)
    assert {"state", "code_challenge", "code_challenge_method"} <= query.keys()


@pytest.mark.parametrize(
    ("method", "headers"), [("GET", {"x_requested_with": "XMLHttpRequest"}), ("HEAD", {}), ("POST", {}), ("DELETE", {})]
)
async def test_scripts_and_other_methods_get_401(world, method, headers):
    browser = await world.start()
    answer = await browser.request(method, "/private/x", **headers)
    assert answer.status_code == 401
    assert answer.headers["entryway-error"] == "login_required"
    assert "set-cookie" not in answer.headers
    assert world.backend.requests == []


async def test_a_callback_works_once(world):
    browser = await world.start()
    agreed = await browser.http.get(await browser.begin_login())
    back = urlsplit(agreed.headers["location"])
    kept = dict(browser.http.cookies)
    assert (await browser.page(f"{back.path}?{back.query}")).status_code == 302
    browser.http.cookies.clear()
    for name, value in kept.items():
        browser.set_cookie(name, value)
    again = await browser.page(f"{back.path}?{back.query}")
    assert (again.status_code, again.headers["entryway-error"]) == (401, "login_state_invalid")
    assert len(world.uaa.requests) == 1


async def test_a_callback_in_another_browser_is_refused(world):
    browser = await world.start()
    agreed = await browser.http.get(await browser.begin_login())
    back = urlsplit(agreed.headers["location"])
    other = await world.browser()
    await other.begin_login()
    answer = await other.page(f"{back.path}?{back.query}")
    assert (answer.status_code, answer.headers["entryway-error"]) == (401, "login_state_invalid")
    assert world.uaa.requests == []


async def test_a_login_that_took_too_long_is_refused(world):
    browser = await world.start()
    url = await browser.begin_login()
    world.clock.now += 181
    answer = await browser.come_back(url)
    assert (answer.status_code, answer.headers["entryway-error"]) == (401, "login_state_invalid")


async def test_a_location_that_was_tampered_with_is_refused(world):
    browser = await world.start()
    url = await browser.begin_login()
    browser.set_cookie("locationAfterLogin", "%2Felsewhere")
    answer = await browser.come_back(url)
    assert (answer.status_code, answer.headers["entryway-error"]) == (400, "login_location_refused")
    assert world.uaa.requests == []


@pytest.mark.parametrize(
    ("error", "status", "code"), [("access_denied", 403, "login_denied"), ("server_error", 502, "login_server_failed")]
)
async def test_a_refused_login_shows_a_page_that_offers_another_try(world, error, status, code):
    world.uaa.authorize_error = error
    browser = await world.start()
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (status, code)
    assert '<a href="/">Try again</a>' in answer.text
    assert error not in answer.text


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        ((400, {"error": "invalid_grant"}), 401, "login_code_refused"),
        ((500, {}), 502, "login_server_failed"),
        ((200, {"access_token": "no-jwt"}), 502, "login_token_invalid"),
        ((200, {}), 502, "login_server_failed"),
    ],
)
async def test_a_token_endpoint_that_fails_is_not_a_server_error_of_ours(world, failure, status, code):
    world.uaa.token_failure["authorization_code"] = failure
    browser = await world.start()
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (status, code)
    assert "JSESSIONID=s%3A" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("claims", [{"cid": "sb-other!t1", "aud": ["other"]}, {"zid": "another-tenant"}, {"exp": 1}])
async def test_a_token_for_somebody_else_is_refused(world, claims):
    world.uaa.claims = claims
    browser = await world.start()
    answer = await browser.come_back(await browser.begin_login())
    assert (answer.status_code, answer.headers["entryway-error"]) == (502, "login_token_invalid")


async def test_a_login_renews_the_session_and_ends_the_old_one(world):
    browser = await world.start()
    await browser.get("/public/x", x_csrf_token="fetch")
    anonymous = browser.cookie("JSESSIONID")
    assert anonymous.startswith("s%3A")
    await browser.get("/private/x")
    url = await browser.begin_login()
    await browser.come_back(url)
    assert browser.cookie("JSESSIONID") != anonymous
    assert browser.cookie("JSESSIONID").startswith("s%3A")


async def test_a_login_replaces_the_session_that_the_browser_had(world):
    browser = await world.start()
    await browser.log_in()
    old = browser.cookie("JSESSIONID")
    other = await world.browser()
    url = await other.begin_login()
    state = other.cookie("JSESSIONID")
    answer = await other.http.get(url)
    back = urlsplit(answer.headers["location"])
    noted = {name: other.cookie(name) for name in ("locationAfterLogin", "signature")}
    cookies = f"JSESSIONID={state}; JSESSIONID={old}; " + "; ".join(f"{name}={value}" for name, value in noted.items())
    other.http.cookies.clear()
    done = await other.request("GET", f"{back.path}?{back.query}", cookie=cookies)
    assert done.status_code == 302
    assert (await (await world.browser()).request("POST", "/private/x", cookie=f"JSESSIONID={old}")).status_code == 401


async def test_who_comes_to_the_end_without_having_been_at_the_beginning_logs_in(world):
    browser = await world.start()
    answer = await browser.page("/login/callback")
    assert answer.status_code == 200
    assert "/oauth/authorize?" in answer.text
    assert "locationAfterLogin=%2F;" in answer.text or '"locationAfterLogin="+"%2F"' in answer.text


async def test_coming_back_to_the_callback_later_is_an_ordinary_request(world):
    browser = await world.start()
    await browser.log_in()
    assert (await browser.page("/login/callback?code=c&state=s")).status_code == 404


async def test_without_an_authorization_server_protected_routes_say_so(world):
    browser = await world.start(bound=False)
    page = await browser.page("/private/x")
    assert (page.status_code, page.headers["entryway-error"]) == (503, "login_unavailable")
    assert (await browser.request("POST", "/private/x")).status_code == 401
    assert (await browser.get("/public/x")).status_code == 200


async def test_the_page_runs_its_own_script_only(world):
    browser = await world.start()
    answer = await browser.request(
        "GET", "/private/x", x_forwarded_host='a"</script><script>alert(1)</script>', accept="text/html"
    )
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    nonce = answer.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
    assert answer.text.count("<script") == answer.text.count(f'<script nonce="{nonce}"') == 1
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"


async def test_forwarding_headers_of_strangers_do_not_move_the_callback(world):
    browser = await world.start(env={"TRUSTED_PROXIES": "203.0.113.0/24"})
    url = await browser.begin_login(
        x_forwarded_host="evil.example", x_forwarded_proto="https", x_forwarded_path="/pre/private/x"
    )
    assert parse_qs(urlsplit(url).query)["redirect_uri"] == [f"{world.origin}/login/callback"]


async def test_a_login_begun_in_another_tab_still_ends_well(world):
    browser = await world.start()
    first = await browser.begin_login("/private/one")
    await browser.begin_login("/private/x")
    assert (await browser.come_back(first)).status_code == 302


async def test_the_way_to_try_again_stays_in_the_application(world):
    browser = await world.start()

    answer = await browser.page("/login/callback?code=x&state=y")
    behind = await browser.request(
        "GET", "/login/callback?code=x&state=y", accept="text/html", x_forwarded_path='/a"b/login/callback'
    )

    assert '<a href="/">Try again</a>' in answer.text
    assert '<a href="/a&quot;b/">Try again</a>' in behind.text


@pytest.mark.parametrize(
    ("page", "query", "address"),
    [
        ("/tschüß €", "", "/tsch%C3%BC%C3%9F%20%E2%82%AC"),
        ("/bye", "?why=idle", "/bye?why=idle"),
        ("/bye?a=b", "?why=idle", "/bye?a=b&why=idle"),
        ("/index.html#/bye", "?why=idle", "/index.html#/bye?why=idle"),
    ],
)
async def test_a_logout_page_of_any_letters_is_an_address_and_gets_the_query(world, page, query, address):
    browser = await world.start(logout={"logoutEndpoint": "/do/logout", "logoutPage": page}, bound=False)

    answer = await browser.get(f"/do/logout{query}")

    assert answer.headers["location"] == world.origin + address


async def test_without_fragments_the_way_back_has_the_prefix_of_the_proxy(world):
    browser = await world.start(env={"PRESERVE_FRAGMENT": "false"})

    answer = await browser.request("GET", "/private/x?a=b", accept="text/html", x_forwarded_path="/shop/private/x")

    noted = [line for line in answer.headers.get_list("set-cookie") if line.startswith("locationAfterLogin=")]
    assert noted == ["locationAfterLogin=%2Fshop%2Fprivate%2Fx%3Fa%3Db; Path=/; HttpOnly"]


async def test_of_two_tabs_the_second_goes_where_it_was_and_its_code_is_not_redeemed(world):
    browser = await world.start()
    second = await browser.begin_login("/private/two?a=b")
    await browser.log_in("/private/one")
    cookie = browser.cookie("JSESSIONID")
    agreed = urlsplit((await browser.http.get(second)).headers["location"])
    back = f"{agreed.path}?{agreed.query}"

    page = await browser.page(back)
    mounted = await browser.request("GET", back, accept="text/html", x_forwarded_path=f"/shop{agreed.path}")

    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache, no-store, must-revalidate")
    assert 'sessionStorage.getItem("locationAfterLogin")' in page.text
    assert 'var to=location.origin+"/";' in page.text
    assert 'var to=location.origin+"/shop/";' in mounted.text
    assert "'nonce-" in page.headers["content-security-policy"]
    assert len(world.uaa.requests) == 1
    assert browser.cookie("JSESSIONID") == cookie


async def test_what_comes_back_to_a_session_unasked_is_an_ordinary_request(world):
    browser = await world.start()
    url = await browser.begin_login()
    agreed = urlsplit((await browser.http.get(url)).headers["location"])
    back = f"{agreed.path}?{agreed.query}"
    await browser.page(back)
    later = await (await world.browser()).begin_login()
    world.clock.now += 181
    state = parse_qs(urlsplit(later).query)["state"][0]

    assert (await browser.page(back)).status_code == 404, "it was used"
    assert (await browser.page(f"/login/callback?code=c&state={state}")).status_code == 404, "it is too old"


async def test_a_tab_that_noted_its_address_again_after_the_login_is_led_back_as_well(world):
    browser = await world.start()
    second = await browser.begin_login("/private/two")
    await browser.log_in("/private/one")
    browser.set_cookie("locationAfterLogin", "%2Fprivate%2Ftwo")

    page = await browser.come_back(second)

    assert page.status_code == 200
    assert any(line.startswith("locationAfterLogin=; Max-Age=0") for line in page.headers.get_list("set-cookie"))


async def test_the_pages_script_keeps_the_form_that_tools_read(world):
    browser = await world.start()

    page = (await browser.page("/private/x")).text

    path = "location.href.split('#')[0].split(location.host)[1]"
    assert f'document.cookie="locationAfterLogin="+encodeURIComponent({path})+";path=/;";' in page
    assert re.search(r'document\.cookie="signature=[^"]+;path=/;";location="http://[^"]+"</script>', page)
