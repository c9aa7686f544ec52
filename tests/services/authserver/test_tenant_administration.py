from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from admin_client import Administrator, administrator, encoded
from product_descriptor import products
from sqlalchemy import select

from entryway.authserver import tables
from entryway.authserver.roles import Roles
from entryway.authserver.users import Users
from entryway.storage import Changes, Database
from entryway.testing.authserver import BoundApplication, RunningAuthServer

PROVIDERS = "/sap/rest/identity-providers"
OPENAPI = Path(__file__).parents[3] / "docs" / "reference" / "administration.openapi.json"


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture
def origin() -> str:
    return f"idp-{uuid.uuid4().hex[:8]}"


def oidc(origin: str, **more: object) -> dict:
    config = {"issuer": "https://login.example.com", "client_id": "me", "client_secret": "s3cret-of-ours"}
    return {"type": "oidc1.0", "originKey": origin, "name": "Company", "config": config, **more}


@pytest.fixture
def provider(admin: Administrator, origin: str) -> dict:
    made = admin.anywhere("POST", PROVIDERS, oidc(origin))
    assert made.status_code == 201, made.text
    return made.json()


def test_an_identity_provider_is_trusted_changed_and_trusted_no_more(
    admin: Administrator, provider: dict, origin: str
) -> None:
    assert "client_secret" not in provider["config"]
    path = f"{PROVIDERS}/{provider['id']}"
    assert admin.anywhere("GET", path).json() == provider == admin.anywhere("GET", f"{PROVIDERS}/{origin}").json()
    changed = admin.anywhere("PATCH", path, {"active": False, "config": {"client_id": "other"}}).json()
    assert changed == {**provider, "active": False, "config": {**provider["config"], "client_id": "other"}}
    listed = {each["originKey"] for each in admin.anywhere("GET", PROVIDERS).json()}
    active = {each["originKey"] for each in admin.anywhere("GET", f"{PROVIDERS}?activeOnly=true").json()}
    assert {origin, "entryway"} <= listed
    assert origin not in active
    whole = admin.anywhere("PUT", path, oidc(origin, name="Anew", linkText="Company login")).json()
    assert (whole["name"], whole["linkText"], whole["active"]) == ("Anew", "Company login", True)
    assert "s3cret-of-ours" not in admin.anywhere("GET", PROVIDERS).text
    assert admin.anywhere("DELETE", path).status_code == 204
    assert admin.anywhere("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "ldap", "originKey": "x", "name": "x"}, 400),
        ({"type": "oidc1.0", "originKey": "x", "name": "x"}, 400),
        ({"type": "oidc1.0", "originKey": "x", "config": {"issuer": "http://plain.example", "client_id": "a"}}, 400),
        ({"type": "saml2.0", "originKey": "x", "name": "x", "config": {"metadata": ""}}, 400),
        (oidc("x" * 37), 400),
        (oidc("entryway"), 400),
        ("text", 400),
    ],
)
def test_a_provider_that_cannot_be_is_refused(admin: Administrator, body: object, status: int) -> None:
    answer = admin.anywhere("POST", PROVIDERS, body)
    assert answer.status_code == status
    assert "s3cret-of-ours" not in answer.text


def test_an_origin_key_is_given_once_and_the_built_in_provider_stays(
    admin: Administrator, provider: dict, origin: str
) -> None:
    assert admin.anywhere("POST", PROVIDERS, oidc(origin)).status_code == 409
    assert admin.anywhere("DELETE", f"{PROVIDERS}/entryway").status_code == 400
    assert admin.anywhere("PATCH", PROVIDERS, {}).status_code == 405
    assert admin.anywhere("PATCH", f"{PROVIDERS}/{origin}", {"active": "no"}).status_code == 400


def test_mappings_of_groups_and_attributes(admin: Administrator, provider: dict, origin: str) -> None:
    name = f"Mapped {origin}"
    admin.done("POST", "/rolecollections", {"name": name})
    mappings = f"/identity-providers/{origin}/attributes"
    group = {"attributeName": "Groups", "attributeValue": "sales/eu", "roleCollectionName": name}
    part = {"attributeName": "mail", "operator": "contains", "attributeValue": "@x.org", "roleCollectionName": name}
    for body in (group, part, part):
        assert admin.ask("POST", mappings, body).status_code == 201
    assert [each["attributeValue"] for each in admin.get(f"{mappings}/rolecollections")] == ["sales/eu", "@x.org"]
    shown = admin.get(f"/rolecollections/{encoded(name)}")
    assert [each["attributeValue"] for each in shown["groupReferences"]] == ["sales/eu"]
    assert [each["comparisonOperator"] for each in shown["samlAttributeAssignment"]] == ["contains"]
    one = f"{mappings}/Groups/equals/{encoded('sales/eu')}/rolecollections/{encoded(name)}"
    admin.done("DELETE", one)
    assert admin.ask("DELETE", one).status_code == 404
    assert admin.ask("DELETE", one.replace("equals", "begins")).status_code == 400
    assert admin.ask("POST", mappings, {**group, "roleCollectionName": "nothing"}).status_code == 404
    assert admin.ask("POST", mappings, {**group, "operator": "begins"}).status_code == 400
    assert admin.ask("POST", mappings.replace(origin, "nobody"), group).status_code == 404
    assert admin.ask("POST", mappings.replace(origin, "entryway"), group).status_code == 400


