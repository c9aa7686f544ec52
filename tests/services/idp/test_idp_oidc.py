import base64
import hashlib
import json
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt as pyjwt
import pytest

from entryway.testing.idp import ADMIN_SECRET, CALLBACK, PASSWORD, Person, RegisteredApplication, RunningIdp, code_in

pytestmark = pytest.mark.once_on_postgresql

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

S256 = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def query_of(answer) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture(scope="module")
def application(idp: RunningIdp) -> RegisteredApplication:
    return idp.application()


def test_the_tokens_of_a_login(idp: RunningIdp, application: RegisteredApplication, name: str) -> None:
    user = idp.user(name, groups=["Buyers", "Sellers"], attributes={"costCenter": ["4711"]})
    tokens = idp.tokens(application, name, nonce="n-1")
    keys = pyjwt.PyJWKSet.from_dict(idp.http.get("/oauth2/certs").json())
    header = pyjwt.get_unverified_header(tokens["id_token"])
    body = pyjwt.decode(
        tokens["id_token"], keys[header["kid"]], algorithms=["RS256"], audience=application.client_id, issuer=idp.url
    )
    assert body["sub"] == f"{name}@example.com"
    assert body["email"] == f"{name}@example.com"
    assert body["email_verified"] is False
    assert body["given_name"] == name.capitalize()
    assert body["family_name"] == "Example"
    assert (body["name"], body["preferred_username"]) == (f"{name.capitalize()} Example", name)
    assert body["groups"] == ["Buyers", "Sellers"]
    assert body["user_uuid"] == body["scim_id"] == user["id"]
    assert body["azp"] == application.client_id
    assert body["app_tid"] == body["zone_uuid"] == "tenant-1"
    assert body["sap_id_type"] == "user"
    assert body["nonce"] == "n-1"
    assert body["amr"] == ["pwd"]
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert body["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    access = claims(tokens["access_token"])
    assert access["sid"] == body["sid"]
    assert access["scope"] == "openid"
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert tokens["refresh_token"]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [("user_name", "NAME"), ("user_id", "ID"), ("attribute:personnel", "P1"), ("attribute:missing", "ID")],
)
def test_an_application_chooses_the_name_of_its_users(idp: RunningIdp, name: str, subject: str, expected: str) -> None:
    user = idp.user(name, attributes={"personnel": ["P1"]})
    tokens = idp.tokens(idp.application(subject=subject), name)
    assert claims(tokens["id_token"])["sub"] == {"NAME": name, "ID": user["id"]}.get(expected, expected)


def test_an_application_maps_attributes_to_claims(idp: RunningIdp, name: str) -> None:
    idp.user(name, attributes={"costCenter": ["4711", "4712"]})
    tokens = idp.tokens(idp.application(claims={"cost_center": "attribute:costCenter", "login": "user_name"}), name)
    body = claims(tokens["access_token"])
    assert body["cost_center"] == ["4711", "4712"]
    assert body["login"] == name


def test_a_mapping_may_not_speak_for_the_identity_provider(idp: RunningIdp) -> None:
    for claim in ("sub", "iss", "user_uuid", "email_verified"):
        body = {"settings": {"claims": {claim: "email"}}}
        assert idp.admin("PUT", "/applications/some", body).status_code == 400


