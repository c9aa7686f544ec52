"""What the router makes of the destination service's answers."""

import ssl

import pytest

from entryway.clients.destinations import AuthToken, DestinationsClient, DestinationUnknown
from entryway.clients.http import new_http
from entryway.errors import UpstreamError
from entryway.testing.authority import TestAuthority
from entryway.testing.token_service import running_token_service


@pytest.fixture
def service(tmp_path):
    with running_token_service(TestAuthority.create(tmp_path)) as service:
        yield service


@pytest.fixture
async def destinations(service, tmp_path):
    context = ssl.create_default_context(cafile=f"{tmp_path}/ca.pem")
    async with new_http(context) as http:
        yield DestinationsClient(http, f"{service.url}/")


async def test_a_destination_with_a_token(service, destinations):
    service.answer = (
        200,
        {
            "owner": {"SubaccountId": "s", "InstanceId": None},
            "destinationConfiguration": {"Name": "erp", "URL": "https://erp"},
            "authTokens": [
                {
                    "type": "Bearer",
                    "value": "v",
                    "http_header": {"key": "Authorization", "value": "Bearer v"},
                    "expires_in": "60",
                }
            ],
        },
    )
    found = await destinations.find("erp", "own", user_token="users", correlation_id="c")
    assert found.configuration == {"Name": "erp", "URL": "https://erp"}
    assert (found.instance_id, found.subaccount_id) == (None, "s")
    assert found.auth_tokens == (AuthToken("Bearer", "v", "Authorization", "Bearer v", 60),)
    assert "Bearer v" not in repr(found)
    [request] = service.requests
    assert request.path == "/destination-configuration/v1/destinations/erp"
    assert request.headers["authorization"] == "Bearer own"
    assert (request.headers["x-user-token"], request.headers["x-correlationid"]) == ("users", "c")


async def test_a_name_stays_one_part_of_the_path(service, destinations):
    service.answer = (200, {"destinationConfiguration": {}})
    await destinations.find("../x?y", "own", skip_token_retrieval=True)
    [request] = service.requests
    assert request.path == "/destination-configuration/v1/destinations/..%2Fx%3Fy"
    assert request.query == {"$skipTokenRetrieval": "true"}


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_name_that_would_be_another_path_is_unknown(service, destinations, name):
    with pytest.raises(DestinationUnknown):
        await destinations.find(name, "own")
    assert service.requests == []


async def test_unknown(service, destinations):
    service.answer = (404, {"ErrorMessage": "Configuration with the specified name was not found"})
    with pytest.raises(DestinationUnknown):
        await destinations.find("erp", "own")


@pytest.mark.parametrize(
    "answer",
    [
        (500, "boom"),
        (401, {"ErrorMessage": "Unauthorized"}),
        (200, ""),
        (200, {}),
        (200, {"destinationConfiguration": []}),
        (200, {"destinationConfiguration": {}, "authTokens": {}}),
        (302, ""),
    ],
)
async def test_answers_that_cannot_be_used(service, destinations, answer):
    service.answer = answer
    with pytest.raises(UpstreamError):
        await destinations.find("erp", "own")


async def test_a_token_that_could_not_be_had(service, destinations):
    token = {"type": "", "value": "", "error": "no token", "expires_in": ""}
    service.answer = (200, {"destinationConfiguration": {}, "authTokens": [token]})
    [failed] = (await destinations.find("erp", "own")).auth_tokens
    assert (failed.error, failed.expires_in) == ("no token", None)
