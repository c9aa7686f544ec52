from __future__ import annotations

import uuid

import pytest
from admin_client import Administrator, administrator, encoded
from product_descriptor import products
from test_token_endpoint import claims

from entryway.authserver.rest import paging
from entryway.storage.pages import Window
from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql


@pytest.fixture(scope="module")
def admin(server: RunningAuthServer) -> Administrator:
    return administrator(server)


@pytest.fixture
def unique() -> str:
    return uuid.uuid4().hex[:8]


def sales(name: str) -> dict:
    """Return a descriptor with attributes of every kind."""
    return {
        **products(name),
        "attributes": [
            {"name": "Country"},
            {"name": "Level", "valueType": "int", "valueRequired": False},
        ],
        "role-templates": [
            *products(name)["role-templates"],
            {
                "name": "Seller",
                "description": "Sells in countries",
                "scope-references": ["$XSAPPNAME.Edit"],
                "attribute-references": ["Country", "Level"],
            },
            {
                "name": "Local",
                "default-role-name": "Local seller",
                "scope-references": ["$XSAPPNAME.Edit"],
                "attribute-references": [{"name": "Country", "default-values": ["DE"]}, "Level"],
            },
        ],
    }


@pytest.fixture
def shop(server: RunningAuthServer, unique: str) -> BoundApplication:
    return server.deploy(sales(f"shop-{unique}"))


def role(app: BoundApplication, name: str, *attributes: dict, template: str = "Seller") -> dict:
    return {
        "roleTemplateAppId": app.name,
        "roleTemplateName": template,
        "name": name,
        "attributeList": list(attributes),
    }


def attribute(name: str, origin: str, *values: str) -> dict:
    return {"attributeName": name, "attributeValueOrigin": origin, "attributeValues": list(values)}


def reference(app: BoundApplication, template: str, name: str) -> dict:
    return {"roleTemplateAppId": app.name, "roleTemplateName": template, "roleName": name}


def collection(admin: Administrator, name: str, *references: dict) -> str:
    admin.done("POST", "/rolecollections", {"name": name, "description": "of a test"})
    admin.done("PUT", f"/rolecollections/{encoded(name)}/roles", list(references))
    return name


def user_claims(server: RunningAuthServer, app: BoundApplication, name: str) -> dict:
    answer = server.token(app, grant_type="password", username=name, password="correct horse")
    assert answer.status_code == 200, answer.text
    return claims(answer.json()["access_token"])


def test_lists_come_whole_or_in_pieces(admin: Administrator, shop: BoundApplication) -> None:
    path = f"/apps/{encoded(shop.name)}/roles"
    everything = admin.get(path)
    first = admin.ask("GET", f"{path}?count=1")
    assert first.json() == everything[:1]
    assert first.headers["x-total-count"] == str(len(everything))
    following = first.headers["link"].partition(">")[0].removeprefix("<")
    assert admin.get(f"{path}{following}") == everything[1:2]
    of_app = f"/apps/{encoded(shop.name)}"
    lists = (
        "/apps",
        "/roles",
        "/rolecollections",
        "/apps/roletemplates",
        f"{of_app}/scopes",
        f"{of_app}/roletemplates",
    )
    for listed in (*lists, "/rolecollections/Subaccount%20Viewer/roles", "/apiCredentials"):
        whole, size = admin.get(listed), 2
        starts = range(1, len(whole) + 2, size)
        assert [each for start in starts for each in admin.get(f"{listed}?startIndex={start}&count={size}")] == whole
    assert (
        admin.get("/apps/roletemplates?showRoles=true&startIndex=2&count=1")
        == (admin.get("/apps/roletemplates?showRoles=true")[1:2])
    )
    assert admin.ask("GET", f"{path}?startIndex=0").status_code == 400


