"""schemathesis reads our own OpenAPI documents and sends what they allow and what they do not: never a 500."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from entryway.testing.authserver import RunningAuthServer, running_authserver

pytestmark = pytest.mark.peers
OAUTH, ADMINISTRATION = "/openapi.json", "/sap/rest/authorization/v2/openapi.json"
TRIES = {OAUTH: 12, ADMINISTRATION: 4}


@dataclass
class Asked:
    """A server, with the credentials that each of its documents wants, and what it answered."""

    server: RunningAuthServer
    session: requests.Session
    authorization: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with running_authserver(tmp_path_factory.mktemp("schemathesis")) as server, requests.Session() as session:
        session.trust_env = False  # the environment may name other authorities
        app = server.deploy({"xsappname": "fuzzed"})
        instance = str(uuid.uuid4())
        server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"})
        token = server.token(server.bind(instance), grant_type="client_credentials").json()["access_token"]
        basic = base64.b64encode(f"{app.client_id}:{app.secret}".encode()).decode()
        authorization = {
            OAUTH: {"authorization": f"Basic {basic}"},
            ADMINISTRATION: {"authorization": f"Bearer {token}"},
        }
        yield Asked(server, session, authorization)


def operations(server: RunningAuthServer, path: str) -> list[Any]:
    document = server.http.get(path)
    assert document.status_code == 200
    schema = schemathesis.openapi.from_dict(document.json())
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) == sum(len(methods) for methods in document.json()["paths"].values())
    return found


@pytest.mark.parametrize("path", [OAUTH, ADMINISTRATION])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
def test_every_answer_was_meant(asked: Asked, path: str, mode: GenerationMode) -> None:
    succeeded = 0
    for operation in operations(asked.server, path):
        if mode is GenerationMode.NEGATIVE and not (list(operation.iter_parameters()) or operation.body):
            continue  # what takes nothing cannot be given what it does not take

        @settings(
            max_examples=TRIES[path],
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @seed(1)
        @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
        def ask(case: Any, known: bool) -> None:  # noqa: FBT001 - hypothesis gives it by name
            nonlocal succeeded
            headers = asked.authorization[path] if known else None
            answer = case.call(
                base_url=asked.server.url,
                session=asked.session,
                headers=headers,
                verify=str(asked.server.ca_file),
                allow_redirects=False,
            )
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
            succeeded += answer.status_code < 400

        ask()
    assert succeeded > 0 or mode is GenerationMode.NEGATIVE, "nothing came through to what could stumble"


def test_what_is_described_is_there(asked: Asked) -> None:
    for operation in operations(asked.server, OAUTH):
        answer = asked.server.http.request(operation.method, operation.path)
        assert answer.status_code not in {404, 405}, operation.path
