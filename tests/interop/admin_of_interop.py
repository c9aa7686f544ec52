"""Trusts an identity provider as an administrator's program does."""

from __future__ import annotations

import uuid
from typing import Any

from entryway.testing.authserver import RunningAuthServer


def trust(server: RunningAuthServer, config: dict[str, Any], origin: str, kind: str = "saml2.0") -> None:
    """Trust a provider under this origin key; users reach it by a hint."""
    instance = str(uuid.uuid4())
    assert server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"}).status_code == 201
    token = server.token(server.bind(instance), grant_type="client_credentials").json()["access_token"]
    body = {"type": kind, "originKey": origin, "name": origin, "availableForLogon": False, "config": config}
    answer = server.http.post("/sap/rest/identity-providers", json=body, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
