"""UAA's interfaces, on what the tenant has."""

from __future__ import annotations

import uuid

import httpx
import pytest
from admin_client import Administrator, administrator, encoded

from entryway.testing.authserver import BoundApplication, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql

PROVIDERS = "/sap/rest/identity-providers"
READS = ["/oauth/clients", "/oauth/clients/x", "/Groups/External", '/ids/Users?filter=id eq "x"', "/identity-zones"]


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture
def platform(server: RunningAuthServer) -> Administrator:
    return Administrator(server, server.platform_token())


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:8]


@pytest.fixture
def origin(admin: Administrator, unique: str) -> str:
    config = {"issuer": "https://login.example.com", "client_id": "me", "client_secret": "s3cret-of-ours"}
    body = {"type": "oidc1.0", "originKey": f"idp-{unique}", "name": "Company", "config": config}
    assert admin.anywhere("POST", PROVIDERS, body).status_code == 201
    return f"idp-{unique}"


@pytest.fixture
def collection(admin: Administrator, unique: str) -> str:
    admin.done("POST", "/rolecollections", {"name": f"Team {unique}"})
    return f"Team {unique}"


def resources(answer: httpx.Response) -> list[dict]:
    assert answer.status_code == 200, answer.text
    return answer.json()["resources"]


@pytest.mark.parametrize("path", READS)
def test_nobody_asks_without_a_token_that_allows_it(
    server: RunningAuthServer, app: BoundApplication, path: str
) -> None:
    assert server.http.get(path).status_code == 401
    token = server.token(app, grant_type="client_credentials").json()["access_token"]
    refused = server.http.get(path, headers={"authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


def test_a_client_is_found_and_its_secret_is_not_told(admin: Administrator, app: BoundApplication) -> None:
    found = admin.anywhere("GET", f"/oauth/clients/{encoded(app.client_id)}")
    assert found.status_code == 200, found.text
    client = found.json()
    assert (client["client_id"], client["name"]) == (app.client_id, app.name)
    assert {f"{app.name}.Display", f"{app.name}.Edit", "openid"} <= set(client["scope"])
    assert "uaa.resource" in client["authorities"]
    assert "authorization_code" in client["authorized_grant_types"]
    assert (client["access_token_validity"], bool(client["redirect_uri"])) == (43200, True)
    assert app.secret not in found.text
    assert "secret" not in found.text.lower()
    (listed,) = resources(admin.anywhere("GET", f'/oauth/clients?filter=client_id eq "{app.client_id}"'))
    assert listed == client


def test_clients_are_listed_by_pages_without_the_landscapes_own(admin: Administrator, app: BoundApplication) -> None:
    whole = admin.anywhere("GET", "/oauth/clients?count=500").json()
    ids = [each["client_id"] for each in whole["resources"]]
    assert app.client_id in ids
    assert "entryway-platform" not in ids
    assert len(ids) == len(set(ids))
    assert len(ids) == whole["totalResults"]
    second = admin.anywhere("GET", "/oauth/clients?startIndex=2&count=1").json()
    assert [each["client_id"] for each in second["resources"]] == ids[1:2]
    backwards = admin.anywhere("GET", "/oauth/clients?count=1&sortOrder=descending")
    assert [each["client_id"] for each in resources(backwards)] == ids[-1:]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_clients_are_changed_with_their_descriptors_alone(
    platform: Administrator, app: BoundApplication, method: str
) -> None:
    path = "/oauth/clients" if method == "POST" else f"/oauth/clients/{encoded(app.client_id)}"
    refused = platform.anywhere(method, path, {"client_id": "mine", "client_secret": "x"})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert platform.anywhere("GET", f"/oauth/clients/{encoded(app.client_id)}").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/oauth/clients/none", 404, "client_unknown"),
        ("/oauth/clients/entryway-platform", 404, "client_unknown"),
        ('/oauth/clients?filter=client_secret eq "x"', 400, "scim_filter_invalid"),
        ("/oauth/clients?count=many", 400, "scim_value_invalid"),
        ("/oauth/clients/a/b", 404, "path_unknown"),
        ('/Groups/External?filter=origin eq "x"', 400, "bad_request"),
        ("/ids/Users", 400, "bad_request"),
        ('/ids/Users?filter=userName co "a"', 400, "scim_filter_invalid"),
        ('/ids/Users?filter=not (userName eq "a")', 400, "scim_filter_invalid"),
        ('/ids/Users?filter=id eq "a" or userName pr', 400, "scim_filter_invalid"),
        ('/ids/Users?filter=emails.value eq "a"', 400, "scim_filter_invalid"),
        ('/ids/Users?filter=id eq "a"&includeInactive=perhaps', 400, "bad_request"),
    ],
)
def test_what_cannot_be_asked_is_refused(admin: Administrator, path: str, status: int, code: str) -> None:
    refused = admin.anywhere("GET", path)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize("named", ["groupId", "displayName"])
