"""Authlib, requests-oauth2client, MSAL and requests-oauthlib, unmodified, as OAuth 2.0 and OpenID Connect clients."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlsplit

import msal
import pytest
import requests
from authlib.integrations.httpx_client import OAuth2Client as AuthlibClient
from authlib.integrations.httpx_client import OAuthError
from joserfc import jwt
from joserfc.jwk import KeySet
from peers import PERSON, Landscape, landscape
from requests_oauth2client import BearerToken, EndpointError, MismatchingIssuer, OAuth2Client, PrivateKeyJwt
from requests_oauthlib import OAuth2Session

from entryway.testing.authserver import REDIRECT_URI

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    with landscape(tmp_path_factory.mktemp("peers")) as made:
        yield made


def scope(peer: Landscape) -> str:
    return f"openid {peer.application.name}.Display"


# --- Authlib


@pytest.fixture
def authlib(peer: Landscape) -> Iterator[AuthlibClient]:
    with AuthlibClient(
        peer.application.client_id,
        peer.application.secret,
        scope=scope(peer),
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
        verify=peer.server.tls,
    ) as client:
        yield client


def test_authlib_logs_a_person_in_by_code_with_pkce(peer: Landscape, authlib: AuthlibClient) -> None:
    verifier, nonce = "v" * 64, "a-nonce"
    metadata = peer.server.http.get("/oauth/token/.well-known/openid-configuration").json()
    url, state = authlib.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    token = authlib.fetch_token(
        metadata["token_endpoint"],
        authorization_response=peer.log_in(url),
        state=state,
        code_verifier=verifier,
    )

    keys = KeySet.import_key_set(peer.server.http.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": metadata["issuer"]},
        aud={"essential": True, "value": peer.application.client_id},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    ).validate(claims)
    assert claims["user_name"] == PERSON
    assert set(token["scope"].split()) == set(scope(peer).split())
    assert authlib.get(metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]

    refreshed = authlib.refresh_token(metadata["token_endpoint"])
    assert refreshed["access_token"] != token["access_token"]
    told = authlib.introspect_token(metadata["introspection_endpoint"], token=refreshed["access_token"]).json()
    assert (told["active"], told["user_name"]) == (True, PERSON)
    assert authlib.revoke_token(metadata["revocation_endpoint"], token=refreshed["access_token"]).status_code == 200
    assert peer.ended(refreshed["access_token"])


def test_authlib_is_told_of_a_wrong_verifier(peer: Landscape, authlib: AuthlibClient) -> None:
    url, state = authlib.create_authorization_url(f"{peer.server.url}/oauth/authorize", code_verifier="v" * 64)
    back = peer.log_in(url)
    with pytest.raises(OAuthError) as refused:
        authlib.fetch_token(peer.issuer, authorization_response=back, state=state, code_verifier="w" * 64)
    assert refused.value.error == "invalid_grant"


def test_authlib_gets_a_token_of_its_own(peer: Landscape, authlib: AuthlibClient) -> None:
    token = authlib.fetch_token(peer.issuer, grant_type="client_credentials", scope=None)
    assert token["token_type"] == "bearer"
    assert token["expires_in"] > 0
    assert "refresh_token" not in token


# --- requests-oauth2client


@pytest.fixture
def session(peer: Landscape) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False  # the environment may name other authorities
        made.verify = str(peer.server.ca_file)
        yield made


def discovered(peer: Landscape, session: requests.Session, **proof: object) -> OAuth2Client:
    return OAuth2Client.from_discovery_endpoint(
        f"{peer.issuer}/.well-known/openid-configuration",
        peer.issuer,
        session=session,
        redirect_uri=REDIRECT_URI,
        **proof,
    )


@pytest.fixture
def with_secret(peer: Landscape, session: requests.Session) -> OAuth2Client:
    return discovered(peer, session, client_id=peer.application.client_id, client_secret=peer.application.secret)


@pytest.fixture
def with_key(peer: Landscape, session: requests.Session) -> OAuth2Client:
    key = peer.signing_key.as_dict(private=True)
    return discovered(peer, session, auth=PrivateKeyJwt(peer.application.client_id, key, alg="RS256"))


def logged_in(peer: Landscape, client: OAuth2Client) -> BearerToken:
    asked = client.authorization_request(scope=scope(peer))
    return client.authorization_code(asked.validate_callback(peer.log_in(asked.uri)), validate=True)


def test_it_notices_when_another_server_answers(peer: Landscape, with_secret: OAuth2Client) -> None:
    """It insists on `iss` (RFC 9207), by which a client learns that two servers were mixed up."""
    asked = with_secret.authorization_request(scope="openid")
    back = peer.log_in(asked.uri)
    asked.validate_callback(back)
    with pytest.raises(MismatchingIssuer):
        asked.validate_callback(back.replace(quote(peer.issuer, safe=""), quote("https://evil.example", safe="")))


@pytest.mark.parametrize("proof", ["with_secret", "with_key"])
def test_it_logs_in_refreshes_asks_and_revokes(peer: Landscape, proof: str, request: pytest.FixtureRequest) -> None:
    client: OAuth2Client = request.getfixturevalue(proof)
    token = logged_in(peer, client)
    assert token.id_token is not None
    assert token.id_token.claims["user_name"] == PERSON
    assert client.userinfo(token)["user_name"] == PERSON

    refreshed = client.refresh_token(token)
    told = client.introspect_token(refreshed)
    assert (told["active"], told["cid"]) == (True, peer.application.client_id)
    assert client.revoke_access_token(refreshed) is True
    assert client.introspect_token(refreshed) == {"active": False}
    assert client.revoke_refresh_token(refreshed) is True
    with pytest.raises(EndpointError, match="Invalid refresh token"):
        client.refresh_token(refreshed)


@pytest.mark.parametrize("proof", ["with_secret", "with_key"])
def test_it_gets_a_token_of_its_own(peer: Landscape, proof: str, request: pytest.FixtureRequest) -> None:
    client: OAuth2Client = request.getfixturevalue(proof)
    assert client.introspect_token(client.client_credentials())["grant_type"] == "client_credentials"


def test_it_exchanges_a_users_token(peer: Landscape, with_secret: OAuth2Client) -> None:
    token = logged_in(peer, with_secret)
    for exchanged in (
        with_secret.token_exchange(subject_token=token, subject_token_type="access_token"),
        with_secret.jwt_bearer(token.access_token),
    ):
        assert with_secret.introspect_token(exchanged)["user_name"] == PERSON


def test_a_key_that_is_not_the_clients_is_refused(peer: Landscape, session: requests.Session) -> None:
    stranger = type(peer.signing_key).generate_key(2048, {"kid": "of-the-client"}).as_dict(private=True)
    client = discovered(peer, session, auth=PrivateKeyJwt(peer.application.client_id, stranger, alg="RS256"))
    with pytest.raises(EndpointError, match="Bad credentials"):
        client.client_credentials()


def test_the_keys_are_where_the_metadata_says(peer: Landscape, with_secret: OAuth2Client) -> None:
    assert urlsplit(with_secret.jwks_uri or "").path == "/token_keys"


# --- MSAL


@pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended")
def test_msal_logs_a_person_in_with_the_scopes_that_it_always_asks_for(
    peer: Landscape, session: requests.Session
) -> None:
    client = msal.ConfidentialClientApplication(
        peer.application.client_id,
        client_credential=peer.application.secret,
        oidc_authority=peer.issuer,
        http_client=session,
    )
    flow = client.initiate_auth_code_flow(scopes=[f"{peer.application.name}.Display"], redirect_uri=REDIRECT_URI)
    assert {"openid", "profile", "offline_access"} <= set(dict(parse_qsl(flow["auth_uri"]))["scope"].split())
    back = dict(parse_qsl(urlsplit(peer.log_in(flow["auth_uri"])).query))

    token = client.acquire_token_by_auth_code_flow(flow, back)

    assert token["id_token_claims"]["user_name"] == PERSON
    assert f"{peer.application.name}.Display" in token["scope"].split()
    assert client.acquire_token_by_refresh_token(token["refresh_token"], scopes=[])["access_token"]
    assert client.acquire_token_for_client(scopes=[])["access_token"]


# --- requests-oauthlib


def test_requests_oauthlib_logs_a_person_in_and_refreshes(peer: Landscape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the client's own address is http here
    with OAuth2Session(peer.application.client_id, redirect_uri=REDIRECT_URI, scope=["openid"], pkce="S256") as client:
        client.trust_env = False
        client.verify = str(peer.server.ca_file)
        url, _ = client.authorization_url(f"{peer.server.url}/oauth/authorize")
        secret = peer.application.secret
        token = client.fetch_token(peer.issuer, authorization_response=peer.log_in(url), client_secret=secret)
        assert client.get(f"{peer.server.url}/userinfo").json()["user_name"] == PERSON
        again = client.refresh_token(peer.issuer, auth=(peer.application.client_id, secret))
        assert again["access_token"] != token["access_token"]
