"""Refresh tokens as JWTs, where a tenant's policy wants them so."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from admin_client import administrator
from product_descriptor import products
from test_token_endpoint import claims

from entryway.oauth import keys, tokens
from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver

PASSWORD = "correct horse"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("signing")) as server:
        put(server, refresh_token_format="jwt")
        yield server


def put(server: RunningAuthServer, **policy: object) -> None:
    answer = server.platform("PUT", "/token-policy", policy)
    assert answer.status_code == 200, answer.text
    assert answer.json()["refresh_token_format"] == policy.get("refresh_token_format", "opaque")


@pytest.fixture
def shop(signing: RunningAuthServer) -> BoundApplication:
    return signing.deploy(products(f"shop-{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def login(signing: RunningAuthServer, shop: BoundApplication) -> dict:
    name = f"nora-{uuid.uuid4().hex[:8]}"
    signing.user(name, PASSWORD, [f"{shop.name.partition('!')[0]} Viewer"])
    answer = signing.token(
        shop, grant_type="password", username=name, password=PASSWORD, authorities='{"az_attr":{"a":"b"}}'
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def refreshed(server: RunningAuthServer, app: BoundApplication, token: str):
    return server.token(app, grant_type="refresh_token", refresh_token=token)


def test_the_token_says_whose_it_is_and_comes_back_as_it_was(
    signing: RunningAuthServer, shop: BoundApplication, login: dict
) -> None:
    said, access = claims(login["refresh_token"]), claims(login["access_token"])
    assert said["jti"].endswith("-r")
    assert said["granted_scopes"] == access["scope"]
    # Its end counts from when it is stored, a moment after the access token was made: that may be the next second.
    assert said["exp"] - said["iat"] in {604800, 604801}
    for name in ("sub", "user_id", "user_name", "origin", "cid", "client_id", "zid", "iss", "aud", "rev_sig"):
        assert said[name] == access[name]
    for name in ("grant_type", "auth_time", "ext_attr", "az_attr"):
        assert said[name] == access[name]
    assert said["revocable"] is True
    assert "scope" not in said

    again = refreshed(signing, shop, login["refresh_token"]).json()
    assert again["refresh_token"] == login["refresh_token"]
    assert claims(again["access_token"])["scope"] == access["scope"]
    exchanged = signing.token(shop, grant_type=JWT_BEARER, assertion=login["access_token"]).json()
    assert claims(exchanged["refresh_token"])["jti"].endswith("-r")
    assert refreshed(signing, shop, exchanged["refresh_token"]).status_code == 200


def test_it_is_no_access_token_and_no_assertion(
    signing: RunningAuthServer, shop: BoundApplication, login: dict
) -> None:
    token = login["refresh_token"]
    auth = (shop.client_id, shop.secret)
    assert signing.http.post("/introspect", data={"token": token}, auth=auth).json() == {"active": False}
    assert signing.http.get("/userinfo", headers={"authorization": f"Bearer {token}"}).status_code == 401
    assert signing.token(shop, grant_type=JWT_BEARER, assertion=token).status_code == 400
    # Nor are these refresh tokens.
    for other in (login["access_token"], login["id_token"]):
        answer = refreshed(signing, shop, other)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_it_is_refused_when_changed_foreign_or_expired(
    signing: RunningAuthServer, shop: BoundApplication, login: dict
) -> None:
    token, said = login["refresh_token"], claims(login["refresh_token"])
    header, payload, signature = token.split(".")
    forged = tokens.sign(said, keys.generate(keys_id(token)), "https://x.example")
    for wrong in (forged, f"{header}.{payload}.", f"{header}.{payload}.{signature[:-8]}AAAAAAAA", "a.b.c", ".."):
        answer = refreshed(signing, shop, wrong)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    other = signing.deploy(products(f"other-{uuid.uuid4().hex[:8]}"))
    assert refreshed(signing, other, token).json()["error"] == "invalid_grant"

    signing.clock.advance(seconds=604801)
    answer = refreshed(signing, shop, token)
    assert (answer.status_code, answer.json()["error_description"]) == (401, "Invalid refresh token (expired)")


def keys_id(token: str) -> str:
    return str(tokens._parts(token).headers()["kid"])


def test_it_is_revoked(signing: RunningAuthServer, shop: BoundApplication, login: dict) -> None:
    auth = (shop.client_id, shop.secret)
    assert signing.http.post("/oauth/revoke", data={"token": login["refresh_token"]}, auth=auth).status_code == 200
    answer = refreshed(signing, shop, login["refresh_token"])
    assert (answer.status_code, answer.json()["error_description"]) == (401, "Invalid refresh token (revoked)")
    me = {"authorization": f"Bearer {login['access_token']}"}
    assert signing.http.get("/userinfo", headers=me).status_code == 401


def test_with_rotation_each_is_used_once_and_none_lasts_longer(
    signing: RunningAuthServer, shop: BoundApplication, login: dict
) -> None:
    put(signing, refresh_token_format="jwt", refresh_token_rotation=True)
    try:
        signing.clock.advance(seconds=60)
        new = refreshed(signing, shop, login["refresh_token"]).json()["refresh_token"]
        before, after = claims(login["refresh_token"]), claims(new)
        assert after["jti"] != before["jti"]
        assert abs(timedelta(seconds=after["exp"] - before["exp"])) <= timedelta(seconds=1)
        newest = refreshed(signing, shop, new).json()["refresh_token"]
        assert refreshed(signing, shop, new).status_code == 401
        assert refreshed(signing, shop, newest).status_code == 401
    finally:
        put(signing, refresh_token_format="jwt")


def test_tokens_of_before_a_change_of_the_policy_go_on(
    signing: RunningAuthServer, shop: BoundApplication, login: dict
) -> None:
    put(signing)
    try:
        assert refreshed(signing, shop, login["refresh_token"]).json()["refresh_token"] == login["refresh_token"]
        opaque = signing.token(shop, grant_type=JWT_BEARER, assertion=login["access_token"]).json()["refresh_token"]
        assert opaque.count(".") < 2
    finally:
        put(signing, refresh_token_format="jwt")
    assert refreshed(signing, shop, opaque).json()["refresh_token"] == opaque


def test_administrators_choose_the_form_too(signing: RunningAuthServer) -> None:
    admin, path = administrator(signing), "/securitySettings"
    assert admin.done("GET", path)["tokenPolicySettings"]["refreshTokenFormat"] == "jwt"
    change = {"tokenPolicySettings": {"refreshTokenFormat": "opaque"}}
    assert admin.done("PATCH", path, change)["tokenPolicySettings"]["refreshTokenFormat"] == "opaque"
    back = {"tokenPolicySettings": {"refreshTokenFormat": "jwt", "refreshTokenValidity": 604800}}
    assert admin.done("PATCH", path, back)["tokenPolicySettings"]["refreshTokenFormat"] == "jwt"


@pytest.mark.parametrize("policy", [{"refresh_token_format": "x"}, {"refresh_token_format": None}])
def test_no_other_form_is_known(signing: RunningAuthServer, policy: dict) -> None:
    assert signing.platform("PUT", "/token-policy", policy).status_code == 400