def test_a_group_is_mapped_found_and_mapped_no_more(
    admin: Administrator, origin: str, collection: str, named: str
) -> None:
    body = {named: collection, "externalGroup": "cn=a/b,o=c", "origin": origin}
    made = admin.anywhere("POST", "/Groups/External", body)
    mapping = {"groupId": collection, "displayName": collection, "externalGroup": "cn=a/b,o=c", "origin": origin}
    assert (made.status_code, made.json()) == (201, mapping)
    assert admin.anywhere("POST", "/Groups/External", body).status_code == 409
    assert resources(admin.anywhere("GET", f"/Groups/External?origin={origin}")) == [mapping]
    assert resources(admin.anywhere("GET", f"/Groups/External?origin={origin}&externalGroup=other")) == []
    (same,) = admin.get(f"/identity-providers/{origin}/attributes/rolecollections")
    assert (same["attributeName"], same["operator"], same["attributeValue"]) == ("Groups", "equals", "cn=a/b,o=c")
    path = f"/Groups/External/{named}/{encoded(collection)}/externalGroup/{encoded('cn=a/b,o=c')}/origin/{origin}"
    gone = admin.anywhere("DELETE", path)
    assert (gone.status_code, gone.json()) == (200, mapping)
    assert admin.get(f"/identity-providers/{origin}/attributes/rolecollections") == []
    again = admin.anywhere("DELETE", path)
    assert (again.status_code, again.json()["code"]) == (404, "mapping_unknown")


def test_a_group_is_unmapped_by_whichever_name_its_attribute_was_mapped(
    admin: Administrator, origin: str, collection: str
) -> None:
    for attribute in ("Groups", "groups", "department"):
        body = {"attributeName": attribute, "attributeValue": "staff", "roleCollectionName": collection}
        admin.done("POST", f"/identity-providers/{origin}/attributes", body)
    path = f"/Groups/External/groupId/{encoded(collection)}/externalGroup/staff/origin/{origin}"
    assert admin.anywhere("DELETE", path).status_code == 200
    (left,) = admin.get(f"/identity-providers/{origin}/attributes/rolecollections")
    assert left["attributeName"] == "department"


def test_mappings_that_cannot_be_are_refused(admin: Administrator, origin: str, collection: str) -> None:
    good = {"groupId": collection, "externalGroup": "staff", "origin": origin}
    for wrong, status, code in (
        ({"origin": "none"}, 404, "identity_provider_unknown"),
        ({"origin": "entryway"}, 400, "role_invalid"),
        ({"groupId": "none"}, 404, "role_collection_unknown"),
        ({"displayName": "another"}, 400, "bad_request"),
        ({"groupId": None}, 400, "bad_request"),
        ({"externalGroup": ""}, 400, None),
        ({"unknown": 1}, 400, None),
    ):
        refused = admin.anywhere("POST", "/Groups/External", {**good, **wrong})
        assert refused.status_code == status, (wrong, refused.text)
        assert code in {None, refused.json()["code"]}, wrong
    assert resources(admin.anywhere("GET", f"/Groups/External?origin={origin}")) == []


def test_who_may_only_read_maps_nothing(
    server: RunningAuthServer, admin: Administrator, origin: str, collection: str, unique: str
) -> None:
    made = admin.done("POST", "/apiCredentials", {"name": f"reader-{unique}", "readOnly": True})["credentials"]
    form = {"grant_type": "client_credentials", "client_id": made["clientid"], "client_secret": made["clientsecret"]}
    reader = Administrator(server, server.http.post("/oauth/token", data=form).json()["access_token"])
    assert reader.anywhere("GET", "/Groups/External").status_code == 200
    body = {"groupId": collection, "externalGroup": "staff", "origin": origin}
    assert reader.anywhere("POST", "/Groups/External", body).status_code == 403
    assert admin.anywhere("POST", "/Groups/External", body).status_code == 201
    path = f"/Groups/External/groupId/{encoded(collection)}/externalGroup/staff/origin/{origin}"
    assert reader.anywhere("DELETE", path).status_code == 403
    assert len(resources(reader.anywhere("GET", f"/Groups/External?origin={origin}"))) == 1


def test_ids_are_looked_up_by_names(server: RunningAuthServer, admin: Administrator, origin: str, unique: str) -> None:
    ids = {name: server.user(f"{name}-{unique}", "correct horse")["id"] for name in ("ann", "bob")}
    both = f'/ids/Users?filter=userName eq "ANN-{unique}" or id eq "{ids["bob"]}"'
    found = admin.anywhere("GET", both)
    assert resources(found) == [
        {"id": ids["ann"], "userName": f"ann-{unique}", "origin": "entryway"},
        {"id": ids["bob"], "userName": f"bob-{unique}", "origin": "entryway"},
    ]
    assert found.json()["totalResults"] == 2
    one = resources(admin.anywhere("GET", f"{both}&sortOrder=descending&count=1"))
    assert [each["id"] for each in one] == [ids["bob"]]
    other = f'/ids/Users?filter=userName eq "ann-{unique}" and origin eq "{origin}"'
    assert resources(admin.anywhere("GET", other)) == []


