"""An administrator's program, with a client of the plan apiaccess."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from entryway.testing.authserver import RunningAuthServer

BASE = "/sap/rest/authorization/v2"


@dataclass(frozen=True)
class Administrator:
    server: RunningAuthServer
    token: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask the authorization interface."""
        return self.anywhere(method, f"{BASE}{path}", body, **headers)

    def anywhere(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask any interface of administrators."""
        headers = {"authorization": f"Bearer {self.token}", **headers}
        return self.server.http.request(method, path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        """Return what is answered, which must be a success."""
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """Return what is answered to a change, which must be a success."""
        answer = self.ask(method, path, body)
        assert answer.status_code in {200, 201, 204}, answer.text
        return answer.json() if answer.content else None


def administrator(server: RunningAuthServer) -> Administrator:
    """Return a program with all rights."""
    instance = str(uuid.uuid4())
    made = server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"})
    assert made.status_code == 201, made.text
    token = server.token(server.bind(instance), grant_type="client_credentials")
    assert token.status_code == 200, token.text
    return Administrator(server, token.json()["access_token"])


def encoded(*names: str) -> str:
    """Return names as they stand in a path."""
    return "/".join(quote(name, safe="") for name in names)
