"""Users handed from client to client, and clients that have no secret."""

from __future__ import annotations

import uuid

import pytest
from product_descriptor import products
from test_exchanges import JWT_BEARER, PASSWORD
from test_token_endpoint import claims

from entryway.oauth.pkce import s256
from entryway.testing.authserver import REDIRECT_URI, BoundApplication, Browser, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"


@pytest.fixture
def login(server: RunningAuthServer, app: BoundApplication, code: str) -> dict:
    return server.redeem(app, code).json()


@pytest.fixture
def other(server: RunningAuthServer) -> BoundApplication:
    return server.deploy(products(f"other-{uuid.uuid4().hex[:8]}"))


def test_a_token_exchange_is_the_same_as_a_bearer_grant(
    server: RunningAuthServer, other: BoundApplication, login: dict
) -> None:
    answer = server.token(
        other, grant_type=EXCHANGE, subject_token=login["access_token"], subject_token_type=ACCESS_TOKEN
    )
    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert body["issued_token_type"] == ACCESS_TOKEN
    assert claims(body["access_token"])["cid"] == other.client_id
    assert claims(body["access_token"])["sub"] == claims(login["access_token"])["sub"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": "nonsense"}, "invalid_grant"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": "somebody-else"}, "invalid_target"),
        ({"resource": "https://api.example.com"}, "invalid_target"),
    ],
)
def test_what_cannot_be_exchanged_is_refused(
    server: RunningAuthServer, other: BoundApplication, login: dict, changed: dict, error: str
) -> None:
    form = {"subject_token": login["access_token"], "subject_token_type": ACCESS_TOKEN, **changed}
    answer = server.token(other, grant_type=EXCHANGE, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def user_holder(server: RunningAuthServer) -> dict:
    descriptor = products(f"portal-{uuid.uuid4().hex[:8]}")
    descriptor["scopes"].append({"name": "uaa.user"})
    descriptor["role-templates"][1]["scope-references"].append("uaa.user")
    return descriptor


def test_a_user_is_handed_over_as_a_refresh_token_of_the_receiver(
    server: RunningAuthServer, other: BoundApplication
) -> None:
    descriptor = user_holder(server)
    portal = server.deploy(descriptor)
    server.user("uta@example.com", PASSWORD, [f"{descriptor['xsappname']} Editor"])
    token = server.token(portal, grant_type="password", username="uta@example.com", password=PASSWORD).json()
    assert "uaa.user" in token["scope"]
    answer = server.http.post(
        "/oauth/token",
        data={"grant_type": "user_token", "client_id": other.client_id},
        headers={"authorization": f"Bearer {token['access_token']}"},
    )
    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert body["access_token"] is None
    refreshed = server.token(other, grant_type="refresh_token", refresh_token=body["refresh_token"]).json()
    said = claims(refreshed["access_token"])
    assert (said["cid"], said["user_name"], said["grant_type"]) == (other.client_id, "uta@example.com", "user_token")
    foreign = server.token(portal, grant_type="refresh_token", refresh_token=body["refresh_token"])
    assert foreign.status_code == 400


def test_without_the_scope_or_a_user_nobody_is_handed_over(
    server: RunningAuthServer, app: BoundApplication, other: BoundApplication, login: dict
) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    for token in (login["access_token"], own):
        answer = server.http.post(
            "/oauth/token",
            data={"grant_type": "user_token", "client_id": other.client_id},
            headers={"authorization": f"Bearer {token}"},
        )
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    with_secret = server.token(app, grant_type="user_token")
    assert with_secret.status_code == 401


@pytest.mark.parametrize("grant_type", ["client_credentials", "password", JWT_BEARER, "authorization_code"])
def test_a_users_token_is_no_proof_of_a_client(server: RunningAuthServer, login: dict, grant_type: str) -> None:
    answer = server.http.post(
        "/oauth/token",
        data={"grant_type": grant_type, "assertion": login["access_token"], "code": "x"},
        headers={"authorization": f"Bearer {login['access_token']}"},
    )
    assert answer.status_code == 401


# --- without a secret


@pytest.fixture
def public(server: RunningAuthServer) -> BoundApplication:
    descriptor = products(f"public-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["allowpublic"] = True
    deployed = server.deploy(descriptor)
    server.user("pia@example.com", PASSWORD, [f"{descriptor['xsappname']} Viewer"])
    return deployed


def without_secret(server: RunningAuthServer, client: BoundApplication, **form: str):
    return server.http.post("/oauth/token", data={"client_id": client.client_id, **form})


def redeemed(server: RunningAuthServer, client: BoundApplication, code: str, **form: str):
    return without_secret(server, client, grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI, **form)


def test_a_public_client_redeems_its_code_with_the_verifier_alone(
    server: RunningAuthServer, public: BoundApplication, browser: Browser
) -> None:
    code = browser.log_in(
        public, "pia@example.com", PASSWORD, code_challenge=s256(VERIFIER), code_challenge_method="S256"
    )
    answer = redeemed(server, public, code, code_verifier=VERIFIER)
    assert answer.status_code == 200, answer.text
    assert claims(answer.json()["access_token"])["client_auth_method"] == "none"


def test_a_public_client_without_a_challenge_gets_nothing(
    server: RunningAuthServer, public: BoundApplication, browser: Browser
) -> None:
    code = browser.log_in(public, "pia@example.com", PASSWORD)
    answer = redeemed(server, public, code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_public_clients_refresh_token_rotates_and_a_second_use_ends_everything(
    server: RunningAuthServer, public: BoundApplication, browser: Browser
) -> None:
    code = browser.log_in(
        public, "pia@example.com", PASSWORD, code_challenge=s256(VERIFIER), code_challenge_method="S256"
    )
    first = redeemed(server, public, code, code_verifier=VERIFIER).json()["refresh_token"]
    second = without_secret(server, public, grant_type="refresh_token", refresh_token=first).json()["refresh_token"]
    assert second != first
    third = without_secret(server, public, grant_type="refresh_token", refresh_token=second).json()["refresh_token"]
    stolen = without_secret(server, public, grant_type="refresh_token", refresh_token=first)
    assert (stolen.status_code, stolen.json()["error"]) == (401, "invalid_token")
    assert without_secret(server, public, grant_type="refresh_token", refresh_token=third).status_code == 401


@pytest.mark.parametrize("grant_type", ["client_credentials", "password", JWT_BEARER, EXCHANGE])
def test_a_public_client_may_do_nothing_else(
    server: RunningAuthServer, public: BoundApplication, grant_type: str
) -> None:
    answer = without_secret(
        server, public, grant_type=grant_type, username="pia@example.com", password=PASSWORD, assertion="x"
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert without_secret(server, public, token="x").status_code == 400
    asked = server.http.post("/introspect", data={"client_id": public.client_id, "token": "x"})
    assert asked.status_code == 401


def test_a_client_that_is_not_public_needs_its_secret(
    server: RunningAuthServer, app: BoundApplication, browser: Browser, editor: str
) -> None:
    code = browser.log_in(app, editor, PASSWORD, code_challenge=s256(VERIFIER), code_challenge_method="S256")
    answer = redeemed(server, app, code, code_verifier=VERIFIER)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


def test_an_assertion_in_xml_is_refused_while_no_provider_is_trusted(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    answer = server.token(app, grant_type="urn:ietf:params:oauth:grant-type:saml2-bearer", assertion="PHNhbWw-")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
