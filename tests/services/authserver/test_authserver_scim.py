from __future__ import annotations

import uuid
from typing import Any

import pytest
from admin_client import Administrator, administrator, encoded

from entryway.testing.authserver import BoundApplication, RunningAuthServer

USER, GROUP = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:core:2.0:Group"
OLDER = "urn:scim:schemas:core:1.0"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:8]


def make(admin: Administrator, user_name: str, **more: Any) -> dict:
    body = {"schemas": [USER], "userName": user_name, "emails": [{"value": f"{user_name}@example.com"}], **more}
    made = admin.anywhere("POST", "/Users", body)
    assert made.status_code == 201, made.text
    return made.json()


def collection(admin: Administrator, name: str, *members: str) -> dict:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each, "type": "USER"} for each in members]}
    made = admin.anywhere("POST", "/Groups", body)
    assert made.status_code == 201, made.text
    return made.json()


def members(admin: Administrator, name: str) -> list[str]:
    found = admin.anywhere("GET", f"/Groups/{encoded(name)}")
    assert found.status_code == 200, found.text
    return [each["value"] for each in found.json().get("members", [])]


def test_a_user_is_made_found_changed_and_deleted(
    server: RunningAuthServer, admin: Administrator, app: BoundApplication, unique: str
) -> None:
    user = make(admin, f"una-{unique}", password="correct horse", name={"givenName": "Una", "familyName": "May"})
    assert (user["origin"], user["active"], "password" in user) == ("entryway", True, False)
    form = {"grant_type": "password", "username": f"una-{unique}", "password": "correct horse"}
    assert server.token(app, **form).status_code == 200
    path = f"/Users/{user['id']}"
    found = admin.anywhere("GET", f'/Users?filter=userName eq "UNA-{unique}" and origin eq "entryway"').json()
    assert [each["id"] for each in found["Resources"]] == [user["id"]]
    body = {"schemas": [USER], "userName": f"una-{unique}", "externalId": "42", "name": {"givenName": "Uma"}}
    changed = admin.anywhere("PUT", path, body).json()
    assert (changed["externalId"], changed["name"], "emails" in changed) == ("42", {"givenName": "Uma"}, False)
    assert server.token(app, **form).status_code == 200
    assert admin.anywhere("DELETE", path).status_code == 204
    assert admin.anywhere("GET", path).status_code == 404
    assert server.token(app, **form).status_code == 401


def test_users_are_found_by_names_in_any_case(admin: Administrator, unique: str) -> None:
    name = {"givenName": f"Émile{unique}", "familyName": f"Å%_{unique}"}
    user = make(admin, f"ém-{unique}", name=name, externalId=f"X{unique}")
    for term in (
        f'name.givenName eq "éMILE{unique}"',
        f'name.givenName sw "ÉMILE{unique[:6]}"',
        f'name.familyName sw "å%_{unique[:4]}"',
        f'emails.value eq "ÉM-{unique}@EXAMPLE.com"',
        f'emails co "ÉM-{unique}"',
        f'externalId sw "X{unique}"',
    ):
        found = admin.anywhere("GET", f"/Users?filter={encoded(term)}").json()
        assert [each["id"] for each in found["Resources"]] == [user["id"]], term
    for term in (f'name.familyName sw "åx_{unique[:4]}"', f'externalId eq "x{unique}"'):
        assert admin.anywhere("GET", f"/Users?filter={encoded(term)}").json()["totalResults"] == 0, term


