"""Refresh tokens and the exchange of a user's token for another client's."""

from __future__ import annotations

import base64
import hmac
import json
import uuid

import pytest
from joserfc import jwt
from product_descriptor import products
from test_token_endpoint import claims

from entryway.authserver.signing_keys import PURPOSE
from entryway.oauth import keys, tokens
from entryway.testing.authserver import MASTER_KEY, BoundApplication, Browser, RunningAuthServer
from entryway.testing.databases import execute, sealer_of

pytestmark = pytest.mark.once_on_postgresql

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PASSWORD = "correct horse"


def exchange(server: RunningAuthServer, client: BoundApplication, assertion: str, **form: str):
    return server.token(client, grant_type=JWT_BEARER, assertion=assertion, response_type="token", **form)


@pytest.fixture
def login(server: RunningAuthServer, app: BoundApplication, code: str) -> dict:
    return server.redeem(app, code).json()


@pytest.fixture
def destination(server: RunningAuthServer) -> BoundApplication:
    return server.clone("destination-xsappname")


# --- refresh


def test_a_refresh_gives_a_fresh_token_and_the_same_refresh_token(
    server: RunningAuthServer, app: BoundApplication, login: dict
) -> None:
    server.clock.advance(minutes=1)
    answer = server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"])
    assert answer.status_code == 200
    body = answer.json()
    assert body["refresh_token"] == login["refresh_token"]
    assert body["scope"] == login["scope"]
    before, after = claims(login["access_token"]), claims(body["access_token"])
    assert after["jti"] != before["jti"]
    assert after["exp"] > before["exp"]
    assert after["auth_time"] == before["auth_time"]
    assert after["grant_type"] == "authorization_code"