def test_a_mapped_collection_of_an_application_keeps_its_roles(
    server: RunningAuthServer, admin: Administrator, provider: dict, origin: str
) -> None:
    name = f"mapped-{uuid.uuid4().hex[:8]}"
    app, descriptor = server.deploy(products(name)), products(name)
    body = {"attributeName": "Groups", "attributeValue": "all", "roleCollectionName": f"{name} Viewer"}
    assert admin.ask("POST", f"/identity-providers/{origin}/attributes", body).status_code == 201
    descriptor["role-collections"][0]["role-template-references"] = ["$XSAPPNAME.Editor"]
    update = {"plan": "application", "xs_security": descriptor}
    assert server.platform("PUT", f"/applications/{app.instance_id}", update).status_code == 400


async def test_the_identity_providers_word_gives_collections_and_values(
    server: RunningAuthServer, admin: Administrator, provider: dict, origin: str, app: BoundApplication
) -> None:
    name, user_id = f"Word {origin}", str(uuid.uuid4())
    admin.done("POST", "/rolecollections", {"name": name})
    key = {"roleTemplateAppId": app.name, "roleTemplateName": "Editor", "roleName": "Editor"}
    admin.done("PUT", f"/rolecollections/{encoded(name)}/roles", [key])
    body = {"attributeName": "Groups", "attributeValue": "editors", "roleCollectionName": name}
    admin.done("POST", f"/identity-providers/{origin}/attributes", body)
    database = Database(server.database_url)
    try:
        changes = Changes(database, tables.Revision.__table__, tables.WATCHED, server.clock)
        users = Users(database, None, None, server.clock, None, changes)  # type: ignore[arg-type]  # only looks somebody up
        zid = app.credentials["zoneid"]
        user = _federated(zid, user_id, origin, server)
        async with database.transaction() as session:
            session.add(tables.User(**user))

        async def entitlements(*groups: str):
            async with database.transaction() as session:
                told = tables.UserAttributes(
                    zid=zid, user_id=user_id, groups=list(groups), values={}, noted_at=server.clock()
                )
                await session.merge(told)
            found = await users.find(zid, user_id)
            assert found is not None
            return await Roles(database, changes).of_user(found)

        given = await entitlements("editors", "others")
        assert (given.collections, given.groups) == ((name,), ("editors", "others"))
        assert given.scopes == {f"{app.name}.Display", f"{app.name}.Edit"}
        assert (await entitlements("Editors")).collections == ()
        assert admin.anywhere("DELETE", f"{PROVIDERS}/{origin}").status_code == 204
        async with database.read() as session:
            left = select(tables.RoleMapping).where(tables.RoleMapping.origin == origin)
            assert (await session.execute(left)).first() is None
    finally:
        await database.close()


def _federated(zid: str, user_id: str, origin: str, server: RunningAuthServer) -> dict:
    return {
        "id": user_id,
        "zid": zid,
        "origin": origin,
        "user_name": "fay",
        "login_name": "fay",
        "given_name": "",
        "family_name": "",
        "email": "",
        "password_hash": "",
        "token_salt": "",
        "created_at": server.clock(),
        "updated_at": server.clock(),
    }


def test_security_settings_are_read_and_changed(admin: Administrator) -> None:
    before = admin.get("/securitySettings")
    assert before["tokenPolicySettings"]["activeKeyId"] in before["tokenPolicySettings"]["keyIds"]
    after = admin.done("PATCH", "/securitySettings", {"tokenPolicySettings": {"accessTokenValidity": 1800}})
    assert after["tokenPolicySettings"] == {**before["tokenPolicySettings"], "accessTokenValidity": 1800}
    assert admin.done("PATCH", "/securitySettings", {"tokenPolicySettings": {"accessTokenValidity": -1}}) == before