def test_a_list_too_long_for_one_answer_is_refused_and_comes_in_pieces(
    admin: Administrator, shop: BoundApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/apps/{encoded(shop.name)}/roles"
    everything = admin.get(path)
    monkeypatch.setattr(paging, "_WHOLE", Window(0, len(everything)))
    assert admin.get(path) == everything
    monkeypatch.setattr(paging, "_WHOLE", Window(0, len(everything) - 1))
    for listed in (path, "/apps/roletemplates"):
        refused = admin.ask("GET", listed)
        assert (refused.status_code, "ask for it in pieces" in refused.text) == (400, True), listed
    assert admin.get(f"{path}?startIndex=2") == everything[1:]


def test_an_application_is_shown_with_what_it_declares(admin: Administrator, shop: BoundApplication) -> None:
    app = f"/apps/{encoded(shop.name)}"
    assert admin.get(app)["appid"] == shop.name
    assert shop.name in {each["appid"] for each in admin.get("/apps")}
    assert [each["appid"] for each in admin.get(f"/apps?onlyWithClientId={encoded(shop.client_id)}")] == [shop.name]
    assert {each["name"] for each in admin.get(f"{app}/scopes")} == {f"{shop.name}.Display", f"{shop.name}.Edit"}
    assert admin.get(f"{app}/scopes/Edit")["description"] == "Change prices"
    assert admin.get(f"{app}/scopes/{encoded(shop.name + '.Edit')}")["name"] == f"{shop.name}.Edit"
    assert admin.get(f"{app}/authorities") == ["uaa.resource"]
    assert admin.get(f"{app}/roletemplates/Seller") == {
        "appId": shop.name,
        "name": "Seller",
        "description": "Sells in countries",
        "defaultRoleName": None,
        "scopeReferences": [f"{shop.name}.Edit"],
        "attributeReferences": [
            {"name": "Country", "defaultValues": [], "valueRequired": True},
            {"name": "Level", "defaultValues": [], "valueRequired": False},
        ],
    }


def test_a_template_makes_its_own_role_unless_it_needs_a_value(admin: Administrator, shop: BoundApplication) -> None:
    roles = {each["name"]: each for each in admin.get(f"/apps/{encoded(shop.name)}/roles")}
    assert set(roles) == {"Viewer", "Editor", "Local seller"}
    assert all(each["isReadOnly"] for each in roles.values())
    assert roles["Local seller"]["attributeList"] == [
        {**attribute("Country", "static", "DE"), "valueRequired": True},
        {**attribute("Level", "unrestricted"), "valueRequired": False},
    ]
    templates = admin.get(f"/apps/{encoded(shop.name)}/roletemplates?showRoles=true")
    assert {each["name"]: len(each["roles"]) for each in templates} == {
        "Editor": 1,
        "Local": 1,
        "Seller": 0,
        "Viewer": 1,
    }
    assert shop.name in {each["appId"] for each in admin.get("/apps/roletemplates")}
    assert {"Local seller", "Viewer"} <= {each["name"] for each in admin.get("/roles")}


def test_the_values_of_several_roles_are_united_in_the_token(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication, unique: str
) -> None:
    admin.done(
        "POST",
        "/apps/roles",
        role(shop, "France", attribute("Country", "static", "FR"), attribute("Level", "static", "1")),
    )
    admin.done(
        "POST",
        "/apps/roles",
        role(shop, "Spain", attribute("Country", "static", "ES", "PT"), attribute("Level", "static", "2")),
    )
    held = collection(
        admin, f"Sellers {unique}", reference(shop, "Seller", "France"), reference(shop, "Seller", "Spain")
    )
    server.user(f"sue-{unique}", "correct horse", [held])
    told = user_claims(server, shop, f"sue-{unique}")
    assert told["xs.user.attributes"] == {"Country": ["ES", "FR", "PT"], "Level": ["1", "2"]}
    assert told["xs.system.attributes"] == {"xs.saml.groups": [], "xs.rolecollections": [held]}
    assert f"{shop.name}.Edit" in told["scope"]
    admin.done("PUT", f"/rolecollections/{encoded(held)}/roles", [reference(shop, "Local", "Local seller")])
    # One role without restriction lifts it; `Country` stays restricted by all three.
    assert user_claims(server, shop, f"sue-{unique}")["xs.user.attributes"] == {"Country": ["DE", "ES", "FR", "PT"]}


def test_a_role_without_what_the_identity_provider_tells_restricts_to_nothing(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication, unique: str
) -> None:
    admin.done(
        "POST",
        "/apps/roles",
        role(shop, "Told", attribute("Country", "idp", "country"), attribute("Level", "unrestricted")),
    )
    held = collection(admin, f"Told {unique}", reference(shop, "Seller", "Told"))
    server.user(f"ted-{unique}", "correct horse", [held])
    assert user_claims(server, shop, f"ted-{unique}")["xs.user.attributes"] == {"Country": []}


@pytest.mark.parametrize(
    ("template", "attributes", "says"),
    [
        ("Viewer", [], "has no attributes"),
        ("Seller", [], "'Country' needs a value"),
        ("Seller", [attribute("Country", "unrestricted")], "'Country' needs a value"),
        ("Seller", [attribute("Country", "static", "")], "'Country' needs a value"),
        ("Seller", [attribute("Country", "idp")], "has a source and no value"),
        ("Seller", [attribute("Country", "idp", "a", "b")], "from one attribute"),
        ("Seller", [attribute("City", "static", "Rome")], "has no attribute 'City'"),
        ("Seller", [attribute("Country", "static", "A"), attribute("Country", "static", "B")], "twice"),
        ("Seller", [attribute("Country", "ldap", "A")], "/attributeList/0/attributeValueOrigin"),
    ],
)
def test_a_role_that_cannot_be_is_refused(
    admin: Administrator, shop: BoundApplication, template: str, attributes: list[dict], says: str
) -> None:
    answer = admin.ask("POST", "/apps/roles", role(shop, "Any", *attributes, template=template))
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_a_role_is_changed_and_deleted_with_its_place_in_collections(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication, unique: str
) -> None:
    path = f"/apps/{encoded(shop.name)}/roletemplates/Seller/roles/{encoded('Île / de France!')}"
    admin.done("POST", "/apps/roles", role(shop, "Île / de France!", attribute("Country", "static", "FR")))
    assert (
        admin.ask(
            "POST", "/apps/roles", role(shop, "Île / de France!", attribute("Country", "static", "FR"))
        ).status_code
        == 409
    )
    held = collection(admin, f"Île {unique}", reference(shop, "Seller", "Île / de France!"))
    changed = admin.done("PUT", path, {"description": "new", "attributeList": [attribute("Country", "static", "BE")]})
    assert (changed["description"], changed["attributeList"][0]["attributeValues"]) == ("new", ["BE"])
    server.user(f"ida-{unique}", "correct horse", [held])
    assert user_claims(server, shop, f"ida-{unique}")["xs.user.attributes"] == {"Country": ["BE"]}
    assert [
        each["name"] for each in admin.get(f"/rolecollections/roles/{encoded(shop.name, 'Seller', 'Île / de France!')}")
    ] == [held]
    admin.done("DELETE", path)
    assert admin.ask("GET", path).status_code == 404
    assert admin.get(f"/rolecollections/{encoded(held)}/roles") == []
    after = user_claims(server, shop, f"ida-{unique}")
    assert (after["scope"], after["xs.user.attributes"]) == (["openid"], {})
    # A role that is made anew by the same name is in no collection.
    admin.done("POST", "/apps/roles", role(shop, "Île / de France!", attribute("Country", "static", "FR")))
    assert admin.get(f"/rolecollections/{encoded(held)}/roles") == []


def test_the_role_of_a_template_itself_is_not_for_administrators(admin: Administrator, shop: BoundApplication) -> None:
    path = f"/apps/{encoded(shop.name)}/roletemplates/Local/roles/{encoded('Local seller')}"
    assert admin.ask("DELETE", path).status_code == 409
    assert admin.ask("PUT", path, {"attributeList": []}).status_code == 409
    taken = role(shop, "Local seller", attribute("Country", "static", "FR"), template="Local")
    assert admin.ask("POST", "/apps/roles", taken).status_code == 409


def test_a_collection_is_copied_with_its_roles_and_without_its_users(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication, unique: str
) -> None:
    original, copy = f"{shop.name.partition('!')[0]} Editor", f"Copy {unique}"
    server.user(f"eve-{unique}", "correct horse", [original])
    made = admin.done("POST", "/rolecollections", {"name": copy, "copyFrom": original})
    assert [each["roleName"] for each in made["roleReferences"]] == ["Editor"]
    assert made["userReferences"] == []
    assert not made["isReadOnly"]
    listed = {
        each["name"]: each for each in admin.get("/rolecollections?showUsers=true&showRoles=true&showGroups=true")
    }
    assert [each["username"] for each in listed[original]["userReferences"]] == [f"eve-{unique}"]
    assert listed[copy]["roleReferences"] == made["roleReferences"]
    assert admin.ask("POST", "/rolecollections", {"name": copy}).status_code == 409
    assert admin.ask("POST", "/rolecollections", {"name": f"n{unique}", "copyFrom": "nothing"}).status_code == 404


def test_a_collection_is_described_emptied_and_deleted(
    admin: Administrator, shop: BoundApplication, unique: str
) -> None:
    name = collection(admin, f"A/B {unique} 100%", reference(shop, "Viewer", "Viewer"))
    path = f"/rolecollections/{encoded(name)}"
    assert admin.done("PUT", path, {"name": name, "description": "better"})["description"] == "better"
    assert admin.ask("PUT", path, {"name": "other"}).status_code == 400
    admin.done("DELETE", f"{path}/roles/{encoded(shop.name, 'Viewer', 'Viewer')}")
    assert admin.ask("DELETE", f"{path}/roles/{encoded(shop.name, 'Viewer', 'Viewer')}").status_code == 404
    assert admin.get(f"{path}/roles") == []
    admin.done("DELETE", path)
    assert admin.ask("GET", path).status_code == 404


@pytest.mark.parametrize("name", ["Subaccount Administrator", "Subaccount Viewer", "of an application"])
def test_what_is_predefined_or_declared_cannot_be_changed(
    admin: Administrator, shop: BoundApplication, name: str
) -> None:
    name = f"{shop.name.partition('!')[0]} Viewer" if name == "of an application" else name
    path = f"/rolecollections/{encoded(name)}"
    assert admin.get(path)["isReadOnly"]
    assert admin.ask("PUT", path, {"description": "mine"}).status_code == 409
    assert admin.ask("PUT", f"{path}/roles", [reference(shop, "Editor", "Editor")]).status_code == 409
    assert admin.ask("DELETE", path).status_code == 409
    assert admin.ask("DELETE", f"{path}/roles/{encoded(shop.name, 'Viewer', 'Viewer')}").status_code == 409


def test_a_template_that_is_gone_takes_its_roles_out_of_collections(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication, unique: str
) -> None:
    admin.done("POST", "/apps/roles", role(shop, "France", attribute("Country", "static", "FR")))
    held = collection(admin, f"Gone {unique}", reference(shop, "Seller", "France"), reference(shop, "Viewer", "Viewer"))
    descriptor = sales(f"shop-{unique}")
    descriptor["role-templates"] = [each for each in descriptor["role-templates"] if each["name"] != "Seller"]
    server.deploy(descriptor, shop.instance_id)
    assert [each["roleName"] for each in admin.get(f"/rolecollections/{encoded(held)}/roles")] == ["Viewer"]
    server.deploy(sales(f"shop-{unique}"), shop.instance_id)
    assert admin.get(f"/apps/{encoded(shop.name)}/roletemplates/Seller/roles") == []


def test_pages_of_collections(admin: Administrator, unique: str) -> None:
    for number in range(3):
        admin.done("POST", "/rolecollections", {"name": f"P{number} {unique}"})
    page = admin.get("/rolecollections/pages/1?showRoles=true")
    assert (page["page"], len(page["roleCollections"])) == (1, min(100, page["totalElements"]))
    assert admin.get("/rolecollections/pages/1000")["roleCollections"] == []
    for wrong in ("0", "-1", "x", "1e3"):
        assert admin.ask("GET", f"/rolecollections/pages/{wrong}").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/apps/nothing", 404),
        ("GET", "/apps/entryway-platform", 404),
        ("GET", "/apps/{app}/scopes/None", 404),
        ("GET", "/apps/{app}/roletemplates/None", 404),
        ("GET", "/apps/{app}/roletemplates/Viewer/roles/None", 404),
        ("GET", "/apps/{app}/authorities?grantedByAppId=nothing", 404),
        ("GET", "/apps?onlyWithClientId=", 400),
        ("GET", "/apps/roletemplates?showRoles=perhaps", 400),
        ("GET", "/nothing", 404),
        ("GET", "/rolecollections/a%00b", 400),
        ("GET", "/rolecollections/%ff", 400),
        ("GET", "/rolecollections/" + "x" * 256, 400),
        ("PATCH", "/rolecollections", 405),
        ("POST", "/rolecollections", 400),
        ("PUT", "/rolecollections/None/roles", 400),
        ("DELETE", "/rolecollections/None", 404),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(
    admin: Administrator, shop: BoundApplication, method: str, path: str, status: int
) -> None:
    answer = admin.ask(method, path.replace("{app}", encoded(shop.name)))
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "body", [{"name": ""}, {"name": " x"}, {"name": "x" * 65}, {"name": "a\x00b"}, {"name": 1}, []]
)
def test_a_collection_needs_a_proper_name(admin: Administrator, body: object) -> None:
    assert admin.ask("POST", "/rolecollections", body).status_code == 400


