"""Tokens of other issuers that clients exchange (`jwt-bearer`): of the identity service, and of an issuer that lies."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from admin_client import Administrator, administrator
from product_descriptor import products
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from test_token_endpoint import claims

from entryway.oauth import tokens
from entryway.oauth.keys import SigningKey, generate
from entryway.testing.authority import TestAuthority
from entryway.testing.authserver import BoundApplication, RunningAuthServer, running_authserver
from entryway.testing.idp import RunningIdp, running_idp
from entryway.testing.serving import free_port, served

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROVIDERS = "/sap/rest/identity-providers"
US = "the-authorization-server-over-there"


@dataclass(frozen=True)
class Company:
    """An issuer of which a test holds the key."""

    url: str
    key: SigningKey = field(repr=False)


@dataclass(frozen=True)
class World:
    server: RunningAuthServer
    company: Company
    idp: RunningIdp
    admin: Administrator
    app: BoundApplication

    def exchange(self, assertion: str, **form: str) -> httpx.Response:
        return self.server.token(self.app, grant_type=JWT_BEARER, assertion=assertion, **form)

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(self.server.clock().timestamp())
        usual = {
            "iss": self.company.url,
            "aud": US,
            "sub": f"maria-{uuid.uuid4().hex[:6]}",
            "iat": now,
            "exp": now + 300,
            "auth_time": now - 60,
            "email": "maria@company.example",
        }
        return {name: value for name, value in (usual | changed).items() if value is not None}

    def token(self, **changed: Any) -> str:
        return tokens.sign(self.claims(**changed), self.company.key, "https://x.example")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, key = tmp_path_factory.mktemp("company"), generate("company-key")
    authority = TestAuthority.create(folder / "ca")
    with (
        served(lambda url: publishing(url, key), authority) as url,
        running_idp(tmp_path_factory.mktemp("idp")) as idp,
    ):
        believed = folder / "believed.pem"
        believed.write_bytes(Path(authority.ca_file).read_bytes() + Path(idp.authority.ca_file).read_bytes())
        with running_authserver(tmp_path_factory.mktemp("exchanging"), ca_file=believed) as server:
            admin = administrator(server)
            made = World(server, Company(url, key), idp, admin, server.deploy(products("exchanging")))
            trust(made, "company", {"issuer": url, "client_id": US})
            yield made


def publishing(url: str, key: SigningKey) -> Starlette:
    async def document(request: Request) -> JSONResponse:
        del request
        ends = {"authorization_endpoint": f"{url}/a", "token_endpoint": f"{url}/t", "jwks_uri": f"{url}/keys"}
        return JSONResponse({"issuer": url, **ends})

    async def keys(request: Request) -> JSONResponse:
        del request
        return JSONResponse({"keys": [key.public_jwk]})

    return Starlette(routes=[Route("/.well-known/openid-configuration", document), Route("/keys", keys)])


def trust(world: World, origin: str, config: dict[str, Any], **more: Any) -> None:
    body = {"type": "oidc1.0", "originKey": origin, "name": origin, "config": {"client_secret": "s3cret", **config}}
    made = world.admin.anywhere("POST", PROVIDERS, {**body, **more})
    assert made.status_code == 201, made.text


def test_a_token_of_a_trusted_issuer_is_exchanged(world: World) -> None:
    at = int(world.server.clock().timestamp()) - 60
    answer = world.exchange(world.token(sub="maria", given_name="Maria", auth_time=at))

    assert answer.status_code == 200, answer.text
    said = claims(answer.json()["access_token"])
    assert (said["origin"], said["user_name"], said["given_name"]) == ("company", "maria", "Maria")
    assert (said["cid"], said["grant_type"]) == (world.app.client_id, JWT_BEARER)
    assert said["auth_time"] == at
    assert answer.json()["refresh_token"]
    again = world.server.token(world.app, grant_type="refresh_token", refresh_token=answer.json()["refresh_token"])
    assert again.status_code == 200


def test_what_the_issuer_tells_of_a_user_goes_along_as_far_as_scopes_allow(world: World) -> None:
    uuid_there = str(uuid.uuid4())
    more = {"user_uuid": uuid_there, "groups": ["sales"], "phone_number": "+49 6227 7", "email_verified": True}
    assertion = world.token(cost_center="4711", **more)
    asked = {"response_type": "token id_token"}

    answer = world.exchange(assertion, scope="openid roles user_attributes phone", **asked).json()
    access, identity = claims(answer["access_token"]), claims(answer["id_token"])
    shown = userinfo(world, answer)
    assert access["user_uuid"] == identity["user_uuid"] == shown["user_uuid"] == uuid_there
    assert access["user_id"] != uuid_there
    for told in (identity, shown):
        assert told["roles"] == ["sales"]
        assert told["user_attributes"]["cost_center"] == ["4711"]
        assert told["phone_number"] == "+49 6227 7"
        assert told["email_verified"] is True

    # Nothing of it without being asked for, and nothing invented that the issuer does not say.
    answer = world.exchange(assertion, **asked).json()
    for told in (claims(answer["id_token"]), userinfo(world, answer)):
        assert not {"roles", "user_attributes", "phone_number"} & told.keys()
    silent = world.exchange(world.token(email=None), **asked).json()
    for told in (claims(silent["access_token"]), claims(silent["id_token"]), userinfo(world, silent)):
        assert "user_uuid" not in told
        assert not told.get("email_verified")


def userinfo(world: World, answer: dict[str, Any]) -> dict[str, Any]:
    shown = world.server.http.get("/userinfo", headers={"authorization": f"Bearer {answer['access_token']}"})
    assert shown.status_code == 200, shown.text
    return dict(shown.json())


@pytest.mark.parametrize("value", ["x" * 256, "a\nb", "", 5.5, {"a": 1}])
def test_a_global_id_that_cannot_be_one_is_left_out(world: World, value: Any) -> None:
    said = claims(world.exchange(world.token(user_uuid=value)).json()["access_token"])
    assert said.get("user_uuid") in {None, "5.5"}


def test_a_token_of_the_identity_service_is_exchanged(world: World) -> None:
    over_there = world.idp.application(client_id="the-portal")
    world.idp.user("ines")
    config = {"issuer": world.idp.url, "client_id": US, "token_audiences": [over_there.client_id]}
    trust(world, "identity", config)
    got = world.idp.tokens(over_there, "ines")

    answer = world.exchange(got["id_token"])

    assert answer.status_code == 200, answer.text
    said = claims(answer.json()["access_token"])
    assert (said["origin"], said["email"]) == ("identity", "ines@example.com")
    assert said["user_uuid"] == claims(got["id_token"])["user_uuid"]
    other = world.idp.application(client_id="another-portal")
    refused = world.exchange(world.idp.tokens(other, "ines")["id_token"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


Change = Callable[[int], dict[str, Any]]


@pytest.mark.parametrize(
    "change",
    [
        lambda now: {"aud": [US, "the-portal"], "azp": "the-portal"},
        lambda now: {"aud": [US]},
        lambda now: {"exp": now - 30},
        lambda now: {"iat": now + 30},
        lambda now: {"auth_time": None},
    ],
)
def test_what_is_within_the_rules(world: World, change: Change) -> None:
    answer = world.exchange(world.token(**change(int(world.server.clock().timestamp()))))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "change",
    [
        lambda now: {"aud": "another-client"},
        lambda now: {"aud": []},
        lambda now: {"aud": {"x": US}},
        lambda now: {"aud": [{"x": US}, 5]},
        lambda now: {"aud": None},
        lambda now: {"exp": now - 61},
        lambda now: {"exp": None},
        lambda now: {"exp": "soon"},
        lambda now: {"exp": True},
        lambda now: {"exp": 1e400},
        lambda now: {"iat": now + 90},
        lambda now: {"iat": None},
        lambda now: {"nbf": now + 90},
        lambda now: {"sub": ""},
        lambda now: {"sub": None},
        lambda now: {"sub": 5},
        lambda now: {"sub": "a\nb"},
        lambda now: {"sub": "x" * 256},
        lambda now: {"auth_time": "then"},
    ],
)
def test_a_claim_that_does_not_hold_is_refused(world: World, change: Change) -> None:
    answer = world.exchange(world.token(**change(int(world.server.clock().timestamp()))))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text
    assert answer.json()["error_description"] == "The assertion is not valid"


def test_a_token_of_another_key_is_refused(world: World) -> None:
    for kid in ("company-key", "stranger", ""):
        stranger = generate("stranger")
        token = tokens.sign(world.claims(), SigningKey(kid, stranger.private_pem), "https://x.example")
        answer = world.exchange(token)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("issuer", ["https://unknown.example", "{url}/", "{url}/oauth", "HTTPS://LOCALHOST"])
def test_a_token_of_an_issuer_that_is_not_trusted_is_refused(world: World, issuer: str) -> None:
    named = issuer.format(url=world.company.url)
    answer = world.exchange(world.token(iss=named))
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "unauthorized",
        "error_description": f"Unable to map issuer, {named} , to a single registered provider",
    }


def test_scripts_learn_what_to_ask_for_at_each_provider(world: World) -> None:
    def described(origin: str) -> dict[str, Any]:
        answer = world.server.http.get("/login", params={"origin": origin}, headers={"accept": "application/json"})
        return dict(answer.json())

    # A provider that takes no passwords of programs leaves a passcode to those who log in there by a browser.
    assert set(described("company")["prompts"]) == {"passcode"}
    assert set(described("entryway")["prompts"]) == {"username", "password", "passcode"}
    assert described("company")["idpDefinitions"]["company"] == f"{world.server.url}/login?origin=company"


def test_nothing_is_said_against_a_token_whose_issuer_cannot_be_asked(world: World) -> None:
    away = f"https://localhost:{free_port()}"
    trust(world, "away", {"issuer": away, "client_id": US})

    answer = world.exchange(world.token(iss=away))

    assert (answer.status_code, answer.json()["error"]) == (502, "identity_provider_unavailable")
    assert "localhost" not in answer.json()["error_description"]


def test_our_own_issuer_is_never_looked_up_elsewhere(world: World) -> None:
    answer = world.exchange(world.token(iss=f"{world.server.url}/oauth/token"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_two_providers_of_one_issuer_are_none_and_one_that_is_off_is_none(world: World) -> None:
    trust(world, "double", {"issuer": world.company.url, "client_id": "x"})
    assert world.exchange(world.token()).status_code == 401
    assert world.admin.anywhere("DELETE", f"{PROVIDERS}/double").status_code < 300
    assert world.exchange(world.token()).status_code == 200


def test_who_must_be_created_before_is_refused_while_unknown(world: World) -> None:
    assert world.admin.anywhere("DELETE", f"{PROVIDERS}/company").status_code < 300
    try:
        trust(world, "closed", {"issuer": world.company.url, "client_id": US}, addShadowUserOnLogin=False)
        answer = world.exchange(world.token(sub="nobody-yet"))
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
        assert answer.json()["error_description"].endswith(
            "The user account must be pre-created. Please contact your system administrator."
        )
    finally:
        world.admin.anywhere("DELETE", f"{PROVIDERS}/closed")
        trust(world, "company", {"issuer": world.company.url, "client_id": US})


def test_a_client_with_other_providers_gets_no_token(world: World) -> None:
    descriptor = products(f"picky-{uuid.uuid4().hex[:8]}")
    descriptor["oauth2-configuration"]["allowedproviders"] = ["identity"]
    picky = world.server.deploy(descriptor)
    answer = world.server.token(picky, grant_type=JWT_BEARER, assertion=world.token())
    assert answer.status_code == 401
    assert answer.json()["error_description"] == "Client is not authorized for specified user's identity provider."


def user_id(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(claims(answer.json()["access_token"])["user_id"])


def stranger(answer: httpx.Response) -> None:
    assert answer.status_code in {400, 401}, answer.text


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:6]}"


@pytest.mark.parametrize("look_alike", ["\uff4d{rest}", "\u2133{rest}", "{upper}"])
def test_a_subject_that_only_looks_the_same_is_nobody(world: World, look_alike: str) -> None:
    name = unique("maria")
    user_id(world.exchange(world.token(sub=name)))
    other = look_alike.format(rest=name[1:], upper=name.upper())
    stranger(world.exchange(world.token(sub=other)))


def test_a_subject_that_is_a_mail_address_may_change_its_case(world: World) -> None:
    mail = unique("maria") + "@company.example"
    assert user_id(world.exchange(world.token(sub=mail))) == user_id(world.exchange(world.token(sub=mail.upper())))


@pytest.mark.parametrize("verified", [None, False, "false"])
def test_an_address_that_the_provider_has_not_confirmed_finds_nobody(world: World, verified: Any) -> None:
    mail = unique("victim") + "@company.example"
    victim = user_id(world.exchange(world.token(sub=unique("v"), email=mail, email_verified=True)))
    mallory = world.token(sub=unique("m"), email=mail, email_verified=verified)
    assert user_id(world.exchange(mallory)) != victim


def test_an_address_that_only_looks_the_same_finds_nobody(world: World) -> None:
    mail = unique("victim") + "@company.example"
    victim = user_id(world.exchange(world.token(sub=unique("v"), email=mail, email_verified=True)))
    look_alike = world.token(sub=unique("m"), email="\uff56" + mail[1:], email_verified=True)
    assert user_id(world.exchange(look_alike)) != victim


def test_nobody_waits_under_the_address_of_somebody_who_is_yet_to_come(world: World) -> None:
    mail = unique("victim") + "@company.example"
    mallory = user_id(world.exchange(world.token(sub=unique("m"), email=mail, email_verified=False)))
    assert user_id(world.exchange(world.token(sub=unique("v"), email=mail, email_verified=True))) != mallory


def test_a_confirmed_address_finds_the_user_under_a_new_subject(world: World) -> None:
    said = {"email": unique("nina") + "@company.example", "email_verified": True}
    before = user_id(world.exchange(world.token(sub=unique("old"), **said)))
    assert user_id(world.exchange(world.token(sub=unique("new"), **said))) == before


def test_an_unconfirmed_address_is_no_name(world: World) -> None:
    config = {"issuer": world.company.url, "client_id": US}
    world.admin.anywhere("DELETE", f"{PROVIDERS}/company")
    trust(world, "by-mail", config | {"attributes": {"user_name": "email"}})
    try:
        mail = unique("victim") + "@company.example"
        user_id(world.exchange(world.token(email=mail, email_verified=True)))
        stranger(world.exchange(world.token(email=mail, email_verified=False)))
    finally:
        world.admin.anywhere("DELETE", f"{PROVIDERS}/by-mail")
        trust(world, "company", config)
