"""The HTTP proxy judges every request: what it asks for, who asks, and whether there is a connector for them."""

import base64
import dataclasses

import pytest

from entryway.connectivity.run import running
from entryway.errors import ConfigurationError
from entryway.testing.issuer import new_key, running_issuer
from entryway.testing.onpremise import CONNECTIVITY_CLIENT, OnPremise, erp
from entryway.testing.upstream import dial

TARGET = "http://erp.virtual:443/"


async def raw(world: OnPremise, request: str) -> bytes:
    client = await dial("127.0.0.1", world.ports.proxy)
    client.say(request.encode("latin-1"))
    head = await client.hear_head()
    await client.close()
    return head


@pytest.mark.parametrize("request_line", ["CONNECT erp.virtual:443 HTTP/1.1", "GET https://erp.virtual:443/ HTTP/1.1"])
async def test_https_is_not_offered(world: OnPremise, request_line: str) -> None:
    head = await raw(world, f"{request_line}\r\nHost: x\r\nProxy-Authorization: Bearer {world.proxy_token}\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"EW_METHOD_NOT_ALLOWED" in head


@pytest.mark.parametrize("target", ["/", "/connectivity/v1/other", "ftp:x", "*"])
async def test_a_request_that_is_not_for_a_proxy(world: OnPremise, target: str) -> None:
    head = await raw(world, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")


async def test_other_schemes_are_not_offered(world: OnPremise) -> None:
    answer = await world.send("GET", "ftp://erp.virtual:443/", {})
    assert (answer.status, answer.code) == (405, "EW_METHOD_NOT_ALLOWED")


async def test_health_needs_no_token(world: OnPremise) -> None:
    answer = await world.send("GET", "/health", {})
    assert (answer.status, answer.body) == (200, b'{"status": "up"}')


@pytest.mark.parametrize("authorization", [None, "Bearer x", "Bearer {proxy}", "Bearer {no_scope}"])
async def test_only_the_platform_sees_who_is_connected(world: OnPremise, authorization: str | None) -> None:
    tokens = {"proxy": world.proxy_token, "no_scope": world.issuer.client_token("entryway-platform", scopes=["a.b"])}
    headers = {} if authorization is None else {"authorization": authorization.format(**tokens)}
    answer = await world.send("GET", "/connectivity/v1/connectors", headers)
    assert answer.status in {401, 403}


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def unbelievable(world: OnPremise) -> dict[str, str | None]:
    issuer = world.issuer
    good = world.proxy_token
    head, body, signature = good.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k"}').decode().rstrip("=")
    other_key = dataclasses.replace(new_key(), kid=issuer.keys[0].kid)
    with running_issuer(world.folder / "stranger") as stranger:
        strange = stranger.sign(
            {"cid": CONNECTIVITY_CLIENT, "zid": issuer.zone, "exp": 2**33, "iss": f"{issuer.url}/oauth/token"},
            key=other_key,
        )
    return {
        "none": None,
        "empty": "",
        "scheme": f"Token {good}",
        "no token": "Bearer ",
        "not a token": "Bearer garbage",
        "tampered": f"Bearer {head}.{body[:-4]}AAAA.{signature}",
        "cut off": f"Bearer {head}.{body}.",
        "unsigned": f"Bearer {unsigned}.{body}.e30",
        "expired": f"Bearer {issuer.client_token(CONNECTIVITY_CLIENT, lifetime=-1)}",
        "strange key": f"Bearer {strange}",
        "application": f"Bearer {issuer.token(user='alex')}",
        "platform": f"Bearer {world.platform_token}",
        "audience alone": f"Bearer {issuer.token(user='alex', aud=['connectivity!b1'])}",
        "look-alike": f"Bearer {issuer.client_token('sb-x!t1|connectivity!b12')}",
        "basic with a password": basic(good, "secret"),
        "basic without a colon": "Basic " + base64.b64encode(good.encode()).decode(),
        "basic that is not base64": "Basic ***",
        "basic garbage": basic("garbage"),
    }


async def test_a_proxy_token_that_is_not_believed(world: OnPremise) -> None:
    async with erp(world) as system:
        for reason, value in (await unbelievable(world)).items():
            headers = {} if value is None else {"proxy-authorization": value}
            answer = await world.send("GET", TARGET, headers)
            assert (answer.status, answer.code) == (407, "EW_PROXY_AUTHENTICATION"), reason
            assert answer.headers.all(b"proxy-authenticate")[0].startswith(b"Bearer "), reason
            assert "." not in answer.error["message"].split(":")[-1], reason  # no word of why
        assert system.upstream.requests == []
        # and on the very same connection
        assert (await world.get()).status == 200


async def test_two_proxy_tokens_are_none(world: OnPremise) -> None:
    token = world.proxy_token
    head = await raw(
        world,
        f"GET {TARGET} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Bearer {token}\r\n"
        f"Proxy-Authorization: Bearer {token}\r\n\r\n",
    )
    assert head.startswith(b"HTTP/1.1 407 ")


async def test_a_token_as_the_user_of_basic_authentication(world: OnPremise) -> None:
    async with erp(world):
        answer = await world.send("GET", TARGET, {"proxy-authorization": basic(world.proxy_token)})
    assert answer.status == 200


async def test_a_connection_is_judged_anew_with_every_request(world: OnPremise) -> None:
    async with erp(world):
        good = {"proxy-authorization": f"Bearer {world.proxy_token}"}
        statuses = [(await world.send("GET", TARGET, headers)).status for headers in (good, {}, good, {})]
    assert statuses == [200, 407, 200, 407]


async def test_no_connector_is_told_in_the_words_that_clients_look_for(world: OnPremise) -> None:
    answer = await world.get(sap_connectivity_scc_location_id="plant1", x_request_id="my-id")

    assert answer.status == 503
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-error-origin") == "connectivity-proxy"
    assert answer.header("x-internal-error-code") == answer.header("x-error-internal-code") == "503"
    assert answer.header("x-entryway-error-code") == answer.header("entryway-error") == "EW_NO_CONNECTOR"
    assert answer.header("x-request-id") == "my-id"
    message = answer.error["message"]
    assert answer.header("x-error-message") == message
    assert (
        "There is no SAP Cloud Connector (SCC) connected to your subaccount matching the requested tunnel for "
        f'subaccount "{world.issuer.zone}" and SCC location ID "plant1"'
    ) in message
    assert "No tunnels subscribed for tunnelId" in message
    assert answer.error | {"message": "", "hint": ""} == {
        "code": "EW_NO_CONNECTOR",
        "origin": "connectivity-proxy",
        "message": "",
        "hint": "",
        "requestId": "my-id",
    }


async def test_a_token_of_another_tenant_finds_no_connector(world: OnPremise) -> None:
    async with erp(world) as system:
        other = "99999999-0000-4000-8000-000000000000"
        world.issuer.zone, own = other, world.issuer.zone
        try:
            answer = await world.get()
        finally:
            world.issuer.zone = own
    assert (answer.status, answer.code) == (503, "EW_NO_CONNECTOR")
    assert other in answer.error["message"]
    assert system.upstream.requests == []


async def test_locations_have_connectors_of_their_own(world: OnPremise) -> None:
    plant = world.folder / "plant1" / "connector.yaml"
    async with erp(world) as system:
        await world.pair(plant, location_id="plant1")
        await world.connect(plant, "plant1")

        default = await world.get()
        plant_answer = await world.get(sap_connectivity_scc_location_id="plant1")
        other_case = await world.get(sap_connectivity_scc_location_id="Plant1")

    assert default.status == 200
    assert plant_answer.code == "EW_SYSTEM_NOT_EXPOSED"  # by the other connector, whose file is empty
    assert other_case.code == "EW_NO_CONNECTOR"
    assert len(system.upstream.requests) == 1


@pytest.mark.parametrize("location_id", ["a  b", "ä", "x" * 65, "../x", "a,b"])
async def test_a_location_that_cannot_be_one(world: OnPremise, location_id: str) -> None:
    answer = await world.get(sap_connectivity_scc_location_id=location_id)
    assert (answer.status, answer.code) == (400, "EW_LOCATION_MALFORMED")


async def test_lines_have_a_limit(world: OnPremise) -> None:
    long_target = await raw(world, f"GET {TARGET}{'x' * 8200} HTTP/1.1\r\nHost: x\r\n\r\n")
    long_header = await raw(world, f"GET {TARGET} HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * 8200}\r\n\r\n")
    many_headers = await raw(world, f"GET {TARGET} HTTP/1.1\r\nHost: x\r\n" + "X-Many: 1\r\n" * 300 + "\r\n")

    assert long_target.startswith(b"HTTP/1.1 414 ")
    assert long_header.startswith(b"HTTP/1.1 431 ")
    assert b"x-error-origin: connectivity-proxy" in long_target
    assert many_headers.startswith(b"HTTP/1.1 431 ")


async def test_an_id_that_could_break_a_log_is_replaced(world: OnPremise) -> None:
    answer = await world.get(x_request_id="a b\xff")
    assert answer.header("x-request-id") not in {None, "a b\xff"}


async def test_keys_that_cannot_be_fetched(world: OnPremise) -> None:
    world.issuer.failing = 500
    try:
        answer = await world.get()
    finally:
        world.issuer.failing = None
    assert (answer.status, answer.code) == (503, "EW_TOKEN_KEYS_UNAVAILABLE")


@pytest.mark.parametrize("target", ["\xff", "%ff", "a%C4%80b", "\xc3\xa4", "%F0%9F%8D%8E", "%ed%a0%80"])
async def test_no_path_is_an_internal_error(world: OnPremise, target: str) -> None:
    async with erp(world):
        answer = await raw(
            world,
            f"GET {TARGET}{target} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Bearer {world.proxy_token}\r\n\r\n",
        )
    assert int(answer.split()[1]) in {200, 400, 403}


@pytest.mark.parametrize("setting", ["proxy_port", "gateway_port"])
async def test_a_port_in_use_is_named_with_its_setting(world: OnPremise, setting: str) -> None:
    taken = {"proxy_port": world.ports.proxy, "gateway_port": world.ports.gateway}[setting]
    settings = dataclasses.replace(world.settings, **({"proxy_port": 0, "gateway_port": 0} | {setting: taken}))
    with pytest.raises(ConfigurationError, match=f"port {taken} \\({setting}\\)"):
        async with running(settings):
            pass