def test_without_the_right_token_nothing_is_told(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication
) -> None:
    assert server.http.get("/sap/rest/authorization/v2/apps").status_code == 401
    assert server.http.get("/sap/rest/authorization/v2/nothing").status_code == 401
    forged = Administrator(server, admin.token[:-8] + "AAAAAAAA")
    assert forged.ask("GET", "/apps").status_code == 401
    other = server.token(shop, grant_type="client_credentials").json()["access_token"]
    answer = Administrator(server, other).ask("GET", "/apps")
    assert (answer.status_code, answer.headers["entryway-error"]) == (403, "insufficient_scope")


def test_the_token_says_which_tenant_at_the_host_of_the_interfaces(
    server: RunningAuthServer, admin: Administrator, shop: BoundApplication
) -> None:
    answer = admin.ask("GET", f"/apps/{encoded(shop.name)}", host="api.localhost")
    assert answer.status_code == 200
    assert admin.ask("GET", "/apps", host="api.elsewhere.example").status_code == 404


def test_an_administrators_user_may_do_what_their_collection_allows(
    server: RunningAuthServer, unique: str, browser: Browser
) -> None:
    descriptor = products(f"cockpit-{unique}") | {"foreign-scope-references": ["$ACCEPT_GRANTED_SCOPES"]}
    app = server.deploy(descriptor)
    server.user(f"ann-{unique}", "correct horse", ["Subaccount Administrator"])
    # No application is given these scopes by itself: a client must be granted them.
    assert "xs_user.read" not in user_claims(server, app, f"ann-{unique}")["scope"]


def test_the_callers_own_application(admin: Administrator) -> None:
    own = admin.get("/ownapp")
    assert own["planName"] == "apiaccess"
    assert admin.get("/ownapp/usage") == {"appid": own["appid"], "bindings": 1, "roleCollections": 0}


def test_which_attributes_need_a_value_is_told_with_every_role(admin: Administrator, shop: BoundApplication) -> None:
    path = f"/apps/{encoded(shop.name)}/roletemplates/Seller/roles"
    made = admin.done("POST", "/apps/roles", role(shop, "France", attribute("Country", "static", "FR")))
    shown = [
        made,
        admin.get(f"{path}/France"),
        admin.done("PUT", f"{path}/France", {"attributeList": [attribute("Country", "static", "BE")]}),
        admin.get(path)[0],
        next(
            each for each in admin.get("/roles") if each["roleTemplateAppId"] == shop.name and each["name"] == "France"
        ),
    ]
    for each in shown:
        assert {one["attributeName"]: one["valueRequired"] for one in each["attributeList"]} == {
            "Country": True,
            "Level": False,
        }