def test_a_refresh_may_narrow_and_not_widen(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"]}
    assert server.token(app, **form, scope=f"{app.name}.Display").json()["scope"] == f"{app.name}.Display"
    wider = server.token(app, **form, scope=f"{app.name}.Delete")
    assert wider.status_code == 400
    assert wider.json()["error"] == "invalid_scope"


def test_roles_gained_since_the_login_are_not_in_a_refresh(
    server: RunningAuthServer, app: BoundApplication, browser: Browser, viewer: str
) -> None:
    first = server.redeem(app, browser.log_in(app, viewer, PASSWORD)).json()
    short = app.name.partition("!")[0]
    server.user(viewer, PASSWORD, [f"{short} Editor", f"{short} Viewer"])
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert f"{app.name}.Edit" not in server.token(app, **form).json()["scope"]
    server.user(viewer, PASSWORD, [])
    assert server.token(app, **form).json()["scope"] == "openid"


def test_a_refresh_token_belongs_to_its_client(
    server: RunningAuthServer, login: dict, destination: BoundApplication
) -> None:
    answer = server.token(destination, grant_type="refresh_token", refresh_token=login["refresh_token"])
    assert answer.status_code == 400
    assert answer.json()["error_description"].startswith("Wrong client for this refresh token")


def test_a_refresh_token_expires(server: RunningAuthServer, app: BoundApplication, login: dict) -> None:
    server.clock.advance(days=7, seconds=1)
    answer = server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"])
    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_token", "error_description": "Invalid refresh token (expired)"}
    assert "www-authenticate" not in answer.headers  # openid-client would take a challenge for the answer


def test_a_changed_password_ends_refresh_and_access_tokens(
    server: RunningAuthServer, app: BoundApplication, login: dict, editor: str
) -> None:
    server.user(editor, "a new password", [f"{app.name.partition('!')[0]} Editor"])
    answer = server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"])
    assert answer.status_code == 401
    assert "revocable signature mismatch" in answer.json()["error_description"]
    inspected = server.http.post("/introspect", data={"token": login["access_token"]}, auth=(app.client_id, app.secret))
    assert inspected.json() == {"active": False}


def test_the_same_password_once_more_ends_nothing(
    server: RunningAuthServer, app: BoundApplication, login: dict, editor: str
) -> None:
    server.user(editor, PASSWORD, [f"{app.name.partition('!')[0]} Editor"])
    assert server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"]).status_code == 200


def test_a_deleted_user_gets_no_more_tokens(
    server: RunningAuthServer, app: BoundApplication, login: dict, editor: str
) -> None:
    server.platform("DELETE", f"/users/{editor}")
    assert server.token(app, grant_type="refresh_token", refresh_token=login["refresh_token"]).status_code == 401


# --- exchange


def test_the_new_token_belongs_to_the_client_that_asked(
    server: RunningAuthServer, app: BoundApplication, login: dict, destination: BoundApplication
) -> None:
    answer = exchange(server, destination, login["access_token"], scope="")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    before, after = claims(login["access_token"]), claims(body["access_token"])
    assert after["cid"] == after["azp"] == destination.client_id
    assert after["cid"].endswith("|destination-xsappname!b1")
    assert after["aud"] == [destination.client_id, "openid"]
    assert after["scope"] == ["openid"]
    assert after["user_id"] == before["user_id"]
    assert after["user_name"] == before["user_name"]
    assert after["auth_time"] == before["auth_time"]
    assert after["grant_type"] == JWT_BEARER
    assert after["ext_attr"]["serviceinstanceid"] == destination.instance_id
    assert body["refresh_token"]


def test_an_exchange_never_fails_for_a_user_without_roles(
    server: RunningAuthServer, app: BoundApplication, browser: Browser
) -> None:
    name = f"plain-{uuid.uuid4().hex}@example.com"
    server.user(name, PASSWORD)
    token = server.redeem(app, browser.log_in(app, name, PASSWORD)).json()["access_token"]
    for master in ("destination-xsappname", "connectivity"):
        assert exchange(server, server.clone(master), token).json()["scope"] == "openid"


def test_an_application_may_exchange_another_applications_token(
    server: RunningAuthServer, editor: str, login: dict
) -> None:
    other = server.deploy(products(f"other-{uuid.uuid4().hex[:6]}"))
    body = exchange(server, other, login["access_token"]).json()
    # The user has roles in the first application only, and those are of no use here.
    assert body["scope"] == "openid"


def test_an_expired_assertion_is_refused(server: RunningAuthServer, login: dict, destination: BoundApplication) -> None:
    server.clock.advance(hours=12, seconds=1)
    answer = exchange(server, destination, login["access_token"])
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "The assertion is not valid"}


def test_a_clients_own_token_is_no_assertion(
    server: RunningAuthServer, app: BoundApplication, destination: BoundApplication
) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    assert exchange(server, destination, own).json()["error"] == "invalid_grant"


def test_an_id_token_is_no_assertion(server: RunningAuthServer, login: dict, destination: BoundApplication) -> None:
    assert exchange(server, destination, login["id_token"]).json()["error"] == "invalid_grant"


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hmac_signed(content: str, key: str) -> str:
    digest = hmac.digest(key.encode(), content.encode(), "sha256")
    return f"{content}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def forged(server: RunningAuthServer, token: str) -> dict[str, str]:
    header, payload, signature = token.split(".")
    body = claims(token)
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    published = server.http.get("/token_keys").json()["keys"][0]
    stranger = keys.generate("stranger")
    stolen_name = keys.SigningKey(kid, stranger.private_pem)
    richer = {**body, "scope": [*body["scope"], "x.Admin"]}
    return {
        "alg none": f"{b64({'alg': 'none', 'kid': kid})}.{payload}.",
        "alg None": f"{b64({'alg': 'None', 'kid': kid})}.{payload}.{signature}",
        "alg HS256 with the public key": hmac_signed(
            f"{b64({'alg': 'HS256', 'kid': kid})}.{payload}", published["value"]
        ),
        "a changed payload": f"{header}.{b64(richer)}.{signature}",
        "another key under our name": tokens.sign(body, stolen_name, "https://x.example"),
        "another key": tokens.sign(body, stranger, "https://x.example"),
        "a key in the header": jwt.encode(
            {"alg": "RS256", "kid": kid, "jwk": stranger.public_jwk}, body, stranger.key, algorithms=["RS256"]
        ),
        "no signature": f"{header}.{payload}.",
        "an encrypted token's shape": "a.b.c.d.e",
        "no token": "x",
        "a deep header": f"{base64.urlsafe_b64encode(b'[' * 5000).decode()}.{payload}.{signature}",
        "a critical extension": f"{b64({'alg': 'RS256', 'kid': kid, 'crit': ['x'], 'x': 1})}.{payload}.{signature}",
        "too long": f"{header}.{payload}.{'A' * 20000}",
        "a kid that is no text": f"{b64({'alg': 'RS256', 'kid': {'a': 1}})}.{payload}.{signature}",
        "not ASCII": f"{header}.{payload}.ü",
    }


