"""A program that holds a user's token with `uaa.user` gets a code without a browser: `POST /oauth/authorize`."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from product_descriptor import products
from test_token_endpoint import claims

from entryway.oauth.pkce import s256
from entryway.testing.authserver import REDIRECT_URI, BoundApplication, RunningAuthServer

PASSWORD = "correct horse"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"


@pytest.fixture
def portal(server: RunningAuthServer) -> BoundApplication:
    descriptor = products(f"portal-{uuid.uuid4().hex[:8]}")
    descriptor["scopes"].append({"name": "uaa.user"})
    descriptor["role-templates"][1]["scope-references"].append("uaa.user")
    return server.deploy(descriptor)


@pytest.fixture
def holder(server: RunningAuthServer, portal: BoundApplication) -> str:
    """A token of somebody whose role holds `uaa.user`."""
    name = f"hana-{uuid.uuid4().hex[:8]}"
    server.user(name, PASSWORD, [f"{portal.name.partition('!')[0]} Editor"])
    return server.token(portal, grant_type="password", username=name, password=PASSWORD).json()["access_token"]


def asked(server: RunningAuthServer, app: BoundApplication, token: str, **form: str) -> httpx.Response:
    usual = {"response_type": "code", "client_id": app.client_id, "redirect_uri": REDIRECT_URI, "state": "s t"}
    return server.http.post("/oauth/authorize", data=usual | form, headers={"authorization": f"Bearer {token}"})


def told(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(f"{REDIRECT_URI}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def test_the_code_is_the_users_at_the_other_client(
    server: RunningAuthServer, app: BoundApplication, portal: BoundApplication, holder: str
) -> None:
    answer = asked(server, app, holder, nonce="n", code_challenge=s256(VERIFIER), code_challenge_method="S256")
    got = told(answer)
    assert (got["state"], got["iss"]) == ("s t", f"{server.url}/oauth/token")
    assert "set-cookie" not in answer.headers
    redeemed = server.redeem(app, got["code"], code_verifier=VERIFIER)
    before, after = claims(holder), claims(redeemed.json()["access_token"])
    assert after["cid"] == app.client_id
    assert (after["user_id"], after["auth_time"]) == (before["user_id"], before["auth_time"])
    assert claims(redeemed.json()["id_token"])["nonce"] == "n"
    # Its scopes are decided for this client: what the user has at the other one is not among them.
    assert after["scope"] == ["openid", "uaa.user"]
    assert server.redeem(portal, got["code"], code_verifier=VERIFIER).status_code == 400


def test_whoever_lacks_the_scope_or_is_no_user_gets_none(
    server: RunningAuthServer, app: BoundApplication, portal: BoundApplication, editor: str
) -> None:
    without = server.token(app, grant_type="password", username=editor, password=PASSWORD).json()["access_token"]
    client = server.token(portal, grant_type="client_credentials").json()["access_token"]
    for token in (without, client):
        answer = asked(server, app, token)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    for token in ("x", holder_of_nothing(without)):
        answer = asked(server, app, token)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_a_token_of_one_tenant_is_none_at_another(
    server: RunningAuthServer, app: BoundApplication, holder: str
) -> None:
    made = {"subdomain": f"t{uuid.uuid4().hex[:10]}", "name": "Another"}
    there = server.platform("POST", "/tenants", made).json()["id"]
    answer = asked(server, app, holder, zid=there)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def holder_of_nothing(token: str) -> str:
    return f"{token[:-8]}AAAAAAAA"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "sb-nobody!t1"}, "invalid_client"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_request"),
        ({"client_id": ""}, "invalid_request"),
    ],
)
def test_client_and_address_are_checked_as_for_a_browser(
    server: RunningAuthServer, app: BoundApplication, holder: str, changed: dict[str, str], error: str
) -> None:
    answer = asked(server, app, holder, **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"prompt": "login"}, "login_required"),
        ({"max_age": "0"}, "login_required"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "nobody.Reads"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_what_cannot_be_had_is_told_at_the_address(
    server: RunningAuthServer, app: BoundApplication, holder: str, changed: dict[str, str], error: str
) -> None:
    server.clock.advance(seconds=2)
    got = told(asked(server, app, holder, **changed))
    assert (got["error"], got["state"]) == (error, "s t")
    assert "code" not in got


def test_a_client_of_other_providers_gets_none(server: RunningAuthServer, holder: str) -> None:
    descriptor = products(f"picky-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["allowedproviders"] = ["company"]
    answer = asked(server, server.deploy(descriptor), holder)
    assert (answer.status_code, answer.json()["error_description"]) == (
        401,
        "The application is not authorized for your account.",
    )


def test_a_token_in_the_header_of_a_browsers_request_logs_nobody_in(
    server: RunningAuthServer, app: BoundApplication, holder: str
) -> None:
    query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": REDIRECT_URI}
    page = server.http.get("/oauth/authorize", params=query, headers={"authorization": f"Bearer {holder}"})
    assert page.status_code == 200
    assert 'name="password"' in page.text