def test_a_code_works_once_and_its_replay_ends_what_it_gave(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    code = code_in(person.log_in(person.authorize(application), name))
    tokens = idp.redeem(application, code).json()
    replay = idp.redeem(application, code)
    assert replay.status_code == 400
    assert replay.json()["error"] == "invalid_grant"
    again = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert idp.http.get("/oauth2/userinfo", headers=bearer).status_code == 401


def test_a_code_is_for_the_application_that_asked(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    code = code_in(person.log_in(person.authorize(application), name))
    assert idp.redeem(idp.application(), code).json()["error"] == "invalid_grant"
    assert idp.redeem(application, code).json()["error"] == "invalid_grant"


def test_a_code_ends(idp: RunningIdp, application: RegisteredApplication, person: Person, name: str) -> None:
    idp.user(name)
    code = code_in(person.log_in(person.authorize(application), name))
    idp.clock.advance(minutes=3)
    assert idp.redeem(application, code).json()["error"] == "invalid_grant"


def test_the_redirect_uri_must_be_the_same(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    code = code_in(person.log_in(person.authorize(application), name))
    assert (
        idp.redeem(application, code, redirect_uri="https://app.example.com/other").json()["error"] == "invalid_grant"
    )


@pytest.mark.parametrize(
    ("challenge", "verifier", "status"),
    [(S256, VERIFIER, 200), (S256, "w" * 64, 400), (S256, None, 400), ({}, VERIFIER, 400)],
)
def test_the_verifier_must_fit_the_challenge(
    idp: RunningIdp, name: str, challenge: dict[str, str], verifier: str | None, status: int
) -> None:
    idp.user(name)
    application, person = idp.application(), idp.person()
    code = code_in(person.log_in(person.authorize(application, **challenge), name))
    person.http.close()
    answer = idp.redeem(application, code, **({"code_verifier": verifier} if verifier else {}))
    assert answer.status_code == status


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example.com/login/callback",
        "https://app.example.com.evil.example/login/callback",
        "https://app.example.com@evil.example/login/callback",
        "https://app.example.com/login/callback/../../elsewhere",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_where_the_application_is_not(
    application: RegisteredApplication, person: Person, redirect_uri: str
) -> None:
    answer = person.authorize(application, redirect_uri=redirect_uri)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_an_unknown_application_is_told_on_a_page(person: Person) -> None:
    answer = person.authorize(RegisteredApplication("", {"clientid": "<script>"}))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<script>" not in answer.text.replace('<script src="/resources', "")


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "x"}, "invalid_request"),
        ({"response_mode": "jwt"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"app_tid": "another-tenant"}, "invalid_request"),
    ],
)
def test_mistakes_go_back_to_the_application(
    application: RegisteredApplication, person: Person, parameters: dict[str, str], error: str
) -> None:
    answer = person.authorize(application, state="s", **parameters)
    assert query_of(answer)["error"] == error
    assert query_of(answer)["state"] == "s"


