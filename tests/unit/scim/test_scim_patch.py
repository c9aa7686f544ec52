import pytest

from entryway.scim import patch
from entryway.scim.attributes import ResourceType
from entryway.scim.errors import (
    Immutable,
    InvalidFilter,
    InvalidPath,
    InvalidScimValue,
    InvalidSyntax,
    NoTarget,
    ScimError,
)
from entryway.scim.patch import PATCH_SCHEMA
from entryway.scim.resources import read, show
from entryway.scim.schemas import CUSTOM, ENTERPRISE, ENTERPRISE_URN, GROUP, USER, USER_URN

USERS = ResourceType("User", "/Users", USER, (ENTERPRISE, CUSTOM))
GROUPS = ResourceType("Group", "/Groups", GROUP)


def user() -> dict:
    return {
        "userName": "alice",
        "name": {"givenName": "Alice", "familyName": "Adams"},
        "emails": [
            {"value": "alice@work.example", "type": "work", "primary": True},
            {"value": "alice@home.example", "type": "home"},
        ],
        ENTERPRISE_URN: {"costCenter": "4711"},
    }


def after(*operations: dict, of: dict | None = None, kind: ResourceType = USERS) -> dict:
    body = {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}
    return patch.apply(of if of is not None else user(), patch.parse(body), kind)


def test_single_values() -> None:
    changed = after(
        {"op": "replace", "path": "userName", "value": "bob"}, {"op": "Add", "path": "TITLE", "value": "Dr"}
    )
    assert changed["userName"] == "bob"
    assert changed["title"] == "Dr"
    assert "title" not in after({"op": "remove", "path": "title"}, of=changed)


def test_a_part_of_a_value() -> None:
    assert after({"op": "replace", "path": "name.givenName", "value": "Ali"})["name"] == {
        "givenName": "Ali",
        "familyName": "Adams",
    }
    emptied = after({"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"})
    assert "name" not in emptied


def test_replacing_a_complex_value_leaves_the_parts_that_are_not_named() -> None:
    changed = after({"op": "replace", "path": "name", "value": {"givenName": "Ali"}})
    assert changed["name"] == {"givenName": "Ali", "familyName": "Adams"}


def test_without_a_path() -> None:
    value = {
        "title": "Dr",
        "name.givenName": "Ali",
        ENTERPRISE_URN: {"division": "D"},
        f"{ENTERPRISE_URN}:department": "X",
    }
    changed = after({"op": "add", "value": value})
    assert changed["title"] == "Dr"
    assert changed["name"]["givenName"] == "Ali"
    assert changed[ENTERPRISE_URN] == {"costCenter": "4711", "division": "D", "department": "X"}


def test_the_original_stays_as_it_was() -> None:
    before = user()
    after({"op": "replace", "path": 'emails[type eq "work"].value', "value": "x@example.com"}, of=before)
    assert before == user()


def test_several_values() -> None:
    added = after({"op": "add", "path": "emails", "value": [{"value": "new@example.com", "type": "other"}]})
    assert len(added["emails"]) == 3
    again = after({"op": "add", "path": "emails", "value": {"value": "new@example.com", "type": "other"}}, of=added)
    assert len(again["emails"]) == 3
    replaced = after({"op": "replace", "path": "emails", "value": [{"value": "only@example.com"}]})
    assert replaced["emails"] == [{"value": "only@example.com"}]
    assert "emails" not in after({"op": "remove", "path": "emails"})


def test_values_that_fit_a_filter() -> None:
    changed = after({"op": "replace", "path": 'emails[type eq "WORK"].value', "value": "a@example.com"})
    assert [each["value"] for each in changed["emails"]] == ["a@example.com", "alice@home.example"]
    removed = after({"op": "remove", "path": 'emails[type eq "home" or primary eq false]'})
    assert [each["type"] for each in removed["emails"]] == ["work"]
    made = after({"op": "add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+49 1"})
    assert made["phoneNumbers"] == [{"type": "mobile", "value": "+49 1"}]


def test_there_is_one_primary_value() -> None:
    changed = after({"op": "replace", "path": 'emails[type eq "home"].primary', "value": True})
    assert [each.get("primary") for each in changed["emails"]] == [False, True]


def test_members() -> None:
    group = {"displayName": "G", "members": [{"value": "1"}, {"value": "2"}]}
    added = after({"op": "add", "path": "members", "value": [{"value": "3"}]}, of=group, kind=GROUPS)
    assert [each["value"] for each in added["members"]] == ["1", "2", "3"]
    removed = after({"op": "remove", "path": 'members[value eq "1"]'}, of=group, kind=GROUPS)
    assert [each["value"] for each in removed["members"]] == ["2"]
    listed = after({"op": "remove", "path": "members", "value": [{"value": "2"}]}, of=group, kind=GROUPS)
    assert [each["value"] for each in listed["members"]] == ["1"]