def test_a_signing_key_is_added_and_taken_away_again(admin: Administrator) -> None:
    before = set(admin.get("/securitySettings")["tokenPolicySettings"]["keyIds"])
    added = admin.done("PATCH", "/securitySettings", {"tokenPolicySettings": {"changeMode": "ADD"}})
    (new,) = set(added["tokenPolicySettings"]["keyIds"]) - before
    early = admin.ask("PATCH", "/securitySettings", {"tokenPolicySettings": {"changeMode": "UPDATE", "keyId": new}})
    assert early.status_code == 409
    gone = {"changeMode": "FORCE_DELETE", "keyId": new}
    after = admin.done("PATCH", "/securitySettings", {"tokenPolicySettings": gone})
    assert set(after["tokenPolicySettings"]["keyIds"]) == before
    assert admin.ask("PATCH", "/securitySettings", {"tokenPolicySettings": gone}).status_code == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"tokenPolicySettings": {"accessTokenValidity": 59}},
        {"tokenPolicySettings": {"accessTokenValidity": 86401}},
        {"tokenPolicySettings": {"changeMode": "DELETE"}},
        {"tokenPolicySettings": {"keyId": "k"}},
        {"tokenPolicySettings": {"changeMode": "BREAK"}},
        {"iframeDomains": "https://example.com"},
    ],
)
def test_settings_that_cannot_be_are_refused(admin: Administrator, settings: dict) -> None:
    assert admin.ask("PATCH", "/securitySettings", settings).status_code == 400
    assert admin.ask("PATCH", "/securitySettings", {"defaultIdp": "nobody"}).status_code == 404


def test_an_api_credential_is_told_once_and_bounded(server: RunningAuthServer, admin: Administrator) -> None:
    name = f"reader {uuid.uuid4().hex[:8]}"
    made = admin.done("POST", "/apiCredentials", {"name": name, "readOnly": True})
    bound = BoundApplication("", made["credentials"])
    token = server.token(bound, grant_type="client_credentials").json()["access_token"]
    reader = Administrator(server, token)
    assert reader.ask("GET", "/apps").status_code == 200
    assert reader.ask("POST", "/rolecollections", {"name": "x"}).status_code == 403
    assert reader.ask("POST", "/apiCredentials", {"name": "x"}).status_code == 403
    assert admin.ask("POST", "/apiCredentials", {"name": name}).status_code == 409
    shown = admin.get(f"/apiCredentials/{encoded(name)}")
    assert (shown["name"], shown["readOnly"], shown["clientid"]) == (name, True, bound.client_id)
    assert bound.secret not in json.dumps([shown, admin.get("/apiCredentials")])
    admin.done("DELETE", f"/apiCredentials/{encoded(name)}")
    assert reader.ask("GET", "/apps").status_code == 401
    assert admin.ask("GET", f"/apiCredentials/{encoded(name)}").status_code == 404


async def test_what_the_platform_gives_users_is_on_the_audit_trail(
    server: RunningAuthServer, app: BoundApplication
) -> None:
    name, short = f"tess-{uuid.uuid4().hex[:8]}", app.name.partition("!")[0]
    user = server.user(name, "correct horse", [f"{short} Viewer"])
    server.user(name, "correct horse", [f"{short} Viewer"])
    server.user(name, "correct horse", [f"{short} Editor"])
    database = Database(server.database_url)
    try:
        trail = tables.AuthServerTable.metadata.tables["audit_entries"]
        query = select(trail).where(trail.c.object_id.startswith(short)).order_by(trail.c.number)
        async with database.read() as session:
            rows = (await session.execute(query)).mappings().all()
    finally:
        await database.close()
    given = [(row["event"], row["object_id"]) for row in rows if row["object_type"] == "xs_rolecollection2user"]
    assert given == [("CREATE", f"{short} Viewer"), ("CREATE", f"{short} Editor"), ("DELETE", f"{short} Viewer")]
    assert rows[-1]["details"] == {"old": {"user_id": user["id"]}}


async def test_changes_are_on_the_audit_trail(server: RunningAuthServer, admin: Administrator) -> None:
    name = f"Audited {uuid.uuid4().hex[:8]}"
    admin.done("POST", "/rolecollections", {"name": name, "description": "first"})
    admin.done("PUT", f"/rolecollections/{encoded(name)}", {"description": "second"})
    admin.done("DELETE", f"/rolecollections/{encoded(name)}")
    database = Database(server.database_url)
    try:
        trail = tables.AuthServerTable.metadata.tables["audit_entries"]
        query = select(trail).where(trail.c.object_id == name).order_by(trail.c.number)
        async with database.read() as session:
            rows = (await session.execute(query)).mappings().all()
    finally:
        await database.close()
    assert [(row["event"], row["object_type"]) for row in rows] == [
        ("CREATE", "xsrolecollections"),
        ("UPDATE", "xsrolecollections"),
        ("DELETE", "xsrolecollections"),
    ]
    assert rows[1]["details"] == {"old": {"description": "first"}, "new": {"description": "second"}}
    assert rows[0]["actor"].startswith("sb-na-")


def test_the_description_of_the_interfaces_is_the_one_in_the_reference(server: RunningAuthServer) -> None:
    served = server.http.get("/sap/rest/authorization/v2/openapi.json").json()
    assert json.loads(OPENAPI.read_text("utf-8")) == served, "write it anew: scripts/write_openapi.py"