def test_an_answer_is_posted_to_an_application_that_wants_it_so(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    mode = {"response_mode": "form_post", "state": 's"<1>'}
    action, told = posted(person.authorize(application, prompt="none", **mode))
    assert (action, told["error"]) == (CALLBACK, "login_required")
    action, told = posted(person.authorize(application, request="x", **mode))
    assert (action, told["error"]) == (CALLBACK, "invalid_request")

    action, told = posted(person.log_in(person.authorize(application, **mode), name))

    assert (action, told.keys()) == (CALLBACK, {"code", "state", "iss"})
    assert (told["state"], told["iss"]) == ("s&#34;&lt;1&gt;", idp.url)
    assert idp.redeem(application, told["code"]).status_code == 200


def posted(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Return where a page sends a form by itself, and its fields."""
    assert page.status_code == 200, page.text
    [action] = re.findall(r'<form method="post" action="([^"]+)" data-send-on>', page.text)
    return action, dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))


def test_every_answer_names_the_issuer(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    """RFC 9207, as the metadata promises."""
    idp.user(name)
    assert query_of(person.authorize(application, prompt="none"))["iss"] == idp.url
    assert query_of(person.log_in(person.authorize(application), name))["iss"] == idp.url
    document = idp.http.get("/.well-known/openid-configuration").json()
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["response_modes_supported"] == ["query", "fragment", "form_post"]
    in_fragment = person.authorize(application, prompt="none", response_mode="fragment").headers["location"]
    assert parse_qs(urlsplit(in_fragment).fragment)["iss"] == [idp.url]


def test_prompt_login_asks_again_and_max_age_too(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    code_in(person.log_in(person.authorize(application), name))
    assert "Log in" in person.authorize(application, prompt="login").text
    assert code_in(person.authorize(application, prompt="none"))
    idp.clock.advance(minutes=10)
    assert "Log in" in person.authorize(application, max_age="300").text
    assert query_of(person.authorize(application, max_age="300", prompt="none"))["error"] == "login_required"


def test_a_public_client_needs_a_challenge_and_its_refresh_tokens_work_once(
    idp: RunningIdp, person: Person, name: str
) -> None:
    idp.user(name)
    public = idp.application(public=True, grant_types=["authorization_code", "refresh_token"])
    assert query_of(person.authorize(public))["error"] == "invalid_request"
    page = person.authorize(public, code_challenge=CHALLENGE, code_challenge_method="S256")
    code = code_in(person.log_in(page, name))
    form = {"client_id": public.client_id, "redirect_uri": "https://app.example.com/login/callback", "code": code}
    form |= {"grant_type": "authorization_code", "code_verifier": VERIFIER}
    first = idp.http.post("/oauth2/token", data=form).json()

    def refresh(token: str):
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": public.client_id}
        return idp.http.post("/oauth2/token", data=form)

    second = refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    # Who comes with the old one has it from somebody: everything ends.
    assert refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


def test_refresh(idp: RunningIdp, application: RegisteredApplication, name: str) -> None:
    idp.user(name, groups=["Before"])
    first = idp.tokens(application, name, nonce="n")
    idp.user(name, groups=["After"])
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "app_tid": "tenant-1"}
    second = idp.token(application, **form).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert claims(second["access_token"])["groups"] == ["After"]
    assert claims(second["access_token"])["sid"] == claims(first["access_token"])["sid"]
    assert "nonce" not in claims(second["id_token"])
    assert idp.token(idp.application(), **form).json()["error"] == "invalid_grant"
    idp.clock.advance(hours=13)
    assert idp.token(application, **form).json()["error"] == "invalid_grant"


def test_the_caller_may_shorten_how_long_it_may_refresh(
    idp: RunningIdp, application: RegisteredApplication, person: Person, name: str
) -> None:
    idp.user(name)
    code = code_in(person.log_in(person.authorize(application), name))
    assert "refresh_token" not in idp.redeem(application, code, refresh_expiry="0").json()
    code = code_in(person.authorize(application))
    assert idp.redeem(application, code, refresh_expiry="-1").status_code == 400


def test_a_locked_user_gets_no_new_tokens(idp: RunningIdp, application: RegisteredApplication, name: str) -> None:
    idp.user(name)
    tokens = idp.tokens(application, name)
    idp.user(name, active=False)
    answer = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.json()["error"] == "invalid_grant"
    exchanged = idp.token(application, grant_type=JWT_BEARER, assertion=tokens["id_token"])
    assert exchanged.json()["error"] == "invalid_grant"


def test_client_credentials(idp: RunningIdp, application: RegisteredApplication) -> None:
    tokens = idp.token(application, grant_type="client_credentials").json()
    body = claims(tokens["access_token"])
    assert body["sub"] == body["azp"] == application.client_id
    assert body["sap_id_type"] == "app"
    assert "id_token" not in tokens
    assert "refresh_token" not in tokens


def test_the_same_secret_may_come_twice_but_not_two(idp: RunningIdp, application: RegisteredApplication) -> None:
    form = {"grant_type": "client_credentials", "client_id": application.client_id}
    auth = (application.client_id, application.secret)
    both = idp.http.post("/oauth2/token", data={**form, "client_secret": application.secret}, auth=auth)
    assert both.status_code == 200
    differing = idp.http.post("/oauth2/token", data={**form, "client_secret": "another"}, auth=auth)
    assert differing.status_code == 400


@pytest.mark.parametrize("auth", [("nobody", "secret"), None, "wrong"])
def test_who_does_not_prove_who_it_is_is_refused(
    idp: RunningIdp, application: RegisteredApplication, auth: tuple[str, str] | str | None
) -> None:
    credentials = (application.client_id, "wrong") if auth == "wrong" else auth
    answer = idp.http.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=credentials)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_an_ended_binding_ends_its_secret_alone(idp: RunningIdp) -> None:
    application = idp.application()
    second = idp.admin("PUT", f"/applications/{application.id}/bindings/b2").json()["clientsecret"]
    assert second != application.secret
    assert idp.admin("PUT", f"/applications/{application.id}/bindings/b2").json()["clientsecret"] == second
    assert idp.admin("DELETE", f"/applications/{application.id}/bindings/b1").status_code == 204
    assert idp.token(application, grant_type="client_credentials").status_code == 401
    auth = (application.client_id, second)
    assert idp.http.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "sing"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unauthorized_client"),
        ({"grant_type": "client_credentials", "token_format": "opaque"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "app_tid": "foreign"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "resource": "urn:x"}, 400, "invalid_target"),
        ({"grant_type": JWT_BEARER, "assertion": "not.a.token"}, 400, "invalid_grant"),
    ],
)
def test_mistakes_at_the_token_endpoint(
    idp: RunningIdp, application: RegisteredApplication, form: dict[str, str], status: int, error: str
) -> None:
    answer = idp.token(application, **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_the_password_grant_where_it_is_switched_on(idp: RunningIdp, name: str) -> None:
    idp.user(name)
    application = idp.application(grant_types=["password"])
    good = idp.token(application, grant_type="password", username=name, password=PASSWORD)
    assert claims(good.json()["access_token"])["amr"] == ["pwd"]
    bad = idp.token(application, grant_type="password", username=name, password="wrong")
    assert bad.json()["error"] == "invalid_grant"
    idp.user(name, PASSWORD, must_change_password=True)
    idp.user(name, "another password", must_change_password=True)
    more = idp.token(application, grant_type="password", username=name, password="another password")
    assert more.json()["error"] == "invalid_grant"


def test_a_token_for_an_application_that_one_depends_on(idp: RunningIdp, name: str) -> None:
    idp.user(name)
    provider = idp.application(app_tid="tenant-2")
    caller = idp.application(dependencies={"orders": {"client_id": provider.client_id, "apis": ["read", "write"]}})
    tokens = idp.tokens(caller, name)
    resource = "urn:sap:identity:application:provider:name:orders"
    user = idp.token(caller, grant_type=JWT_BEARER, assertion=tokens["id_token"], resource=resource).json()
    body = claims(user["access_token"])
    assert body["aud"] == provider.client_id
    assert body["azp"] == caller.client_id
    assert body["ias_apis"] == ["read", "write"]
    assert body["app_tid"] == "tenant-2"
    assert body["azp_app_tid"] == "tenant-1"
    assert body["email"] == f"{name}@example.com"
    own = claims(idp.token(caller, grant_type="client_credentials", resource=resource).json()["access_token"])
    assert own["aud"] == provider.client_id
    assert own["sub"] == own["azp"] == caller.client_id
    # The provider may exchange what was issued for it; a stranger may not.
    assert idp.token(provider, grant_type=JWT_BEARER, assertion=user["access_token"]).status_code == 200
    foreign = idp.token(idp.application(), grant_type=JWT_BEARER, assertion=user["access_token"])
    assert foreign.json()["error"] == "invalid_grant"
    undeclared = idp.token(idp.application(), grant_type="client_credentials", resource=resource)
    assert undeclared.json()["error"] == "invalid_target"


def test_jwt_bearer_takes_no_token_of_an_application(idp: RunningIdp, application: RegisteredApplication) -> None:
    own = idp.token(application, grant_type="client_credentials").json()["access_token"]
    assert idp.token(application, grant_type=JWT_BEARER, assertion=own).json()["error"] == "invalid_grant"


def test_userinfo(idp: RunningIdp, application: RegisteredApplication, name: str) -> None:
    user = idp.user(name)
    tokens = idp.tokens(application, name)
    answer = idp.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert answer.json()["user_uuid"] == user["id"]
    assert answer.json()["sub"] == claims(tokens["id_token"])["sub"]
    assert answer.json()["name"] == f"{name.capitalize()} Example"
    for bad in (
        tokens["id_token"],
        "x",
        idp.token(application, grant_type="client_credentials").json()["access_token"],
    ):
        refused = idp.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {bad}"})
        assert refused.status_code in {401, 403}
        assert refused.headers["www-authenticate"].startswith("Bearer")


def test_introspection_tells_whom_the_token_concerns(
    idp: RunningIdp, application: RegisteredApplication, name: str
) -> None:
    idp.user(name)
    token = idp.tokens(application, name)["access_token"]

    def introspect(by: RegisteredApplication) -> dict:
        return idp.http.post("/oauth2/introspect", data={"token": token}, auth=(by.client_id, by.secret)).json()

    assert introspect(application)["active"] is True
    assert introspect(application)["client_id"] == application.client_id
    assert introspect(idp.application()) == {"active": False}
    idp.clock.advance(hours=2)
    assert introspect(application) == {"active": False}


def test_a_token_for_userinfo_may_come_in_a_form_but_in_no_query(
    idp: RunningIdp, application: RegisteredApplication, name: str
) -> None:
    idp.user(name)
    token = {"access_token": idp.tokens(application, name)["access_token"]}
    assert idp.http.post("/oauth2/userinfo", data=token).json()["sub"] == f"{name}@example.com"
    assert idp.http.get("/oauth2/userinfo", params=token).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revocation(idp: RunningIdp, application: RegisteredApplication, name: str, which: str) -> None:
    idp.user(name)
    tokens = idp.tokens(application, name)

    def revoke(by: RegisteredApplication):
        return idp.http.post("/oauth2/revoke", data={"token": tokens[which]}, auth=(by.client_id, by.secret))

    def active() -> bool:
        auth = (application.client_id, application.secret)
        answer = idp.http.post("/oauth2/introspect", data={"token": tokens["access_token"]}, auth=auth)
        return answer.json()["active"]

    assert revoke(idp.application()).json() == {}
    assert active()
    assert revoke(application).json() == {}
    assert not active()
    answer = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.json()["error"] == "invalid_grant"


def test_discovery(idp: RunningIdp) -> None:
    document = idp.http.get("/.well-known/openid-configuration").json()
    # Clients that take no issuer without a path are given this one.
    assert idp.http.get("/oauth2/.well-known/openid-configuration").json() == document
    assert document["issuer"] == idp.url
    assert document["token_endpoint"] == f"{idp.url}/oauth2/token"
    assert JWT_BEARER in document["grant_types_supported"]
    assert document["backchannel_logout_supported"] is True


def test_keys_are_for_related_applications(idp: RunningIdp, application: RegisteredApplication) -> None:
    provider = idp.application(tenants=["subscribed"])
    caller = idp.application(dependencies={"it": {"client_id": provider.client_id}})

    def status(**headers: str) -> int:
        named = {f"x-{name}": value for name, value in headers.items()}
        return idp.http.get("/oauth2/certs", headers=named).status_code

    assert status() == 200
    assert status(client_id=provider.client_id, app_tid="tenant-1", azp=provider.client_id) == 200
    assert status(client_id=provider.client_id, app_tid="subscribed") == 200
    assert status(client_id=provider.client_id, azp=caller.client_id) == 200
    assert status(client_id=provider.client_id, app_tid="not-subscribed") == 400
    assert status(client_id=provider.client_id, azp=application.client_id) == 400
    assert status(client_id="nobody") == 400
    assert status(client_id=provider.client_id, azp="nobody") == 400
    assert status(app_tid="tenant-1") == 400


def test_a_new_key_is_published_before_it_signs(idp: RunningIdp, application: RegisteredApplication) -> None:
    def signed_with() -> str:
        token = idp.token(application, grant_type="client_credentials").json()["access_token"]
        return pyjwt.get_unverified_header(token)["kid"]

    def published() -> set[str]:
        return {key["kid"] for key in idp.http.get("/oauth2/certs").json()["keys"]}

    old = signed_with()
    old_token = idp.token(application, grant_type="client_credentials").json()["access_token"]
    new = idp.admin("POST", "/keys/rotation").json()["kid"]
    assert {old, new} <= published()
    assert signed_with() == old
    idp.clock.advance(minutes=16)
    assert signed_with() == new
    assert {old, new} <= published()
    auth = (application.client_id, application.secret)
    assert idp.http.post("/oauth2/introspect", data={"token": old_token}, auth=auth).json()["active"]


def test_a_forged_token_is_nobodys(idp: RunningIdp, application: RegisteredApplication, name: str) -> None:
    idp.user(name)
    token = idp.tokens(application, name)["access_token"]
    header, body, signature = token.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    public = idp.http.get("/oauth2/certs").json()["keys"][0]["value"]
    confused = pyjwt.encode(claims(token), hashlib.sha256(public.encode()).hexdigest(), algorithm="HS256")
    for forged in (f"{none}.{body}.", f"{header}.{body}.{signature[:-4]}AAAA", confused):
        answer = idp.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {forged}"})
        assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/users", "/applications/x", "/settings/password-policy"])
def test_administration_needs_the_right(
    idp: RunningIdp, application: RegisteredApplication, name: str, path: str
) -> None:
    idp.user(name)
    url = f"/entryway/v1{path}"
    assert idp.http.get(url).status_code == 401
    assert idp.http.get(url, auth=(application.client_id, application.secret)).status_code == 403
    user_token = idp.tokens(application, name)["access_token"]
    assert idp.http.get(url, headers={"authorization": f"Bearer {user_token}"}).status_code == 403


def test_an_administrators_own_token_administers(idp: RunningIdp) -> None:
    auth = ("entryway-admin", ADMIN_SECRET)
    token = idp.http.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth).json()["access_token"]
    answer = idp.http.get("/entryway/v1/users", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    idp.clock.advance(seconds=timedelta(hours=2).total_seconds())
    assert idp.http.get("/entryway/v1/users", headers={"authorization": f"Bearer {token}"}).status_code == 401


# --- scripts of public applications


SPA = "https://spa.acme.example"


@pytest.mark.parametrize(
    ("origin", "is_known"),
    [
        (SPA, True),
        ("https://a.apps.example", True),
        ("http://localhost:3000", True),
        ("https://spa.acme.example:444", False),
        ("https://evil-apps.example", False),
        ("null", False),
    ],
)
def test_scripts_of_known_origins_alone_read_what_applications_are_answered(
    idp: RunningIdp,
    origin: str,
    is_known: bool,  # noqa: FBT001 - a table
) -> None:
    idp.set("scripts", cors_origins=[SPA, "https://*.apps.example"])
    shown = [origin] if is_known else []
    asked = {"origin": origin, "access-control-request-method": "POST"}
    for path in ("/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke"):
        preflight = idp.http.request("OPTIONS", path, headers=asked)
        answer = idp.http.post(path, data={"grant_type": "x"}, headers={"origin": origin})
        assert preflight.status_code == (204 if is_known else 405)
        for each in (preflight, answer):
            assert each.headers.get_list("access-control-allow-origin") == shown
            assert "access-control-allow-credentials" not in each.headers


def test_scripts_of_anybody_read_keys_and_metadata_and_nothing_else(idp: RunningIdp) -> None:
    for path in ("/oauth2/certs", "/.well-known/openid-configuration"):
        answer = idp.http.get(path, headers={"origin": "https://any.example"})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    for path in ("/login", "/oauth2/authorize", "/oauth2/introspect", "/scim/Users", "/entryway/v1/users", "/profile"):
        answer = idp.http.get(path, headers={"origin": "http://localhost:3000"})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["*", "http://a.example", "https://a.example/", "https://*"])
def test_what_is_no_origin_is_refused(idp: RunningIdp, origin: str) -> None:
    assert idp.admin("PUT", "/settings/scripts", {"cors_origins": [origin]}).status_code == 400