def test_an_extension() -> None:
    assert after({"op": "replace", "path": f"{ENTERPRISE_URN}:costCenter", "value": "1"})[ENTERPRISE_URN] == {
        "costCenter": "1"
    }
    assert ENTERPRISE_URN not in after({"op": "remove", "path": f"{ENTERPRISE_URN}:costCenter"})
    assert ENTERPRISE_URN not in after({"op": "remove", "path": ENTERPRISE_URN})
    both = after({"op": "add", "path": ENTERPRISE_URN, "value": {"division": "D"}})
    assert both[ENTERPRISE_URN] == {"costCenter": "4711", "division": "D"}


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ({"op": "move", "path": "title", "value": "x"}, InvalidSyntax),
        ({"op": "remove"}, NoTarget),
        ({"op": "add", "path": "title"}, InvalidScimValue),
        ({"op": "add", "value": "x"}, InvalidScimValue),
        ({"op": "add", "path": 7, "value": "x"}, InvalidPath),
        ({"op": "replace", "path": "nothing", "value": "x"}, InvalidPath),
        ({"op": "replace", "path": "name.nothing", "value": "x"}, InvalidPath),
        ({"op": "replace", "path": "urn:x:y:title", "value": "x"}, InvalidPath),
        ({"op": "replace", "path": "id", "value": "x"}, Immutable),
        ({"op": "replace", "path": "groups", "value": []}, Immutable),
        ({"op": "replace", "path": "meta.created", "value": "x"}, Immutable),
        ({"op": "replace", "path": 'emails[type eq "x"].value', "value": "x"}, NoTarget),
        ({"op": "replace", "path": "emails[nothing pr].value", "value": "x"}, InvalidFilter),
        ({"op": "replace", "path": 'title[type eq "x"]', "value": "x"}, InvalidPath),
        ({"op": "add", "path": "emails", "value": [{"nothing": 1}]}, InvalidScimValue),
    ],
)
def test_operations_that_are_refused(operation: dict, error: type[ScimError]) -> None:
    with pytest.raises(error):
        after(operation)


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"schemas": [PATCH_SCHEMA]}, {"schemas": [PATCH_SCHEMA], "Operations": []}, {"Operations": [{}]}],
)
def test_bodies_that_are_no_patch(body: object) -> None:
    with pytest.raises(InvalidSyntax):
        patch.parse(body)


def test_reading_a_resource() -> None:
    resource = read(
        {
            "SCHEMAS": [USER_URN],
            "schemas": [USER_URN, ENTERPRISE_URN],
            "USERNAME": "alice",
            "id": "mine",
            "groups": [{"value": "admins"}],
            "active": "True",
            "title": None,
            "emails": [],
            ENTERPRISE_URN.upper(): {"COSTCENTER": "1"},
        },
        USERS,
    )
    assert resource == {"userName": "alice", "active": True, ENTERPRISE_URN: {"costCenter": "1"}}


@pytest.mark.parametrize(
    "more",
    [
        {"userName": ""},
        {"userName": 7},
        {"unknown": "x"},
        {"name": "x"},
        {"name": {"unknown": "x"}},
        {"emails": "x"},
        {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
        {"active": "perhaps"},
        {"title": "x\0"},
        {"title": "x" * 5000},
        {"x509Certificates": [{"value": "no base64!"}]},
        {"schemas": [USER_URN, "urn:unknown"]},
        {"schemas": [ENTERPRISE_URN]},
        {"schemas": "x"},
    ],
)
def test_resources_that_are_refused(more: dict) -> None:
    with pytest.raises(ScimError):
        read({"schemas": [USER_URN], "userName": "alice", **more}, USERS)


@pytest.mark.parametrize(
    ("wanted", "unwanted", "names"),
    [
        (set(), set(), {"schemas", "id", "userName", "name", "emails", ENTERPRISE_URN}),
        ({"username"}, set(), {"schemas", "id", "userName"}),
        ({f"{USER_URN}:username".lower()}, set(), {"schemas", "id", "userName"}),
        ({"name.givenname"}, set(), {"schemas", "id", "name"}),
        ({ENTERPRISE_URN.lower()}, set(), {"schemas", "id", ENTERPRISE_URN}),
        ({f"{ENTERPRISE_URN}:costcenter".lower()}, set(), {"schemas", "id", ENTERPRISE_URN}),
        (set(), {"emails", "id"}, {"schemas", "id", "userName", "name", ENTERPRISE_URN}),
        (set(), {ENTERPRISE_URN.lower()}, {"schemas", "id", "userName", "name", "emails"}),
    ],
)
def test_showing_what_was_asked_for(wanted: set[str], unwanted: set[str], names: set[str]) -> None:
    shown = show({"id": "1", "password": "x", **user()}, USERS, frozenset(wanted), frozenset(unwanted))
    assert shown.keys() == names


def test_showing_parts() -> None:
    assert show(user(), USERS, frozenset({"name.givenname"}))["name"] == {"givenName": "Alice"}
    assert show(user(), USERS, frozenset(), frozenset({"name.givenname"}))["name"] == {"familyName": "Adams"}
