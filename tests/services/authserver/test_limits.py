"""What too many requests and too many wrong secrets lead to."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from product_descriptor import products

from entryway.testing.authserver import BoundApplication, running_authserver


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
