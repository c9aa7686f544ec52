"""Services of the router itself."""

import pytest

PLUGINS = [
    {"name": "p1", "source": "^/plug/(.*)", "target": "/pp/$1", "destination": "b", "csrfProtection": False},
    {"name": "p2", "source": "^/public/", "destination": "b", "authenticationType": "none", "target": "/plugged/"},
]


async def test_plugins_come_before_the_routes(world):
    browser = await world.start(env={"plugins": PLUGINS})
    await browser.get("/public/x")
    assert world.backend.requests[-1].target == "/plugged/x"
    assert (await browser.request("POST", "/plug/x")).status_code == 401


async def test_the_plugins_are_told_to_users(world):
    browser = await world.start(env={"plugins": PLUGINS}, pluginMetadataEndpoint="/metadata")
    assert (await browser.request("GET", "/metadata", x_requested_with="XMLHttpRequest")).status_code == 401
    await browser.log_in()
    for path in ("/metadata", "/metadata/x", "/metadata?y=1"):
        told = (await browser.get(path)).json()
        assert told[0] == PLUGINS[0] | {"source": "^\\/plug\\/(.*)"}
    assert (await browser.get("/metadata-other")).status_code == 404


@pytest.mark.parametrize(
    ("query", "origin", "framing"),
    [
        ("?parentOrigin=http://a.good.com:123", "http://a.good.com:123", True),
        ("?parentOrigin=https://a.good.com:123", "https://a.good.com:123", False),
        ("?parentOrigin=http://good.com:123", "http://good.com:123", False),
        ("?parentOrigin=http://other", "http://other", True),
        ("?parentOrigin=https://usual", "https://usual", True),
        ("", "null", False),
        ("?parentOrigin=http://other&parentOrigin=http://other", "null", False),
        ("?parentOrigin=javascript:x", "javascript:x", False),
    ],
)
async def test_the_allowlist_says_who_may_frame(world, query, origin, framing):
    entries = [{"protocol": "http", "host": "*.good.com", "port": 123}, {"host": "other"}]
    entries.append({"protocol": "https", "host": "usual", "port": 443})
    browser = await world.start(
        authenticationMethod="none", whitelistService={"endpoint": "/wl"}, env={"CJ_PROTECT_WHITELIST": entries}
    )
    answer = await browser.get(f"/wl{query}")
    assert answer.json() == {"version": "1.0", "active": True, "origin": origin, "framing": framing}


async def test_an_allowlist_that_is_not_set_is_inactive(world):
    browser = await world.start(authenticationMethod="none", whitelistService={"endpoint": "/wl"})
    found = (await browser.get("/wl?parentOrigin=http://x")).json()
    assert found == {"version": "1.0", "active": False, "framing": True}
    assert (await browser.request("POST", "/wl")).status_code == 405


async def test_statistics_measure_the_backend(world):
    browser = await world.start()
    assert (
        (await browser.get("/public/x", sap_statistics="true")).headers["sap-statistics-approuter"].startswith("total=")
    )
    assert "sap-statistics-approuter" not in (await browser.get("/public/x", sap_statistics="false")).headers
