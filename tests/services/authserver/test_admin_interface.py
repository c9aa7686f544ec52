from __future__ import annotations

import uuid
from urllib.parse import urlencode

import pytest
from product_descriptor import products
from test_token_endpoint import claims

from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql

CREDENTIAL_KEYS = {
    "apiurl",
    "clientid",
    "clientsecret",
    "credential-type",
    "identityzone",
    "identityzoneid",
    "sburl",
    "serviceInstanceId",
    "subaccountid",
    "tenantid",
    "tenantmode",
    "uaadomain",
    "url",
    "verificationkey",
    "xsappname",
    "zoneid",
}


def new_id() -> str:
    return str(uuid.uuid4())


def test_an_application_is_created_and_updated(server: RunningAuthServer) -> None:
    instance, name = new_id(), f"made-{uuid.uuid4().hex[:6]}"
    body = {"plan": "application", "xs_security": products(name)}
    first = server.platform("PUT", f"/applications/{instance}", body)
    assert first.status_code == 201
    assert first.json() == {"xsappname": f"{name}!t1", "clientid": f"sb-{name}!t1"}
    assert server.platform("PUT", f"/applications/{instance}", body).status_code == 200


def test_credentials_are_what_libraries_expect(server: RunningAuthServer, app: BoundApplication) -> None:
    given = app.credentials
    assert given.keys() == CREDENTIAL_KEYS
    assert all(isinstance(value, str) for value in given.values())
    assert given["url"] == server.url
    assert given["uaadomain"] == server.url.removeprefix("https://")
    assert given["verificationkey"].startswith("-----BEGIN PUBLIC KEY-----\n")
    assert given["identityzone"] == "dev"
    assert given["zoneid"] == given["tenantid"] == given["identityzoneid"]
    binding, dollar, chance = given["clientsecret"].partition("$")
    assert uuid.UUID(binding)
    assert dollar
    assert len(chance) == 44


def test_the_same_binding_has_the_same_secret_and_another_has_its_own(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    binding = new_id()
    first, again = server.bind(app.instance_id, binding), server.bind(app.instance_id, binding)
    assert first.credentials == again.credentials
    other = server.bind(app.instance_id)
    assert other.secret != first.secret
    for bound in (app, first, other):
        assert server.token(bound, grant_type="client_credentials").status_code == 200


def test_a_deleted_bindings_secret_is_worth_nothing(server: RunningAuthServer, app: BoundApplication) -> None:
    binding = new_id()
    bound = server.bind(app.instance_id, binding)
    path = f"/applications/{app.instance_id}/bindings/{binding}"
    assert server.platform("DELETE", path).status_code == 204
    assert server.token(bound, grant_type="client_credentials").status_code == 401
    assert server.token(app, grant_type="client_credentials").status_code == 200
    assert server.platform("DELETE", path).status_code == 404


def test_a_clone_has_the_masters_name_in_its_own(server: RunningAuthServer) -> None:
    clone = server.clone("connectivity")
    assert clone.name == f"clone-{clone.instance_id}!b1|connectivity!b1"
    assert clone.client_id == f"sb-{clone.name}"
    assert clone.credentials["xsmasterappname"] == "connectivity!b1"
    token = claims(server.token(clone, grant_type="client_credentials").json()["access_token"])
    assert token["ext_attr"]["serviceinstanceid"] == clone.instance_id
    assert "uaa.resource" in token["scope"]
    body = {"plan": "clone", "master": "connectivity"}
    assert server.platform("PUT", f"/applications/{clone.instance_id}", body).status_code == 200


def test_a_deleted_application_is_gone_with_its_client_and_roles(
    server: RunningAuthServer, app: BoundApplication, viewer: str
) -> None:
    assert server.platform("DELETE", f"/applications/{app.instance_id}").status_code == 204
    assert server.token(app, grant_type="client_credentials").status_code == 401
    assert server.platform("DELETE", f"/applications/{app.instance_id}").status_code == 404
    users = server.platform("GET", "/users").json()["users"]
    assert next(user for user in users if user["user_name"] == viewer)["role_collections"] == []


@pytest.mark.parametrize(
    ("path", "key", "name"), [("/users", "users", "user_name"), ("/role-collections", "role_collections", "name")]
)
def test_users_and_role_collections_are_listed_page_by_page(
    server: RunningAuthServer, app: BoundApplication, path: str, key: str, name: str
) -> None:
    for number in range(3):
        server.user(f"Paged {number} {app.name}", "correct horse", [f"{app.name.partition('!')[0]} Viewer"])
    whole = server.platform("GET", path).json()[key]
    seen: list[dict] = []
    after: str | None = ""
    while after is not None:
        page = server.platform("GET", f"{path}?{urlencode({'limit': 2, 'after': after})}").json()
        assert 0 < len(page[key]) <= 2
        seen += page[key]
        after = page["next"]
    assert seen == whole
    assert len({(row.get("origin"), row[name]) for row in seen}) == len(seen) > 2


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=²", "after=%00", f"after={'a' * 1001}"]
)
def test_what_is_no_page_is_refused(server: RunningAuthServer, query: str) -> None:
    for path in ("/users", "/role-collections"):
        assert server.platform("GET", f"{path}?{query}").status_code == 400


