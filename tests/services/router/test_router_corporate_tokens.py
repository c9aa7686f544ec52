"""The token of the company's own identity provider, which the identity service gives for its users' tokens."""

import base64
import json

import pytest
from router_identity import running_identity_server
from router_neighbours import running_destinations

from entryway.testing.upstream import recording_upstream

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CORPORATE = "urn:sap:identity:corporateidp"
ON = {"ENABLE_FORWARD_CORPORATE_IDP_TOKEN": "true"}
HEADER = "x-corporate-idp-token"


@pytest.fixture
async def identity(world):
    async with running_identity_server(world.clock) as server:
        server.claims = {"forward_corp_idp_token": "id_token"}
        yield server


async def start(world, identity, *routes, destination=None, env=ON, services=None):
    bound = {"identity": identity.credentials()} | (services or {})
    return await world.start(*routes, services=bound, env=env, destination=destination)


def kind(token):
    part = token.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kind"]


def asked(identity):
    return [form for form in identity.grants(JWT_BEARER) if form.get("resource") == CORPORATE]


@pytest.mark.parametrize(("claim", "expected"), [("id_token", "id"), ("access_token", "access")])
async def test_backends_that_get_the_users_token_get_the_companys_beside_it(world, identity, claim, expected):
    identity.claims = {"forward_corp_idp_token": claim}
    browser = await start(world, identity)
    await browser.log_in()
    for _ in range(2):
        assert (await browser.get("/private/x", x_corporate_idp_token="forged")).status_code == 200
        headers = world.backend.requests[-1].headers
        (token,) = headers.all(HEADER.encode())
        assert kind(token.decode()) == expected
        assert headers.text("authorization") == f"Bearer {asked(identity)[0]['assertion']}"
        assert headers.text("authorization") != f"Bearer {token.decode()}"
    assert len(asked(identity)) == 1


@pytest.mark.parametrize(
    ("claims", "destination", "env"),
    [
        ({}, {}, ON),
        ({"forward_corp_idp_token": "refresh_token"}, {}, ON),
        ({"forward_corp_idp_token": ["id_token"]}, {}, ON),
        ({"forward_corp_idp_token": "id_token"}, {"forwardAuthToken": False}, ON),
        ({"forward_corp_idp_token": "id_token"}, {}, {}),
    ],
    ids=["no such token", "unknown kind", "list", "backend that gets no token", "switched off"],
)
async def test_all_others_get_none_and_what_a_client_says_is_none(world, identity, claims, destination, env):
    identity.claims = claims
    browser = await start(world, identity, destination=destination, env=env)
    await browser.log_in()
    for path in ("/private/x", "/public/x"):
        assert (await browser.get(path, x_corporate_idp_token="forged")).status_code == 200
        assert world.backend.requests[-1].headers.text(HEADER) is None
    assert asked(identity) == []


async def test_users_who_logged_in_elsewhere_have_none(world, identity):
    browser = await start(world, identity, {"source": "^/private/", "destination": "b", "authenticationType": "xsuaa"})
    await browser.log_in()
    assert (await browser.get("/private/x")).status_code == 200
    assert world.backend.requests[-1].headers.text(HEADER) is None


async def test_an_exchange_that_fails_or_lacks_the_token_names_the_hop(world, identity):
    browser = await start(world, identity)
    await browser.log_in()
    identity.token_failure[JWT_BEARER] = (400, {"error": "invalid_target"})
    refused = await browser.get("/private/x")
    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "service_token_failed")
    identity.token_failure[JWT_BEARER] = (200, {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 60})
    refused = await browser.get("/private/x")
    assert (refused.status_code, refused.headers["entryway-error"]) == (502, "service_token_failed")
    assert "no id_token" in world.log_lines()[-1]["error"]
    assert world.backend.requests == []
    identity.token_failure.clear()
    assert (await browser.get("/private/x")).status_code == 200


@pytest.mark.parametrize("authentication", ["PrincipalPropagation", "NoAuthentication"])
async def test_in_the_companys_network_it_says_who_the_user_is(world, identity, authentication):
    async with running_destinations(world.uaa) as service, recording_upstream() as proxy:
        service.define("erp", "http://erp.virtual:80", ProxyType="OnPremise", Authentication=authentication)
        connectivity = world.uaa.credentials(
            clientid="conn", onpremise_proxy_host="127.0.0.1", onpremise_proxy_port=str(proxy.port)
        )
        route = {"source": "^/private/(.*)$", "destination": "erp"}
        services = {"destination": service.credentials(), "connectivity": connectivity}
        browser = await start(world, identity, route, services=services)
        await browser.log_in()
        for _ in range(2):
            assert (await browser.get("/private/x", sap_connectivity_authentication="forged")).status_code == 200
            headers = proxy.requests[-1].headers
            shown = headers.all(b"sap-connectivity-authentication")
            assert headers.text(HEADER) is None
            if authentication == "PrincipalPropagation":
                assert [kind(token.decode()) for token in shown] == ["id"]
            else:
                assert shown == []
        assert len(asked(identity)) == (1 if authentication == "PrincipalPropagation" else 0)
