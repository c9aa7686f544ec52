"""How long tokens last, in the order of who says so, and refresh tokens that work once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from product_descriptor import products
from test_exchanges import JWT_BEARER, PASSWORD

from entryway.testing.authserver import BoundApplication, RunningAuthServer

PATH = "/token-policy"


@pytest.fixture
def policy(server: RunningAuthServer) -> Iterator[None]:
    yield
    assert server.platform("PUT", PATH, {}).status_code == 200


@pytest.mark.usefixtures("policy")
def test_the_descriptor_goes_before_the_tenant_and_the_tenant_before_the_default(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    descriptor = products("short-lived")
    descriptor["oauth2-configuration"]["token-validity"] = 43200
    says = server.deploy(descriptor)
    form = {"grant_type": "client_credentials"}
    assert server.token(app, **form).json()["expires_in"] == 43199
    wanted = {"access_token_validity": 900, "refresh_token_validity": 3600, "refresh_token_rotation": False}
    wanted |= {"refresh_token_format": "opaque"}
    assert server.platform("PUT", PATH, wanted).json() == wanted
    assert server.platform("GET", PATH).json() == wanted
    assert server.token(app, **form).json()["expires_in"] == 899
    assert server.token(says, **form).json()["expires_in"] == 43199


@pytest.mark.usefixtures("policy")
def test_the_tenant_says_how_long_refresh_tokens_last(
    server: RunningAuthServer, app: BoundApplication, editor: str
) -> None:
    server.platform("PUT", PATH, {"refresh_token_validity": 60})
    form = {"grant_type": "password", "username": editor, "password": PASSWORD}
    token = server.token(app, **form).json()["refresh_token"]
    server.clock.advance(seconds=61)
    assert server.token(app, grant_type="refresh_token", refresh_token=token).status_code == 401


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize("by", ["login", "exchange"])
def test_where_refresh_tokens_rotate_a_second_use_ends_everything(
    server: RunningAuthServer, app: BoundApplication, editor: str, by: str
) -> None:
    server.platform("PUT", PATH, {"refresh_token_rotation": True})
    body = server.token(app, grant_type="password", username=editor, password=PASSWORD).json()
    if by == "exchange":
        body = server.token(app, grant_type=JWT_BEARER, assertion=body["access_token"]).json()
    first = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    second = server.token(app, **first).json()
    assert second["refresh_token"] != body["refresh_token"]
    stolen = server.token(app, **first)
    assert (stolen.status_code, stolen.json()["error"]) == (401, "invalid_token")
    third = server.token(app, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert third.status_code == 401
    asked = server.http.post("/introspect", data={"token": second["access_token"]}, auth=(app.client_id, app.secret))
    assert asked.json() == {"active": False}


@pytest.mark.parametrize(
    "body",
    [
        {"access_token_validity": 59},
        {"access_token_validity": 86401},
        {"access_token_validity": "900"},
        {"refresh_token_validity": 31536001},
        {"refresh_token_rotation": "yes"},
        {"colour": "blue"},
        [],
    ],
)
def test_a_policy_that_cannot_be_is_refused(server: RunningAuthServer, body: object) -> None:
    assert server.platform("PUT", PATH, body).status_code == 400


def test_the_policy_is_the_platforms_to_change(server: RunningAuthServer, app: BoundApplication) -> None:
    token = server.token(app, grant_type="client_credentials").json()["access_token"]
    for method in ("GET", "PUT"):
        headers = {"authorization": f"Bearer {token}"}
        assert server.http.request(method, f"/entryway/v1{PATH}", json={}, headers=headers).status_code == 403
        assert server.http.request(method, f"/entryway/v1{PATH}", json={}).status_code == 401
