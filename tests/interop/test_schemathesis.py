"""schemathesis reads our own OpenAPI documents and sends what they allow and what they do not: never a 500."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from entryway.testing.authserver import running_authserver
from entryway.testing.idp import ADMIN_SECRET, running_idp

pytestmark = pytest.mark.peers
OAUTH, ADMINISTRATION, IDENTITY = (
    "/openapi.json",
    "/sap/rest/authorization/v2/openapi.json",
    "/entryway/v1/openapi.json",
)
TRIES = {OAUTH: 12, ADMINISTRATION: 4, IDENTITY: 3}


@dataclass
class Asked:
    """A server that describes itself, and the credentials that its document wants."""

    url: str
    http: httpx.Client
    ca_file: Path
    headers: dict[str, str]


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False  # the environment may name other authorities
        yield made


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Asked]]:
    folder = tmp_path_factory.mktemp
    with running_authserver(folder("schemathesis")) as server, running_idp(folder("identity")) as idp:
        app = server.deploy({"xsappname": "fuzzed"})
        instance = str(uuid.uuid4())
        server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"})
        token = server.token(server.bind(instance), grant_type="client_credentials").json()["access_token"]
        own = {"url": server.url, "http": server.http, "ca_file": server.ca_file}
        yield {
            OAUTH: Asked(**own, headers=basic(app.client_id, app.secret)),
            ADMINISTRATION: Asked(**own, headers={"authorization": f"Bearer {token}"}),
            IDENTITY: Asked(idp.url, idp.http, idp.authority.ca_file, basic("entryway-admin", ADMIN_SECRET)),
        }


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def operations(server: Asked, path: str) -> list[Any]:
    document = server.http.get(path)
    assert document.status_code == 200
    schema = schemathesis.openapi.from_dict(document.json())
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) == sum(len(methods) for methods in document.json()["paths"].values())
    return found


@pytest.mark.parametrize("path", TRIES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
def test_every_answer_was_meant(
    asked: dict[str, Asked], session: requests.Session, path: str, mode: GenerationMode
) -> None:
    succeeded, server = 0, asked[path]
    for operation in operations(server, path):
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
            headers = server.headers if known else None
            answer = case.call(
                base_url=server.url,
                session=session,
                headers=headers,
                verify=str(server.ca_file),
                allow_redirects=False,
            )
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"
            succeeded += answer.status_code < 400

        ask()
    assert succeeded > 0 or mode is GenerationMode.NEGATIVE, "nothing came through to what could stumble"


def test_what_is_described_is_there(asked: dict[str, Asked]) -> None:
    for operation in operations(asked[OAUTH], OAUTH):
        answer = asked[OAUTH].http.request(operation.method, operation.path)
        assert answer.status_code not in {404, 405}, operation.path
