"""What administrators do, on the audit trail: each object that the format knows, with what was and is."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from admin_client import Administrator, administrator, encoded
from product_descriptor import products

from entryway.testing.authserver import RunningAuthServer, running_authserver
from entryway.testing.databases import execute
from entryway.testing.saml_provider import ENTITY_ID, key_of, metadata_of

_EVENTS = "select event, object_type, object_id, actor, details from audit_entries order by number"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAuthServer]:
    with running_authserver(tmp_path_factory.mktemp("watched")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


class Trail:
    def __init__(self, server: RunningAuthServer) -> None:
        self.server, self.seen = server, len(execute(server.database_url, _EVENTS))

    def new(self, object_type: str) -> list[tuple[str, Any]]:
        """Return the events since the last question that are about a type of object."""
        rows = execute(self.server.database_url, _EVENTS)
        return [
            (event, details if isinstance(details, dict) else json.loads(details))
            for event, of, _, actor, details in rows[self.seen :]
            if of == object_type and actor != "UNKNOWN_USER"
        ]


@pytest.fixture
def trail(server: RunningAuthServer) -> Trail:
    return Trail(server)


def test_an_identity_provider(admin: Administrator, trail: Trail) -> None:
    path = "/sap/rest/identity-providers"
    config = {"metadata": metadata_of(ENTITY_ID, key_of("company"))}
    admin.anywhere("POST", path, {"type": "saml2.0", "originKey": "watched", "name": "One", "config": config})
    admin.anywhere("PATCH", f"{path}/watched", {"name": "Two"})
    admin.anywhere("DELETE", f"{path}/watched")
    created, updated, deleted = trail.new("IdentityProvider")
    assert [created[0], updated[0], deleted[0]] == ["CREATE", "UPDATE", "DELETE"]
    assert (updated[1]["old"]["name"], updated[1]["new"]["name"], deleted[1]["old"]["name"]) == ("One", "Two", "Two")


def test_a_service_instance_with_its_old_attributes(server: RunningAuthServer, trail: Trail) -> None:
    app = server.deploy(products("watched-app"))
    path = f"/applications/{app.instance_id}"
    changed = products("watched-app") | {"description": "x"}
    server.platform("PUT", path, {"plan": "application", "xs_security": changed})
    server.platform("DELETE", path)
    events = trail.new("service-instance")
    assert [event for event, _ in events] == ["CREATE", "UPDATE", "DELETE"]
    assert events[1][1]["old"] != events[1][1]["new"]
    assert events[2][1]["old"]


def test_roles_collections_and_who_has_them(server: RunningAuthServer, admin: Administrator, trail: Trail) -> None:
    name = f"watched-{uuid.uuid4().hex[:6]}"
    descriptor = products(name) | {"attributes": [{"name": "Country", "valueRequired": False}]}
    seller = {"name": "Seller", "scope-references": ["$XSAPPNAME.Edit"], "attribute-references": ["Country"]}
    descriptor["role-templates"].append(seller)
    app = server.deploy(descriptor)
    user = server.user(f"{name}-user", "correct horse")["id"]
    of_role = {"roleTemplateAppId": app.name, "roleTemplateName": "Seller", "name": "France"}
    values = [{"attributeName": "Country", "attributeValueOrigin": "static", "attributeValues": ["FR"]}]
    role = f"/apps/{encoded(app.name)}/roletemplates/Seller/roles/France"
    mapping = {"attributeName": "Groups", "attributeValue": "g", "roleCollectionName": name}
    config = {"issuer": f"https://{name}.example", "client_id": "x", "client_secret": "y"}
    provider = {"type": "oidc1.0", "originKey": name, "name": name, "config": config}
    assert admin.anywhere("POST", "/sap/rest/identity-providers", provider).status_code == 201
    mappings = f"/identity-providers/{name}/attributes"
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}

    admin.done("POST", "/apps/roles", of_role)
    admin.done("PUT", role, {"attributeList": values})
    admin.done("POST", "/rolecollections", {"name": name, "description": "one"})
    admin.done("PUT", f"/rolecollections/{name}", {"description": "two"})
    admin.done("PUT", f"/rolecollections/{name}/roles", [of_role | {"roleName": "France"}])
    member = {"op": "add", "path": "members", "value": [{"value": user}]}
    admin.anywhere("PATCH", f"/Groups/{name}", patch | {"Operations": [member]})
    admin.done("POST", mappings, mapping)
    gone = {"op": "remove", "path": f'members[value eq "{user}"]'}
    admin.anywhere("PATCH", f"/Groups/{name}", patch | {"Operations": [gone]})
    admin.done("DELETE", f"{mappings}/Groups/equals/g/rolecollections/{name}")
    admin.done("DELETE", f"/rolecollections/{name}/roles/{encoded(app.name, 'France', 'Seller')}")
    admin.done("DELETE", role)
    admin.done("DELETE", f"/rolecollections/{name}")

    def verbs(object_type: str) -> list[str]:
        return [event for event, _ in trail.new(object_type)]

    assert verbs("xsrole") == ["CREATE", "UPDATE", "DELETE"]
    assert verbs("xsattribute2role") == ["CREATE", "UPDATE", "DELETE"]
    assert trail.new("xsattribute2role")[1][1]["new"]["Country"]["values"] == ["FR"]
    assert verbs("xsrolecollections") == ["CREATE", "UPDATE", "DELETE"]
    assert verbs("xsrolecollection2role") == ["CREATE", "DELETE"]
    assert verbs("xs_rolecollection2user") == ["CREATE", "DELETE"]
    assert verbs("xsrolecollection2samlattribute") == ["CREATE", "DELETE"]


def test_a_user_and_a_new_password_without_it(server: RunningAuthServer, admin: Administrator, trail: Trail) -> None:
    server.user("watched-user", "correct horse")
    server.user("watched-user", "correct horse")
    server.user("watched-user", "battery staple")
    body = {"userName": "watched-user", "emails": [{"value": "new@example.com"}], "password": "third-secret"}
    user = admin.anywhere("GET", '/Users?filter=userName eq "watched-user"').json()["Resources"][0]["id"]
    assert admin.anywhere("PUT", f"/Users/{user}", body).status_code == 200
    events = trail.new("user")
    assert [event for event, _ in events] == [
        "CREATE",
        "PasswordChangeSuccess",
        "UPDATE",
        "PasswordChangeSuccess",
    ]
    assert (events[2][1]["old"]["email"], events[2][1]["new"]["email"]) == (
        "watched-user@example.com",
        "new@example.com",
    )
    assert "third-secret" not in str(execute(server.database_url, _EVENTS))


def test_answers_that_no_provider_could_be_asked_about(server: RunningAuthServer) -> None:
    alias = next(part for part in server.http.get("/saml/metadata").text.split('"') if "/saml/SSO/alias/" in part)
    response = (
        b'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0" InResponseTo="_2"/>'
    )
    form = {"SAMLResponse": base64.b64encode(response).decode()}
    with httpx.Client(verify=server.tls) as client:
        assert client.post(alias, data=form).status_code == 403
        assert client.get(f"{server.url}/saml/discovery", params={"idp": "unknown"}).status_code == 404
    wanted = {
        "InResponseToField of Response doesn't correspond to sent message _2",
        "No SAML identity provider found in zone for alias:unknown",
    }
    statement = "select details from audit_entries where event = 'SAMLAuthenticationError'"
    told: set[str] = set()
    until = time.monotonic() + 10
    while not wanted <= told and time.monotonic() < until:
        # They are gathered for a second.
        time.sleep(0.05)
        told = {json.loads(row[0])["new"]["reason"] for row in execute(server.database_url, statement)}
    assert wanted <= told


def test_whoever_changes_a_collection_that_users_have_is_told_what_to_do(server: RunningAuthServer) -> None:
    name = f"used-{uuid.uuid4().hex[:6]}"
    app = server.deploy(products(name))
    server.user(f"{name}-user", "correct horse", [f"{name} Viewer"])
    descriptor = products(name)
    descriptor["role-collections"][0]["role-template-references"] = ["$XSAPPNAME.Editor"]
    body = {"plan": "application", "xs_security": descriptor}

    answer = server.platform("PUT", f"/applications/{app.instance_id}", body)

    assert answer.status_code == 400
    told = answer.json()["detail"]
    assert "create a new role-collection with a different name" in told
    assert f"Leave '{name} Viewer' in the descriptor as it was, or take it from everybody" in told