def test_a_user_who_is_switched_off_is_out_at_once(
    server: RunningAuthServer, admin: Administrator, app: BoundApplication, unique: str
) -> None:
    user = make(admin, f"off-{unique}", password="correct horse")
    form = {"grant_type": "password", "username": f"off-{unique}", "password": "correct horse"}
    tokens = server.token(app, **form).json()
    change = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert admin.anywhere("PATCH", f"/Users/{user['id']}", change).json()["active"] is False
    assert server.token(app, **form).status_code == 401
    assert server.token(app, grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status_code == 401
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert server.http.get("/userinfo", headers=bearer).status_code == 401
    change["Operations"][0]["value"] = True
    assert admin.anywhere("PATCH", f"/Users/{user['id']}", change).status_code == 200
    assert server.token(app, **form).status_code == 200
    # What was ended does not come back.
    assert server.http.get("/userinfo", headers=bearer).status_code == 401


def test_a_user_of_another_origin_is_there_before_their_first_logon(admin: Administrator, unique: str) -> None:
    config = {"issuer": "https://login.example.com", "client_id": "me", "client_secret": "s"}
    provider = {"type": "oidc1.0", "originKey": f"o-{unique}", "name": "Company", "config": config}
    assert admin.anywhere("POST", "/sap/rest/identity-providers", provider).status_code == 201
    user = make(admin, f"pre-{unique}", origin=f"o-{unique}")
    assert make(admin, f"pre-{unique}")["id"] != user["id"]
    body = {"schemas": [USER], "userName": f"pre-{unique}"}
    assert admin.anywhere("POST", "/Users", {**body, "origin": f"o-{unique}"}).status_code == 409
    assert admin.anywhere("POST", "/Users", {**body, "origin": "nobody"}).status_code == 400
    assert admin.anywhere("POST", "/Users", {**body, "origin": f"o-{unique}", "password": "x"}).status_code == 400
    assert admin.anywhere("PUT", f"/Users/{user['id']}", {**body, "origin": "entryway"}).status_code == 400


def test_role_collections_are_groups(admin: Administrator, unique: str) -> None:
    one, two, three = (make(admin, f"{each}-{unique}")["id"] for each in ("a", "b", "c"))
    name = f"Group / {unique}"
    assert collection(admin, name, one)["id"] == name
    path = f"/Groups/{encoded(name)}"
    add = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"value": two}]}]}
    assert admin.anywhere("PATCH", path, add).status_code == 200
    assert set(members(admin, name)) == {one, two}
    remove = {"schemas": [PATCH], "Operations": [{"op": "remove", "path": f'members[value eq "{one}"]'}]}
    assert admin.anywhere("PATCH", path, remove).status_code == 200
    whole = {"schemas": [GROUP], "displayName": name, "description": "all", "members": [{"value": three}]}
    assert admin.anywhere("PUT", path, whole).json()["description"] == "all"
    assert members(admin, name) == [three]
    assert admin.anywhere("GET", f"/Users/{three}").json()["groups"] == [
        {"value": name, "display": name, "type": "DIRECT"}
    ]
    found = admin.anywhere("GET", f'/Groups?filter=displayName co "{unique}"&sortBy=displayName').json()
    assert [each["displayName"] for each in found["Resources"]] == [name]
    having = admin.anywhere("GET", f'/Users?filter=groups.value eq "{name}"').json()
    assert [each["id"] for each in having["Resources"]] == [three]
    assert admin.anywhere("DELETE", path).status_code == 204
    assert admin.anywhere("GET", path).status_code == 404


def test_the_older_dialect_is_understood(admin: Administrator, unique: str) -> None:
    body = {"schemas": [OLDER], "userName": f"old-{unique}", "name": {"givenName": "O"}, "verified": True}
    user = admin.anywhere("POST", "/Users", body).json()
    without = admin.anywhere("POST", "/Users", {"userName": f"bare-{unique}"})
    assert without.status_code == 201, without.text
    one, two = user["id"], without.json()["id"]
    name = f"Older {unique}"
    assert admin.anywhere("POST", "/Groups", {"schemas": [OLDER], "displayName": name}).status_code == 201
    path = f"/Groups/{encoded(name)}"
    new = {"schemas": [OLDER], "members": [{"value": one, "type": "USER", "origin": "entryway"}, {"value": two}]}
    assert admin.anywhere("PATCH", path, new).status_code == 200
    assert set(members(admin, name)) == {one, two}
    gone = {"schemas": [OLDER], "members": [{"value": one, "type": "USER", "operation": "delete"}]}
    assert admin.anywhere("PATCH", path, gone).status_code == 200
    assert members(admin, name) == [two]
    changed = admin.anywhere("PATCH", f"/Users/{one}", {"schemas": [OLDER], "name": {"givenName": "Ola"}})
    assert (changed.status_code, changed.json()["name"]) == (200, {"givenName": "Ola"})