def test_a_page_after_nobody_is_empty(server: RunningAuthServer, app: BoundApplication) -> None:
    answer = server.platform("GET", "/users?after=zzzz%20%C3%BC&limit=5")
    assert answer.json() == {"users": [], "next": None}
    assert server.platform("GET", "/role-collections?after=%F4%8F%BF%BF").json()["next"] is None


@pytest.mark.parametrize("protected", ["destination-xsappname", "connectivity", "entryway-platform"])
def test_the_landscapes_own_applications_cannot_be_deleted(server: RunningAuthServer, protected: str) -> None:
    assert server.platform("DELETE", f"/applications/{protected}").status_code == 404


def test_a_wrong_descriptor_is_answered_with_all_its_mistakes(server: RunningAuthServer) -> None:
    wrong = {
        "xsappname": "no blanks allowed",
        "scopes": [{"name": "Display"}],
        "role-templates": [{"name": "T", "scope-references": ["$XSAPPNAME.Missing"]}],
    }
    answer = server.platform("PUT", f"/applications/{new_id()}", {"plan": "application", "xs_security": wrong})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["entryway-error"] == "configuration_invalid"
    problem = answer.json()
    assert {mistake["path"] for mistake in problem["mistakes"]} == {
        "/xsappname",
        "/scopes/0/name",
        "/role-templates/0/scope-references/0",
    }
    assert problem["detail"].startswith("Error parsing xs-security.json data: Inconsistent xs-security.json: ")


def test_an_update_must_not_rename_the_application(server: RunningAuthServer, app: BoundApplication) -> None:
    body = {"plan": "application", "xs_security": {"xsappname": "renamed"}}
    answer = server.platform("PUT", f"/applications/{app.instance_id}", body)
    assert answer.status_code == 400
    assert answer.json()["mistakes"][0]["path"] == "/xsappname"


def test_an_update_replaces_everything_and_keeps_assignments(
    server: RunningAuthServer, app: BoundApplication, viewer: str
) -> None:
    name = app.name.partition("!")[0]
    descriptor = products(name)
    descriptor["scopes"].append({"name": "$XSAPPNAME.Print"})
    descriptor["role-templates"][0]["scope-references"].append("$XSAPPNAME.Print")
    del descriptor["role-collections"][1]
    server.deploy(descriptor, app.instance_id)
    token = server.token(app, grant_type="password", username=viewer, password="correct horse").json()
    assert f"{app.name}.Print" in token["scope"].split()
    names = [row["name"] for row in server.platform("GET", "/role-collections").json()["role_collections"]]
    assert f"{name} Viewer" in names
    assert f"{name} Editor" not in names


def test_an_update_must_not_change_a_role_collection_that_users_have(
    server: RunningAuthServer, app: BoundApplication, viewer: str
) -> None:
    descriptor = products(app.name.partition("!")[0])
    descriptor["role-collections"][0]["role-template-references"].append("$XSAPPNAME.Editor")
    body = {"plan": "application", "xs_security": descriptor}
    answer = server.platform("PUT", f"/applications/{app.instance_id}", body)
    assert answer.status_code == 400
    assert answer.json()["mistakes"][0]["rule"].startswith("Cannot add or remove role-template-references")