FORGERIES = [
    "alg none",
    "alg None",
    "alg HS256 with the public key",
    "a changed payload",
    "another key under our name",
    "another key",
    "a key in the header",
    "no signature",
    "an encrypted token's shape",
    "no token",
    "a deep header",
    "a critical extension",
    "too long",
    "a kid that is no text",
    "not ASCII",
]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_assertion_is_refused(
    server: RunningAuthServer, login: dict, destination: BoundApplication, forgery: str
) -> None:
    token = forged(server, login["access_token"])[forgery]
    answer = exchange(server, destination, token)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_grant"
    inspected = server.http.post("/introspect", data={"token": token}, auth=(destination.client_id, destination.secret))
    assert inspected.json() == {"active": False}


def test_an_assertion_of_an_unknown_issuer_is_named(
    server: RunningAuthServer, login: dict, destination: BoundApplication
) -> None:
    elsewhere = {**claims(login["access_token"]), "iss": "https://evil.example/oauth/token"}
    answer = exchange(server, destination, tokens.sign(elsewhere, keys.generate("x"), "https://x.example"))
    assert answer.status_code == 401
    assert answer.json()["error_description"] == (
        "Unable to map issuer, https://evil.example/oauth/token , to a single registered provider"
    )


def test_an_assertion_ends_with_its_authorization(
    server: RunningAuthServer, app: BoundApplication, code: str, destination: BoundApplication
) -> None:
    token = server.redeem(app, code).json()["access_token"]
    assert exchange(server, destination, token).status_code == 200
    server.redeem(app, code)  # the replay of the code
    assert exchange(server, destination, token).json()["error"] == "invalid_grant"


_FIRST_KEY = (
    "select kid, sealed_private_key from signing_keys join zones on zones.id = signing_keys.zid where zones.number = 1"
)


@pytest.fixture
def signing_key(server: RunningAuthServer) -> keys.SigningKey:
    """The server's own key, unsealed with the landscape's master key: what nobody outside has."""
    ((kid, sealed),) = execute(server.database_url, _FIRST_KEY)
    return keys.SigningKey(kid, sealer_of(server.database_url, MASTER_KEY).unseal(sealed, PURPOSE))


@pytest.mark.parametrize(
    "changed",
    [
        {"zid": "6c0c8d0e-0000-0000-0000-000000000000"},
        {"iss": "https://other.localhost:8443/oauth/token"},
        {"cid": "sb-nobody!t1"},
        {"cid": None},
        {"user_id": "nobody"},
        {"rev_sig": "00000000"},
        {"scope": "openid"},
        {"exp": 1},
        {"iat": 9_999_999_999, "exp": 99_999_999_999},
        {"iat": None},
        {"iat": "now"},
    ],
)
def test_even_a_token_with_our_signature_must_fit_this_tenant_client_and_user(
    *,
    server: RunningAuthServer,
    login: dict,
    destination: BoundApplication,
    signing_key: keys.SigningKey,
    changed: dict,
) -> None:
    body = claims(login["access_token"])
    unchanged = tokens.sign(body, signing_key, "https://x.example")
    assert exchange(server, destination, unchanged).status_code == 200
    answer = exchange(server, destination, tokens.sign(body | changed, signing_key, "https://x.example"))
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"invalid_grant", "unauthorized"}
