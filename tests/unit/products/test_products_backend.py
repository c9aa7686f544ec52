"""What the demo's backend makes of its bindings, of destinations, of refusals and of tokens."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from products_backend.bindings import BindingsError, OAuthClient, read_bindings
from products_backend.catalogue import failure, parse_product
from products_backend.destination import OnPremise, parse_destination
from products_backend.errors import PriceChangeFailed, SystemFailed, SystemUnreachable, problem
from products_backend.tokens import Tokens
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

CLIENT = {"clientid": "sb-1", "clientsecret": "s3cret-of-the-binding", "url": "https://uaa.example"}
DESTINATION = CLIENT | {"uri": "https://destinations.example"}
CONNECTIVITY = CLIENT | {"onpremise_proxy_host": "proxy.example", "onpremise_proxy_port": "20003"}


def environment(**services: Any) -> dict[str, str]:
    return {
        "VCAP_SERVICES": json.dumps({name: [{"credentials": credentials}] for name, credentials in services.items()})
    }


def test_bindings_are_read_with_ports_that_are_text() -> None:
    bindings = read_bindings(environment(destination=DESTINATION, connectivity=CONNECTIVITY))

    assert bindings.connectivity.proxy_url == "http://proxy.example:20003"
    assert bindings.destination.token_url == "https://uaa.example/oauth/token"
    assert "s3cret" not in repr(bindings)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"VCAP_SERVICES": "{"},
        environment(destination=DESTINATION),
        environment(destination=CLIENT, connectivity=CONNECTIVITY),
        environment(destination=DESTINATION, connectivity=CONNECTIVITY | {"onpremise_proxy_port": "99999"}),
    ],
)
def test_a_binding_that_is_missing_or_incomplete_is_named_without_its_secret(environ: dict[str, str]) -> None:
    with pytest.raises(BindingsError) as refusal:
        read_bindings(environ)
    assert "s3cret" not in str(refusal.value)


def configuration(**properties: str) -> dict[str, object]:
    plain = {"URL": "http://erp:443/", "ProxyType": "OnPremise", "Authentication": "PrincipalPropagation"}
    return {"destinationConfiguration": plain | properties}


def test_a_destination_on_premise_says_where_and_as_whom() -> None:
    found = parse_destination("erp", configuration(CloudConnectorLocationId="plant1", **{"sap-client": "001"}))

    assert found == OnPremise("http://erp:443", "plant1", "001")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"destinationConfiguration": []},
        {"destinationConfiguration": {"ProxyType": "OnPremise", "Authentication": "PrincipalPropagation"}},
        configuration(ProxyType="Internet"),
        configuration(Authentication="BasicAuthentication"),
        configuration(Authentication="NoAuthentication"),
    ],
)
def test_no_price_is_changed_in_nobodys_name(answer: dict[str, object]) -> None:
    with pytest.raises(SystemFailed):
        parse_destination("erp", answer)


def refusal_of(status: int, headers: dict[str, str] | None = None, **document: object) -> PriceChangeFailed:
    return failure(httpx.Response(status, headers=headers, json=document))


@pytest.mark.parametrize(
    ("on_premise", "ours"),
    [(400, 422), (403, 403), (404, 404), (412, 412), (401, 502), (405, 502), (428, 502), (500, 502), (302, 502)],
)
def test_a_refusal_on_premise_has_its_own_meaning(on_premise: int, ours: int) -> None:
    error = refusal_of(on_premise, error={"code": "X", "message": {"lang": "en", "value": "User bob may not"}})

    assert (error.status, error.origin) == (ours, "on-premise system")
    assert "User bob may not" in str(problem(error)["detail"])


@pytest.mark.parametrize(("status", "ours"), [(403, 502), (404, 502), (407, 502), (502, 503), (503, 503), (504, 503)])
def test_a_refusal_on_the_way_is_no_refusal_of_the_user(status: int, ours: int) -> None:
    error = refusal_of(status, {"x-error-origin": "connectivity-proxy"}, error={"message": "no connector"})

    assert (error.status, error.origin) == (ours, "connectivity-proxy")
    assert "no connector" in error.detail


def test_an_answer_without_a_document_is_explained_by_its_header() -> None:
    answer = httpx.Response(503, headers={"x-error-origin": "connectivity-proxy", "x-error-message": "no connector"})

    assert isinstance(failure(answer), SystemUnreachable)
    assert failure(answer).detail == "no connector"


@pytest.mark.parametrize("answer", [{}, {"d": []}, {"d": {"ProductID": "HT-1000", "Price": "much"}}])
def test_a_product_that_cannot_be_read_is_a_failure_of_the_system(answer: dict[str, Any]) -> None:
    with pytest.raises(SystemFailed):
        parse_product(answer)


def test_a_product_keeps_its_price_exactly() -> None:
    entity = {"ProductID": "HT-1000", "Price": "749.10", "CurrencyCode": "EUR", "ChangedBy": "alice"}

    assert parse_product({"d": entity}).price == Decimal("749.10")


async def test_a_token_of_our_own_is_asked_for_again_only_when_it_is_about_to_end() -> None:
    asked: list[dict[str, str]] = []

    async def token(request: Request) -> JSONResponse:
        form = await request.form()
        asked.append({name: str(value) for name, value in form.items()})
        return JSONResponse({"access_token": f"token-{len(asked)}", "expires_in": 600})

    now = [0.0]
    server = Starlette(routes=[Route("/oauth/token", token, methods=["POST"])])
    client = OAuthClient(clientid="sb-1", clientsecret=SecretStr("s3cret"), url="https://uaa.example/")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server)) as http:
        tokens = Tokens(http, lambda: now[0])
        got = []
        for moment in (0, 500, 539, 540, 541):
            now[0] = moment
            got.append(await tokens.of_the_application(client))
        users = [await tokens.of_the_user(client, user) for user in ("of-alice", "of-bob")]

    assert got == ["token-1"] * 3 + ["token-2"] * 2
    assert users == ["token-3", "token-4"], "a user's token is never kept for another"
    assert [each.get("assertion") for each in asked[2:]] == ["of-alice", "of-bob"]


@pytest.mark.parametrize(
    ("status", "body"), [(401, {"error": "invalid_client"}), (200, {}), (200, {"access_token": 5})]
)
async def test_a_token_service_that_gives_no_token_has_failed(status: int, body: dict[str, object]) -> None:
    async def token(_: Request) -> JSONResponse:
        return JSONResponse(body, status)

    server = Starlette(routes=[Route("/oauth/token", token, methods=["POST"])])
    client = OAuthClient(clientid="sb-1", clientsecret=SecretStr("s3cret"), url="https://uaa.example")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server)) as http:
        with pytest.raises(SystemFailed) as refusal:
            await Tokens(http, lambda: 0.0).of_the_application(client)
    assert refusal.value.status == 502
    assert "s3cret" not in str(refusal.value)