def test_two_applications_cannot_share_a_name_or_a_role_collection(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    name = app.name.partition("!")[0]
    same = server.platform(
        "PUT", f"/applications/{new_id()}", {"plan": "application", "xs_security": {"xsappname": name}}
    )
    assert same.status_code == 409
    taken = products(f"other-{name}")
    taken["role-collections"][0]["name"] = f"{name} Viewer"
    answer = server.platform("PUT", f"/applications/{new_id()}", {"plan": "application", "xs_security": taken})
    assert answer.status_code == 400
    assert "exists already" in answer.json()["mistakes"][0]["rule"]


def test_an_application_without_a_name_is_named_after_its_instance(server: RunningAuthServer) -> None:
    instance = new_id()
    assert server.deploy({}, instance).name == f"na-{instance}!t1"
    assert server.deploy({"scopes": [{"name": "$XSAPPNAME.A"}]}, instance).name == f"na-{instance}!t1"


def test_scopes_granted_to_another_application_need_both_sides(server: RunningAuthServer) -> None:
    tag = uuid.uuid4().hex[:6]
    granting = {
        "xsappname": f"granting-{tag}",
        "scopes": [
            {
                "name": "$XSAPPNAME.Call",
                "grant-as-authority-to-apps": [f"$XSAPPNAME(application,calling-{tag})"],
                "granted-apps": [f"$XSAPPNAME(application,calling-{tag})"],
            },
            {"name": "$XSAPPNAME.Own", "grant-as-authority-to-apps": ["$XSAPPNAME"]},
            {"name": "$XSAPPNAME.Private"},
        ],
        "role-templates": [{"name": "Caller", "scope-references": ["$XSAPPNAME.Call", "$XSAPPNAME.Private"]}],
        "role-collections": [{"name": f"Callers {tag}", "role-template-references": ["$XSAPPNAME.Caller"]}],
    }
    calling = {"xsappname": f"calling-{tag}"}
    # The caller is there first: a reference is resolved when a token is issued.
    caller = server.deploy(calling)
    giver = server.deploy(granting)
    server.user(f"caller-{tag}@example.com", "correct horse", [f"Callers {tag}"])

    def own(bound: BoundApplication) -> set[str]:
        return set(server.token(bound, grant_type="client_credentials").json()["scope"].split())

    def user() -> set[str]:
        form = {"grant_type": "password", "username": f"caller-{tag}@example.com", "password": "correct horse"}
        return set(server.token(caller, **form).json()["scope"].split())

    assert own(caller) == {"uaa.resource"}
    assert user() == {"openid"}
    assert own(giver) == {"uaa.resource", f"{giver.name}.Own"}

    calling |= {
        "authorities": [f"$XSAPPNAME(application,granting-{tag}).Call"],
        "foreign-scope-references": [f"$XSAPPNAME(application,granting-{tag}).Call"],
    }
    server.deploy(calling, caller.instance_id)
    assert own(caller) == {"uaa.resource", f"{giver.name}.Call"}
    assert user() == {"openid", f"{giver.name}.Call"}

    calling |= {
        "authorities": ["$ACCEPT_GRANTED_AUTHORITIES"],
        "foreign-scope-references": ["$ACCEPT_GRANTED_SCOPES"],
    }
    server.deploy(calling, caller.instance_id)
    assert own(caller) == {"uaa.resource", f"{giver.name}.Call"}
    assert user() == {"openid", f"{giver.name}.Call"}


@pytest.mark.parametrize("inherit", [True, False])
def test_a_clone_has_its_masters_authorities_unless_the_master_says_no(
    *, server: RunningAuthServer, inherit: bool
) -> None:
    tag = uuid.uuid4().hex[:6]
    service = {
        "xsappname": f"service-{tag}",
        "authorities": ["$ACCEPT_GRANTED_AUTHORITIES"],
        "authorities-inheritance": inherit,
    }
    body = {"plan": "broker", "xs_security": service}
    assert server.platform("PUT", f"/applications/{new_id()}", body).json()["xsappname"] == f"service-{tag}!b1"
    giver = server.deploy(
        {
            "xsappname": f"giver-{tag}",
            "scopes": [
                {"name": "$XSAPPNAME.Call", "grant-as-authority-to-apps": [f"$XSAPPNAME(broker,service-{tag})"]}
            ],
        }
    )
    clone = server.clone(f"service-{tag}")
    given = set(server.token(clone, grant_type="client_credentials").json()["scope"].split())
    assert given == ({"uaa.resource", f"{giver.name}.Call"} if inherit else {"uaa.resource"})


def test_attributes_of_default_roles_reach_the_token(server: RunningAuthServer) -> None:
    tag = uuid.uuid4().hex[:6]
    app = server.deploy(
        {
            "xsappname": f"attributes-{tag}",
            "attributes": [{"name": "Country", "valueType": "string"}],
            "role-templates": [
                {
                    "name": "Regional",
                    "attribute-references": [{"name": "Country", "default-values": ["DE", "FR"]}],
                }
            ],
            "role-collections": [{"name": f"Regional {tag}", "role-template-references": ["$XSAPPNAME.Regional"]}],
        }
    )
    server.user(f"regional-{tag}", "correct horse", [f"Regional {tag}"])
    answer = server.token(app, grant_type="password", username=f"regional-{tag}", password="correct horse")
    assert claims(answer.json()["access_token"])["xs.user.attributes"] == {"Country": ["DE", "FR"]}


# --- users and tokens


def test_users_are_listed_with_their_role_collections(
    server: RunningAuthServer, app: BoundApplication, viewer: str
) -> None:
    users = server.platform("GET", "/users").json()["users"]
    found = next(user for user in users if user["user_name"] == viewer)
    assert found["role_collections"] == [f"{app.name.partition('!')[0]} Viewer"]
    assert "password" not in str(found)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("without-password", {"given_name": "A"}),
        ("unknown-collection", {"password": "x", "role_collections": ["Nothing of the kind"]}),
        ("wrong-type", {"password": 5}),
        ("empty-password", {"password": ""}),
        ("long-password", {"password": "x" * 2000}),
        ("unknown-key", {"password": "x", "admin": True}),
        ("control", {"password": "x", "given_name": "a\u0000b"}),
        ("a%00b", {"password": "x"}),
        ("%20", {"password": "x"}),
        ("x" * 300, {"password": "x"}),
    ],
)
def test_a_user_that_cannot_be_is_refused(server: RunningAuthServer, name: str, body: dict) -> None:
    answer = server.platform("PUT", f"/users/{name}", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_user_token_for_a_developer_is_like_a_login(
    server: RunningAuthServer, app: BoundApplication, browser: Browser, editor: str
) -> None:
    answer = server.platform("POST", "/tokens", {"instance_id": app.instance_id, "user_name": editor})
    assert answer.status_code == 200
    given = claims(answer.json()["access_token"])
    real = claims(server.redeem(app, browser.log_in(app, editor, "correct horse")).json()["access_token"])
    assert given.keys() == real.keys()
    for name in given.keys() - {"jti", "iat", "exp", "auth_time", "sid"}:
        assert given[name] == real[name]
    refreshed = server.token(app, grant_type="refresh_token", refresh_token=answer.json()["refresh_token"])
    assert refreshed.status_code == 200


@pytest.mark.parametrize("changed", [{"instance_id": "nothing"}, {"user_name": "nobody"}])
def test_a_token_needs_a_user_and_an_application(
    server: RunningAuthServer, app: BoundApplication, editor: str, changed: dict
) -> None:
    body = {"instance_id": app.instance_id, "user_name": editor, **changed}
    assert server.platform("POST", "/tokens", body).status_code == 404


# --- who may ask

EVERY_REQUEST = [
    ("PUT", "/applications/x", {"plan": "application", "xs_security": {}}),
    ("DELETE", "/applications/x", None),
    ("PUT", "/applications/x/bindings/y", None),
    ("DELETE", "/applications/x/bindings/y", None),
    ("GET", "/users", None),
    ("PUT", "/users/x", {"password": "x"}),
    ("DELETE", "/users/x", None),
    ("GET", "/role-collections", None),
    ("POST", "/tokens", {"instance_id": "x", "user_name": "x"}),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERY_REQUEST)
def test_only_the_platform_may_ask(
    server: RunningAuthServer, app: BoundApplication, method: str, path: str, body: dict | None
) -> None:
    own = server.token(app, grant_type="client_credentials").json()["access_token"]
    url = f"/entryway/v1{path}"
    for authorization, status in (
        (None, 401),
        ("Bearer x", 401),
        ("Basic eDp5", 401),
        (f"Bearer {own}", 403),
    ):
        headers = {"authorization": authorization} if authorization else {}
        answer = server.http.request(method, url, json=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_an_expired_platform_token_is_refused(server: RunningAuthServer) -> None:
    headers = {"authorization": f"Bearer {server.platform_token()}"}
    server.clock.advance(hours=1, seconds=1)
    assert server.http.get("/entryway/v1/users", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/applications/a.b", {"plan": "application", "xs_security": {}}),
        ("/applications/a%7Cb", {"plan": "application", "xs_security": {}}),
        (f"/applications/{'x' * 65}", {"plan": "application", "xs_security": {}}),
        ("/applications/ok", {"plan": "application"}),
        ("/applications/ok", {"plan": "platform", "xs_security": {}}),
        ("/applications/ok", {"plan": "clone"}),
        ("/applications/ok", {"plan": "clone", "master": "nothing"}),
        ("/applications/ok", {"plan": "clone", "master": "destination-xsappname", "xs_security": {}}),
        ("/applications/ok", {"plan": "application", "xs_security": []}),
        ("/applications/ok", []),
    ],
)
def test_an_application_that_cannot_be_is_refused(server: RunningAuthServer, path: str, body: object) -> None:
    answer = server.platform("PUT", path, body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff", b'{"plan":"application","xs_security":' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
            b'{"plan":"application","xs_security":{"xsappname":"\\ud800"}}', b'{"plan":' + b"9" * 5000 + b"}",
            b'{"plan":"application","xs_security":{"xsappname":"x","a":NaN}}']
)  # fmt: skip
def test_a_body_that_is_no_json_is_refused(server: RunningAuthServer, raw: bytes) -> None:
    headers = {"authorization": f"Bearer {server.platform_token()}"}
    answer = server.http.put(f"/entryway/v1/applications/{new_id()}", content=raw, headers=headers)
    assert answer.status_code in {400, 201}, answer.text
    assert answer.status_code == 400 or b"NaN" in raw
