"""What too many requests and too many wrong secrets lead to."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from admin_client import administrator
from product_descriptor import products

from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver


def test_a_flood_of_token_requests_waits_or_is_told_to_come_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_authserver(tmp_path_factory.mktemp("flood"), token_requests_per_second=5) as server:
        app = server.deploy(products("flooding"))

        def ask(_: int) -> tuple[int, str | None]:
            answer = server.token(app, grant_type="client_credentials")
            return answer.status_code, answer.headers.get("retry-after")

        with ThreadPoolExecutor(25) as threads:
            answers = list(threads.map(ask, range(25)))
        assert {status for status, _ in answers} == {200, 429}
        assert all(int(after or 0) >= 1 for status, after in answers if status == 429)
        # Other interfaces are not held up.
        assert server.http.get("/token_keys").status_code == 200


INTERFACES = {
    "authorization_requests_per_second": "/sap/rest/authorization/v2/rolecollections",
    "identity_provider_requests_per_second": "/sap/rest/identity-providers",
    "scim_requests_per_second": "/Users",
}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory):
    with running_authserver(tmp_path_factory.mktemp("slow"), **dict.fromkeys(INTERFACES, 3)) as server:
        yield server


def flood(server: RunningAuthServer, paths: Sequence[str], token: str) -> list[httpx.Response]:
    def ask(number: int) -> httpx.Response:
        return server.http.get(paths[number % len(paths)], headers={"authorization": f"Bearer {token}"})

    with ThreadPoolExecutor(20) as threads:
        return list(threads.map(ask, range(20)))


@pytest.mark.parametrize("path", INTERFACES.values())
def test_a_flood_of_administration_waits_or_is_told_to_come_again(slow: RunningAuthServer, path: str) -> None:
    token = administrator(slow).token
    answers = flood(slow, [path], token)
    assert {each.status_code for each in answers} == {200, 429}
    refused = [each for each in answers if each.status_code == 429]
    assert all(int(each.headers["retry-after"]) >= 1 for each in refused)
    assert {each.headers["content-type"] for each in refused} <= {"application/problem+json", "application/scim+json"}
    # The other interfaces are not held up.
    for other in set(INTERFACES.values()) - {path}:
        assert slow.http.get(other, headers={"authorization": f"Bearer {token}"}).status_code == 200


def test_users_and_groups_share_their_limit_however_a_path_is_written(slow: RunningAuthServer) -> None:
    token = administrator(slow).token
    answers = flood(slow, ("/%55sers", "/Groups/none", "/ids/Users"), token)
    # Three at once, and six that wait; with a limit each, nearly all of them would go on.
    assert sum(each.status_code == 429 for each in answers) >= 6
    assert {each.status_code for each in answers} == {200, 400, 404, 429}


def test_requests_without_a_valid_token_take_no_turn_of_the_tenant(slow: RunningAuthServer) -> None:
    token = administrator(slow).token
    path = INTERFACES["identity_provider_requests_per_second"]
    assert {each.status_code for each in flood(slow, [path], "x")} == {401}
    assert slow.http.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200


def test_a_client_is_locked_where_the_landscape_wants_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_authserver(tmp_path_factory.mktemp("locked"), client_failures=3) as server:
        app = server.deploy(products("locked"))
        wrong = BoundApplication(app.instance_id, app.credentials | {"clientsecret": "wrong"})
        unknown = BoundApplication("none", wrong.credentials | {"clientid": f"sb-{uuid.uuid4()}"})
        form = {"grant_type": "client_credentials"}
        for client in (wrong, unknown):
            for _ in range(3):
                answer = server.token(client, **form)
                assert (answer.status_code, answer.json()["error_description"]) == (401, "Bad credentials")
        for client in (app, wrong, unknown):
            locked = server.token(client, **form)
            assert locked.status_code == 401
            assert "locked" in locked.json()["error_description"]
        server.clock.advance(minutes=5, seconds=1)
        assert server.token(app, **form).status_code == 200
