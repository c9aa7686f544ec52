"""What a tenant's auditors read, and what makes them auditors."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from admin_client import BASE, Administrator, administrator

from entryway.testing.authserver import RunningAuthServer, running_authserver


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("audited")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


def of_user(server: RunningAuthServer, *collections: str) -> Administrator:
    """Return what a program of administrators does for a user who has these role collections."""
    instance, name = str(uuid.uuid4()), f"user-{uuid.uuid4().hex[:6]}"
    server.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"})
    server.user(name, "correct horse", list(collections))
    form = {"grant_type": "password", "username": name, "password": "correct horse"}
    answer = server.token(server.bind(instance), **form)
    return Administrator(server, answer.json()["access_token"])


def test_entries_come_page_by_page(admin: Administrator) -> None:
    for number in range(3):
        admin.done("POST", "/rolecollections", {"name": f"audited-{number}", "description": ""})
    seen: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = admin.get(f"/auditlog?limit=2&after={after}")
        assert 0 < len(page["entries"]) <= 2
        seen, after = seen + page["entries"], page["next"]
    numbers = [entry["number"] for entry in seen]
    assert numbers == sorted(set(numbers))
    made = [entry for entry in seen if entry["objectType"] == "xsrolecollections"]
    assert [entry["objectId"] for entry in made] == ["audited-0", "audited-1", "audited-2"]
    assert made[0] | {"number": 0, "at": ""} == {
        "number": 0,
        "at": "",
        "category": "audit.configuration",
        "event": "CREATE",
        "actor": made[0]["actor"],
        "objectType": "xsrolecollections",
        "objectId": "audited-0",
        "details": {"new": {"description": ""}},
    }


def test_entries_of_other_tenants_and_of_none_are_not_among_them(
    server: RunningAuthServer, admin: Administrator
) -> None:
    made = server.platform("POST", "/tenants", {"subdomain": "elsewhere", "name": "E"}).json()
    told = admin.ask("GET", "/auditlog?limit=1000").text
    assert made["id"] not in told
    headers = {"authorization": f"Bearer {server.platform_token()}", "x-identity-zone-id": made["id"]}
    assert made["id"] in server.http.get(f"{BASE}/auditlog", headers=headers).text


@pytest.mark.parametrize("query", ["limit=0x", "limit=1001", "after=-1", "after=999999999999999999999", "limit=%00"])
def test_other_pages_are_refused(admin: Administrator, query: str) -> None:
    assert admin.ask("GET", f"/auditlog?{query}").status_code == 400


@pytest.mark.parametrize("collection", ["Subaccount Administrator", "Subaccount Viewer"])
def test_the_predefined_collections_make_auditors(server: RunningAuthServer, collection: str) -> None:
    user = of_user(server, collection)
    assert user.ask("GET", "/auditlog").status_code == 200
    assert user.ask("GET", "/apps").status_code == 200
    may_write = collection == "Subaccount Administrator"
    made = user.ask("POST", "/rolecollections", {"name": f"by {collection}", "description": ""})
    assert made.status_code == (201 if may_write else 403)
    assert of_user(server).ask("GET", "/auditlog").status_code == 403


def test_a_read_only_program_does_no_more_for_an_administrator(server: RunningAuthServer, admin: Administrator) -> None:
    server.user("writer", "correct horse", ["Subaccount Administrator"])
    made = admin.done("POST", "/apiCredentials", {"name": "reading", "readOnly": True})["credentials"]
    form = {"grant_type": "password", "username": "writer", "password": "correct horse"}
    answer = server.http.post("/oauth/token", data=form, auth=(made["clientid"], made["clientsecret"]))
    reader = Administrator(server, answer.json()["access_token"])
    assert reader.ask("GET", "/apps").status_code == 200
    assert reader.ask("POST", "/rolecollections", {"name": "x", "description": ""}).status_code == 403


@pytest.mark.parametrize("name", ["Subaccount Administrator", "Subaccount Viewer"])
def test_nobody_changes_a_predefined_collection(admin: Administrator, name: str) -> None:
    path = f"/rolecollections/{name.replace(' ', '%20')}"
    before = admin.get(path)
    assert (before["isReadOnly"], {role["roleTemplateName"] for role in before["roleReferences"]}) == (
        True,
        {"xsuaa_admin" if "Admin" in name else "xsuaa_auditor", "Auditlog_Auditor"},
    )
    role = before["roleReferences"][0]
    of_role = "/".join(
        role[key].replace(" ", "%20").replace("!", "%21")
        for key in ("roleTemplateAppId", "roleName", "roleTemplateName")
    )
    for method, at, body in (
        ("PUT", path, {"description": "mine"}),
        ("DELETE", path, None),
        ("PUT", f"{path}/roles", [role]),
        ("DELETE", f"{path}/roles/{of_role}", None),
        ("POST", "/rolecollections", {"name": name, "description": "mine"}),
    ):
        answer = admin.ask(method, at, body)
        assert answer.status_code == 409, (method, at, answer.text)
        assert answer.json()["code"] in {"read_only", "role_collection_exists"}
    assert admin.get(path) == before
    copied = admin.done("POST", "/rolecollections", {"name": f"Like {name}", "copyFrom": name})
    assert copied["isReadOnly"] is False