def test_users_of_a_provider_that_is_off_are_listed_on_request(admin: Administrator, origin: str, unique: str) -> None:
    user = {"schemas": ["urn:scim:schemas:core:1.0"], "userName": f"fay-{unique}", "origin": origin}
    assert admin.anywhere("POST", "/Users", user).status_code == 201
    path = f'/ids/Users?filter=userName eq "fay-{unique}"'
    assert len(resources(admin.anywhere("GET", path))) == 1
    assert admin.anywhere("PATCH", f"{PROVIDERS}/{origin}", {"active": False}).status_code == 200
    assert resources(admin.anywhere("GET", path)) == []
    assert len(resources(admin.anywhere("GET", f"{path}&includeInactive=true"))) == 1


def test_a_zone_is_created_found_suspended_and_deleted(platform: Administrator, unique: str) -> None:
    made = platform.anywhere("POST", "/identity-zones", {"subdomain": f"zone-{unique}", "name": "Zone"})
    assert made.status_code == 201, made.text
    zone = made.json()
    assert (zone["subdomain"], zone["name"], zone["active"]) == (f"zone-{unique}", "Zone", True)
    path = f"/identity-zones/{zone['id']}"
    assert platform.anywhere("GET", path).json() == zone
    assert zone in platform.anywhere("GET", "/identity-zones").json()
    assert platform.server.http.get(f"/t/zone-{unique}/token_keys").status_code == 200
    assert platform.anywhere("POST", "/identity-zones", {"subdomain": f"zone-{unique}", "name": "Z"}).status_code == 409
    body = {"subdomain": f"zone-{unique}", "name": "Anew", "active": False}
    changed = platform.anywhere("PUT", path, body)
    assert (changed.status_code, changed.json()) == (200, {**zone, "name": "Anew", "active": False})
    assert platform.server.http.get(f"/t/zone-{unique}/token_keys").status_code == 403
    assert platform.anywhere("PUT", path, {**body, "subdomain": "other"}).status_code == 400
    assert platform.anywhere("DELETE", path).json() == changed.json()
    assert platform.anywhere("GET", path).status_code == 404
    assert platform.anywhere("DELETE", path).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"subdomain": "not valid"}, {"subdomain": "www"}, {"id": "x"}, {"config": {}}, {"active": False}]
)
def test_zones_that_cannot_be_are_refused(platform: Administrator, unique: str, wrong: dict) -> None:
    before = len(platform.anywhere("GET", "/identity-zones").json())
    body = {"subdomain": f"zone-{unique}", "name": "Zone", **wrong}
    assert platform.anywhere("POST", "/identity-zones", body).status_code == 400
    assert len(platform.anywhere("GET", "/identity-zones").json()) == before


def test_zones_are_for_the_landscape_and_its_own_stays(admin: Administrator, platform: Administrator) -> None:
    body = {"subdomain": "mine", "name": "Mine"}
    assert admin.anywhere("POST", "/identity-zones", body).status_code == 403
    (own,) = [each for each in platform.anywhere("GET", "/identity-zones").json() if each["subdomain"] == "dev"]
    assert admin.anywhere("DELETE", f"/identity-zones/{own['id']}").status_code == 403
    assert platform.anywhere("DELETE", f"/identity-zones/{own['id']}").status_code == 409


def test_one_tenant_sees_nothing_of_another(
    admin: Administrator, platform: Administrator, app: BoundApplication, origin: str, collection: str
) -> None:
    other = platform.anywhere("POST", "/identity-zones", {"subdomain": f"other-{origin}", "name": "Other"}).json()
    body = {"groupId": collection, "externalGroup": "staff", "origin": origin}
    assert admin.anywhere("POST", "/Groups/External", body).status_code == 201
    there = {"x-identity-zone-id": other["id"]}
    assert platform.anywhere("GET", f"/oauth/clients/{encoded(app.client_id)}", **there).status_code == 404
    assert resources(platform.anywhere("GET", "/Groups/External", **there)) == []
    user = platform.server.user(f"una-{origin}", "correct horse")["id"]
    assert resources(platform.anywhere("GET", f'/ids/Users?filter=id eq "{user}"', **there)) == []
    assert len(resources(platform.anywhere("GET", f'/ids/Users?filter=id eq "{user}"'))) == 1
    # Zones are kept from the landscape's own tenant, and an administrator of one cannot reach another.
    assert platform.anywhere("GET", "/identity-zones", **there).status_code == 403
    assert admin.anywhere("GET", "/oauth/clients", **there).status_code == 403
