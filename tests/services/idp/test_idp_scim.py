from __future__ import annotations

import httpx
import pytest

from entryway.scim.patch import PATCH_SCHEMA
from entryway.scim.schemas import CUSTOM_URN, ENTERPRISE_URN, GROUP_URN, USER_URN
from entryway.testing.idp import ADMIN_SECRET, PASSWORD, Person, RunningIdp, code_in

SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


class Scim:
    """A SCIM client of an administrator."""

    def __init__(self, idp: RunningIdp) -> None:
        self.idp = idp

    def __call__(self, method: str, path: str, body: object = None, **more) -> httpx.Response:
        headers = {"content-type": "application/scim+json"} | more.pop("headers", {})
        auth = ("entryway-admin", ADMIN_SECRET)
        return self.idp.http.request(method, f"/scim{path}", json=body, headers=headers, auth=auth, **more)

    def user(self, user_name: str, /, **more) -> dict:
        answer = self("POST", "/Users", {"schemas": [USER_URN], "userName": user_name, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def group(self, name: str, *members: str) -> dict:
        body = {"schemas": [GROUP_URN], "displayName": name, "members": [{"value": each} for each in members]}
        answer = self("POST", "/Groups", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def patch(self, path: str, *operations: dict, **more) -> httpx.Response:
        return self("PATCH", path, {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}, **more)

    def find(self, term: str, kind: str = "Users", **more: str) -> list[str]:
        answer = self("GET", f"/{kind}", params={"filter": term, **more})
        assert answer.status_code == 200, answer.text
        return [each.get("userName") or each["displayName"] for each in answer.json()["Resources"]]


@pytest.fixture
def scim(idp: RunningIdp) -> Scim:
    return Scim(idp)


def test_a_provisioned_user_logs_in(idp: RunningIdp, scim: Scim, person: Person, name: str) -> None:
    created = scim(
        "POST",
        "/Users",
        {
            "schemas": [USER_URN, ENTERPRISE_URN, CUSTOM_URN],
            "userName": name,
            "password": PASSWORD,
            "name": {"givenName": "Grace", "familyName": "Hopper", "honorificPrefix": "Dr"},
            "emails": [{"value": f"{name}@work.example", "type": "work", "primary": True}, {"value": "g@home.example"}],
            ENTERPRISE_URN: {"costCenter": "4711"},
            CUSTOM_URN: {"attributes": [{"name": "color", "value": "red"}, {"name": "color", "value": "blue"}]},
        },
    )
    assert created.status_code == 201
    assert "password" not in created.text
    assert created.headers["location"] == created.json()["meta"]["location"]
    assert created.headers["content-type"].startswith("application/scim+json")
    application = idp.application(claims={"colors": "attribute:color"})
    token = idp.redeem(application, code_in(person.log_in(person.authorize(application), name))).json()
    info = idp.http.get("/oauth2/userinfo", headers={"authorization": f"Bearer {token['access_token']}"}).json()
    assert info["email"] == f"{name}@work.example"
    assert info["given_name"] == "Grace"
    assert info["colors"] == ["red", "blue"]
    read = scim("GET", f"/Users/{created.json()['id']}").json()
    assert read == created.json()
    assert read["name"]["honorificPrefix"] == "Dr"
    assert read[ENTERPRISE_URN] == {"costCenter": "4711"}


def test_replacing_takes_away_what_is_left_out(scim: Scim, name: str) -> None:
    user = scim.user(name, title="Dr", name={"givenName": "A"}, emails=[{"value": f"{name}@example.com"}])
    body = {"schemas": [USER_URN], "userName": name, "displayName": "B"}
    changed = scim("PUT", f"/Users/{user['id']}", body).json()
    assert changed["displayName"] == "B"
    assert not {"title", "name", "emails"} & changed.keys()
    assert changed["meta"]["version"] != user["meta"]["version"]


def test_patching(scim: Scim, name: str) -> None:
    user = scim.user(name, emails=[{"value": f"{name}@example.com", "type": "work"}])
    changed = scim.patch(
        f"/Users/{user['id']}",
        {"op": "replace", "path": "name.familyName", "value": "Adams"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": f"{name}@other.example"},
        {"op": "add", "value": {"nickName": "Ali", "active": False}},
    ).json()
    assert changed["name"] == {"familyName": "Adams"}
    assert changed["emails"][0]["value"] == f"{name}@other.example"
    assert changed["active"] is False
    assert scim.patch(f"/Users/{user['id']}", {"op": "remove", "path": "userName"}).json()["scimType"] == "invalidValue"
    assert scim.patch(f"/Users/{user['id']}", {"op": "replace", "path": "id", "value": "x"}).json()["scimType"] == (
        "mutability"
    )


def test_who_is_made_inactive_is_logged_out(idp: RunningIdp, scim: Scim, person: Person, name: str) -> None:
    user = scim.user(name, password=PASSWORD)
    application = idp.application()
    tokens = idp.redeem(application, code_in(person.log_in(person.authorize(application), name))).json()
    scim.patch(f"/Users/{user['id']}", {"op": "replace", "value": {"active": False}})
    assert "Log in" in person.authorize(application).text
    again = idp.token(application, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_groups_and_their_members(scim: Scim, name: str) -> None:
    one, two = scim.user(name), scim.user(f"{name}-2")
    group = scim.group(f"group-{name}", one["id"])
    assert [each["value"] for each in group["members"]] == [one["id"]]
    add = {"op": "add", "path": "members", "value": [{"value": two["id"]}, {"value": one["id"]}]}
    changed = scim.patch(f"/Groups/{group['id']}", add).json()
    assert [each["value"] for each in changed["members"]] == [one["id"], two["id"]]
    assert scim("GET", f"/Users/{two['id']}").json()["groups"][0]["display"] == f"group-{name}"
    assert scim.find(f'groups.display eq "GROUP-{name}"') == [name, f"{name}-2"]
    assert scim.find(f'members[value eq "{two["id"]}"]', "Groups") == [f"group-{name}"]
    scim.patch(f"/Groups/{group['id']}", {"op": "remove", "path": f'members[value eq "{one["id"]}"]'})
    assert scim.find(f'groups eq "{group["id"]}"') == [f"{name}-2"]
    assert scim("DELETE", f"/Users/{two['id']}").status_code == 204
    assert "members" not in scim("GET", f"/Groups/{group['id']}").json()
    assert scim("DELETE", f"/Groups/{group['id']}").status_code == 204
    assert scim("GET", f"/Groups/{group['id']}").status_code == 404


@pytest.mark.parametrize(
    "members", [[{"value": "nobody"}], [{"value": "x", "type": "Group"}], [{}], "x", [{"value": 7}]]
)
def test_members_must_be_users(scim: Scim, name: str, members: object) -> None:
    body = {"schemas": [GROUP_URN], "displayName": f"group-{name}", "members": members}
    assert scim("POST", "/Groups", body).json()["scimType"] == "invalidValue"
    assert scim.find(f'displayName eq "group-{name}"', "Groups") == []


def test_names_are_taken_once(scim: Scim, name: str) -> None:
    user = scim.user(name, emails=[{"value": f"{name}@example.com"}])
    other = scim.user(f"{name}-2")
    for body in ({"userName": name.upper()}, {"userName": "any-other", "emails": [{"value": f"{name}@EXAMPLE.com"}]}):
        answer = scim("POST", "/Users", {"schemas": [USER_URN], **body})
        assert answer.status_code == 409
        assert answer.json()["scimType"] == "uniqueness"
    # A user name that is another user's address would be two answers to who logs in.
    assert scim("POST", "/Users", {"schemas": [USER_URN], "userName": f"{name}@example.com"}).status_code == 409
    renamed = {"schemas": [USER_URN], "userName": name}
    assert scim("PUT", f"/Users/{other['id']}", renamed).status_code == 409
    assert scim("PUT", f"/Users/{user['id']}", renamed).status_code == 200


def test_versions(scim: Scim, name: str) -> None:
    user = scim.user(name)
    path, version = f"/Users/{user['id']}", user["meta"]["version"]
    assert scim("GET", path).headers["etag"] == version
    assert scim("GET", path, headers={"if-none-match": version}).status_code == 304
    change = {"op": "replace", "path": "title", "value": "Dr"}
    assert scim.patch(path, change, headers={"if-match": version}).status_code == 200
    assert scim.patch(path, change, headers={"if-match": version}).status_code == 412
    assert scim("DELETE", path, headers={"if-match": version}).status_code == 412
    assert scim("GET", path).headers["etag"] != version


def test_filters(scim: Scim, name: str) -> None:
    scim.user(name, name={"givenName": "Zoë"}, emails=[{"value": f"{name}@example.com"}], externalId=f"E-{name}")
    scim.user(f"{name}-b", active=False)
    mine = f'userName sw "{name}"'
    assert scim.find(f'userName eq "{name.upper()}"') == [name]
    assert scim.find(f'emails.value eq "{name}@EXAMPLE.com"') == [name]
    assert scim.find(f'emails[value co "{name}"]') == [name]
    assert scim.find(f'{mine} and externalId eq "E-{name}"') == [name]
    assert scim.find(f'externalId eq "e-{name}"') == []
    assert scim.find(f"{mine} and active eq false") == [f"{name}-b"]
    assert scim.find(f"{mine} and not (active eq true)") == [f"{name}-b"]
    assert scim.find(f"{mine} and emails pr") == [name]
    assert scim.find(f"{mine} and not (externalId pr)") == [f"{name}-b"]
    assert scim.find(f'{mine} and (userName ew "-b" or name.givenName eq "zoë")') == [name, f"{name}-b"]
    assert scim.find(f'{mine} and meta.created gt "2000-01-01T00:00:00Z"') == [name, f"{name}-b"]
    assert scim.find(f'{mine} and meta.created lt "2000-01-01T00:00:00+00:00"') == []
    assert scim.find(f'{USER_URN}:userName eq "{name}"') == [name]
    assert scim.find(mine, sortBy="userName", sortOrder="descending") == [f"{name}-b", name]


@pytest.mark.parametrize(
    "value", ["' OR '1'='1", "x' OR 1=1 --", '\\" or userName pr or userName eq \\"', "%", "_", "a%b", "\\\\"]
)
@pytest.mark.parametrize("operator", ["eq", "co", "sw", "ew"])
def test_a_value_in_a_filter_is_a_value(scim: Scim, name: str, operator: str, value: str) -> None:
    scim.user(name)
    assert name not in scim.find(f'userName {operator} "{value}"')


@pytest.mark.parametrize(
    "term",
    [
        "userName",
        'password eq "x"',
        'password sw "$argon2"',
        'password_hash eq "x"',
        'nothing eq "x"',
        "userName eq 7",
        'userName gt "a" or 1=1',
        'active gt "a"',
        'meta.created gt "yesterday"',
        'meta.created gt "2000-01-01T00:00:00"',
        'urn:x:userName eq "x"',
        'groups[nothing eq "x"]',
        'userName["x" eq "x"]',
        "(" * 3000,
    ],
)
def test_filters_that_are_refused(scim: Scim, term: str) -> None:
    answer = scim("GET", "/Users", params={"filter": term})
    assert answer.status_code == 400
    assert answer.json()["scimType"] == "invalidFilter"


def test_paging(scim: Scim, name: str) -> None:
    for number in range(5):
        scim.user(f"{name}-{number}")
    seen = []
    for start in (1, 3, 5):
        query = {"filter": f'userName sw "{name}"', "startIndex": str(start), "count": "2"}
        page = scim("GET", "/Users", params=query).json()
        assert page["totalResults"] == 5
        assert page["startIndex"] == start
        assert page["itemsPerPage"] == len(page["Resources"])
        seen += [each["userName"] for each in page["Resources"]]
    assert seen == [f"{name}-{number}" for number in range(5)]
    empty = scim("GET", "/Users", params={"filter": f'userName sw "{name}"', "count": "0"}).json()
    assert (empty["totalResults"], empty["Resources"]) == (5, [])
    search = {"schemas": [SEARCH], "filter": f'userName sw "{name}"', "startIndex": 2, "attributes": ["userName"]}
    found = scim("POST", "/Users/.search", search).json()
    assert [each["userName"] for each in found["Resources"]] == seen[1:]
    assert found["Resources"][0].keys() == {"schemas", "id", "userName"}


def test_searching_everything(scim: Scim, name: str) -> None:
    for number in range(3):
        scim.user(f"{name}-{number}", displayName=name)
        scim.group(f"{name}-{number}")
    term = f'displayName sw "{name}"'
    seen = []
    for start in (1, 3, 5):
        page = scim("POST", "/.search", {"schemas": [SEARCH], "filter": term, "startIndex": start, "count": 2}).json()
        assert page["totalResults"] == 6
        seen += [each["meta"]["resourceType"] for each in page["Resources"]]
    assert seen == ["User"] * 3 + ["Group"] * 3
    # Groups have no user name, so that no group fits.
    users = scim("POST", "/.search", {"schemas": [SEARCH], "filter": f'userName sw "{name}"'}).json()
    assert users["totalResults"] == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", [], 400),
        ("POST", "/Users", {"userName": "any-other"}, 400),
        ("POST", "/Users", {"schemas": [USER_URN]}, 400),
        ("POST", "/Users", {"schemas": [USER_URN], "userName": "any-other", "unknown": 1}, 400),
        ("POST", "/Users", {"schemas": [USER_URN], "userName": "any-other", "password": "short"}, 400),
        ("POST", "/Users", {"schemas": [USER_URN], "userName": "any-other", "emails": [{"value": "no address"}]}, 400),
        ("GET", "/Users/26b4953c-1a9b-4c53-b6d0-ad43836f3606", None, 404),
        ("DELETE", "/Users/nobody", None, 404),
        ("GET", "/Schemas/nothing", None, 404),
        ("GET", "/ResourceTypes/nothing", None, 404),
        ("GET", "/Schemas?filter=a", None, 403),
        ("GET", "/Nothing", None, 404),
        ("PUT", "/Users", {}, 405),
    ],
)
def test_mistakes_are_told_in_the_words_of_the_protocol(
    scim: Scim, method: str, path: str, body: object, status: int
) -> None:
    answer = scim(method, path, body)
    assert answer.status_code == status
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.json()["status"] == str(status)


def test_a_refused_password_leaves_no_user(scim: Scim, name: str) -> None:
    scim("POST", "/Users", {"schemas": [USER_URN], "userName": name, "password": "short"})
    assert scim.find(f'userName eq "{name}"') == []


def test_the_body_must_be_json(scim: Scim) -> None:
    wrong_type = scim("POST", "/Users", {}, headers={"content-type": "text/plain"})
    assert wrong_type.json()["scimType"] == "invalidSyntax"
    auth = ("entryway-admin", ADMIN_SECRET)
    for content in (b"{", b"[" * 100_000, b"\xff"):
        answer = scim.idp.http.post(
            "/scim/Users", content=content, headers={"content-type": "application/json"}, auth=auth
        )
        assert answer.status_code == 400
    large = scim.idp.http.post("/scim/Users", content=b" " * 2_000_000, auth=auth)
    assert large.status_code == 413


@pytest.mark.parametrize("path", ["/Users", "/Groups", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig"])
def test_provisioning_needs_the_right(idp: RunningIdp, path: str) -> None:
    plain = idp.application()
    assert idp.http.get(f"/scim{path}").status_code == 401
    assert idp.http.get(f"/scim{path}", auth=(plain.client_id, "wrong")).status_code == 401
    assert idp.http.get(f"/scim{path}", auth=(plain.client_id, plain.secret)).status_code == 403
    right = idp.application(rights=["scim"])
    assert idp.http.get(f"/scim{path}", auth=(right.client_id, right.secret)).status_code == 200
    token = idp.token(right, grant_type="client_credentials").json()["access_token"]
    assert idp.http.get(f"/scim{path}", headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert idp.http.get("/entryway/v1/users", headers={"authorization": f"Bearer {token}"}).status_code == 403