def test_what_an_application_declares_is_given_and_not_changed(
    admin: Administrator, app: BoundApplication, unique: str
) -> None:
    user, name = make(admin, f"vi-{unique}")["id"], f"{app.name.partition('!')[0]} Viewer"
    path = f"/Groups/{encoded(name)}"
    whole = {"schemas": [GROUP], "displayName": name, "members": [{"value": user}]}
    assert admin.anywhere("PUT", path, whole).status_code == 200
    assert members(admin, name) == [user]
    assert admin.anywhere("PUT", path, {**whole, "description": "mine"}).status_code == 400
    assert admin.anywhere("PUT", path, {**whole, "displayName": "mine"}).status_code == 400
    assert admin.anywhere("DELETE", path).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", {"schemas": [USER]}, 400),
        ("POST", "/Users", {"schemas": ["urn:else"], "userName": "x"}, 400),
        ("POST", "/Users", {"userName": "x" * 256}, 400),
        ("POST", "/Users", {"userName": "a\tb"}, 400),
        ("POST", "/Users", [], 400),
        ("POST", "/Users", {"userName": "ok", "shoeSize": 43}, 400),
        ("POST", "/Groups", {"displayName": " padded"}, 400),
        ("POST", "/Groups", {"displayName": "x" * 65}, 400),
        ("POST", "/Groups", {"displayName": "members of nobody", "members": [{"value": "nobody"}]}, 400),
        ("POST", "/Groups", {"displayName": "groups", "members": [{"value": "x", "type": "GROUP"}]}, 400),
        ("POST", "/Groups", {"displayName": "Subaccount Viewer"}, 409),
        ("GET", '/Users?filter=password eq "x"', None, 400),
        ("GET", "/Users?filter=userName eq", None, 400),
        ("GET", "/Users?count=many", None, 400),
        ("GET", "/Users/nobody", None, 404),
        ("GET", "/Groups/nothing", None, 404),
        ("GET", "/Groups/a%00b", None, 404),
        ("PATCH", "/Users", {}, 405),
    ],
)
def test_what_makes_no_sense_is_refused(admin: Administrator, method: str, path: str, body: Any, status: int) -> None:
    answer = admin.anywhere(method, path, body)
    assert answer.status_code == status, answer.text
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_a_filter_is_a_value_and_never_a_statement(admin: Administrator) -> None:
    for text in ("' or '1'='1", "%", "_", 'x\\" or userName pr or userName eq \\"y'):
        answer = admin.anywhere("GET", f'/Users?filter=userName eq "{text}"')
        assert (answer.status_code, answer.json().get("totalResults")) == (200, 0)


def test_pages_are_bounded(admin: Administrator, unique: str) -> None:
    for number in range(3):
        make(admin, f"page{number}-{unique}")
    path = f'/Users?filter=userName co "{unique}"&sortBy=userName&count=2&startIndex='
    first, second = (admin.anywhere("GET", f"{path}{start}").json() for start in (1, 3))
    assert (first["totalResults"], first["itemsPerPage"], second["itemsPerPage"]) == (3, 2, 1)
    assert [each["userName"] for each in second["Resources"]] == [f"page2-{unique}"]


def test_only_who_may_sees_and_changes_users(
    server: RunningAuthServer, admin: Administrator, app: BoundApplication
) -> None:
    assert server.http.get("/Users").status_code == 401
    other = Administrator(server, server.token(app, grant_type="client_credentials").json()["access_token"])
    assert other.anywhere("GET", "/Users").status_code == 403
    made = admin.done("POST", "/apiCredentials", {"name": f"r {uuid.uuid4().hex[:8]}", "readOnly": True})
    token = server.token(BoundApplication("", made["credentials"]), grant_type="client_credentials").json()
    reader = Administrator(server, token["access_token"])
    assert reader.anywhere("GET", "/Users?count=1").status_code == 200
    assert reader.anywhere("POST", "/Users", {"userName": "x"}).status_code == 403
    assert reader.anywhere("DELETE", "/Groups/Subaccount%20Viewer").status_code == 403
