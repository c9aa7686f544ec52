"""What a descriptor means over time: references that come true late, updates, plans and deletions."""

from __future__ import annotations

import uuid

import httpx
import pytest
from product_descriptor import products
from test_exchanges import PASSWORD
from test_token_endpoint import claims

from entryway.testing.authserver import BoundApplication, RunningAuthServer

pytestmark = pytest.mark.once_on_postgresql


def put(server: RunningAuthServer, instance_id: str, descriptor: dict, **body: object) -> httpx.Response:
    content = {"plan": "application", "xs_security": descriptor, **body}
    return server.platform("PUT", f"/applications/{instance_id}", content)


def caller(name: str, **more: object) -> dict:
    return {"xsappname": name, **more}


def callee(name: str, *grantees: str) -> dict:
    return {
        "xsappname": name,
        "scopes": [
            {
                "name": "$XSAPPNAME.Call",
                "grant-as-authority-to-apps": list(grantees),
                "granted-apps": list(grantees),
            }
        ],
    }


def own_scopes(server: RunningAuthServer, app: BoundApplication) -> set[str]:
    return set(server.token(app, grant_type="client_credentials").json()["scope"].split())


@pytest.fixture
def name() -> str:
    return f"n{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize(
    ("grantee", "accepted"),
    [
        ("$XSAPPNAME(application,caller-{name})", "$XSAPPNAME(application,callee-{name}).Call"),
        ("$XSAPPNAME( application, caller-{name} )", "$ACCEPT_GRANTED_AUTHORITIES"),
        ("$XSAPPNAME(application,dev,caller-{name})", "$XSAPPNAME( application,dev, callee-{name}).Call"),
        ("$XSAPPNAME(application,dev,caller-{name})", "$ACCEPT_GRANTED_AUTHORITIES"),
        ("$XSSERVICENAME(caller {name})", "$XSSERVICENAME(callee {name}).Call"),
        ("$XSSERVICENAME( caller {name} )", "$ACCEPT_GRANTED_AUTHORITIES"),
    ],
)
def test_a_grant_comes_true_when_both_sides_are_there(
    server: RunningAuthServer, name: str, grantee: str, accepted: str
) -> None:
    client_id, service_id = str(uuid.uuid4()), str(uuid.uuid4())
    grantee, accepted = grantee.format(name=name), accepted.format(name=name)
    descriptor = caller(f"caller-{name}", authorities=[accepted])
    assert put(server, client_id, descriptor, instance_name=f"caller {name}").status_code == 201
    app = server.bind(client_id)
    assert own_scopes(server, app) == {"uaa.resource"}
    service = callee(f"callee-{name}", grantee)
    assert put(server, service_id, service, instance_name=f"callee {name}").status_code == 201
    assert own_scopes(server, app) == {"uaa.resource", f"callee-{name}!t1.Call"}
    assert server.platform("DELETE", f"/applications/{service_id}").status_code == 204
    assert own_scopes(server, app) == {"uaa.resource"}


def test_a_grant_to_another_tenant_or_instance_is_not_for_this_one(server: RunningAuthServer, name: str) -> None:
    client_id = str(uuid.uuid4())
    put(server, client_id, caller(f"caller-{name}", authorities=["$ACCEPT_GRANTED_AUTHORITIES"]), instance_name="mine")
    grantees = (
        f"$XSAPPNAME(application,elsewhere,caller-{name})",
        f"$XSAPPNAME(broker,dev,caller-{name})",
        f"$XSAPPNAME(broker,caller-{name})",
        "$XSSERVICENAME(another)",
        f"$XSSERVICENAME(caller-{name})",
    )
    put(server, str(uuid.uuid4()), callee(f"callee-{name}", *grantees))
    assert own_scopes(server, server.bind(client_id)) == {"uaa.resource"}


def test_a_role_may_hold_a_scope_of_an_instance_by_its_name(server: RunningAuthServer, name: str) -> None:
    reference = f"$XSSERVICENAME(callee {name}).Call"
    descriptor = caller(
        f"caller-{name}",
        **{
            "foreign-scope-references": [reference],
            "role-templates": [{"name": "Caller", "scope-references": [reference]}],
            "role-collections": [
                {"name": f"Callers {name}", "role-template-references": ["$XSAPPNAME.Caller"]},
            ],
        },
    )
    client_id, user = str(uuid.uuid4()), f"{name}@example.com"
    assert put(server, client_id, descriptor, instance_name=f"caller {name}").status_code == 201
    app = server.bind(client_id)
    server.user(user, PASSWORD, [f"Callers {name}"])
    form = {"grant_type": "password", "username": user, "password": PASSWORD}
    assert server.token(app, **form).json()["scope"] == "openid"
    service = callee(f"callee-{name}", f"$XSSERVICENAME(caller {name})")
    put(server, str(uuid.uuid4()), service, instance_name=f"callee {name}")
    assert set(server.token(app, **form).json()["scope"].split()) == {"openid", f"callee-{name}!t1.Call"}


def attributed(name: str) -> dict:
    return {
        "xsappname": name,
        "attributes": [
            {"name": "Country", "valueType": "string"},
            {"name": "Level", "valueType": "int", "valueRequired": False},
            {"name": "Grade", "valueRequired": False},
        ],
        "role-templates": [
            {"name": "T", "attribute-references": [{"name": "Country", "default-values": ["DE"]}, "Level"]},
            {"name": "U"},
        ],
        "role-collections": [{"name": f"C {name}", "role-template-references": ["$XSAPPNAME.T"]}],
    }


@pytest.mark.parametrize(
    ("change", "at"),
    [
        (lambda d: d["attributes"][0].update(valueType="int"), "/attributes/0/valueType"),
        (lambda d: d["attributes"][2].update(valueRequired=True), "/attributes/2/valueRequired"),
        (
            lambda d: d["role-templates"][0]["attribute-references"][0].update({"default-values": ["FR"]}),
            "/role-templates/0/attribute-references/0/default-values",
        ),
        (
            lambda d: d["role-templates"][1].update({"attribute-references": ["Country"]}),
            "/role-templates/1/attribute-references/0",
        ),
        (lambda d: d.update(xsappname="another"), "/xsappname"),
    ],
)
def test_an_update_that_breaks_roles_is_refused(server: RunningAuthServer, name: str, change, at: str) -> None:
    instance_id, descriptor = str(uuid.uuid4()), attributed(name)
    assert put(server, instance_id, descriptor).status_code == 201
    change(descriptor)
    answer = put(server, instance_id, descriptor)
    assert answer.status_code == 400
    assert [mistake["path"] for mistake in answer.json()["mistakes"]] == [at]
    assert answer.json()["detail"].startswith("Error parsing xs-security.json data: Inconsistent xs-security.json: ")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["role-templates"][0]["attribute-references"].pop(),
        lambda d: d["attributes"][0].update(description="Where"),
        lambda d: d["attributes"][0].update(valueRequired=False),
        lambda d: d["attributes"].append({"name": "New"}),
        lambda d: d["role-templates"][1].update({"attribute-references": ["Level"]}),
        lambda d: d["role-templates"][1].update(
            {"attribute-references": [{"name": "Country", "default-values": ["DE"]}]}
        ),
        lambda d: (d["role-collections"].clear(), d["role-templates"].pop(0)),
        lambda d: d.update({"scopes": [{"name": "$XSAPPNAME.New"}]}),
    ],
)
def test_an_update_that_breaks_nothing_is_done(server: RunningAuthServer, name: str, change) -> None:
    instance_id, descriptor = str(uuid.uuid4()), attributed(name)
    assert put(server, instance_id, descriptor).status_code == 201
    change(descriptor)
    assert put(server, instance_id, descriptor).status_code == 200


def test_an_update_ends_no_tokens_and_an_ended_client_stays_ended(server: RunningAuthServer, name: str) -> None:
    app = server.deploy(products(name))
    token = server.token(app, grant_type="client_credentials").json()["access_token"]
    platform = {"authorization": f"Bearer {server.platform_token()}"}

    def active() -> bool:
        form = {"token": token}
        return server.http.post("/introspect", data=form, auth=(app.client_id, app.secret)).json()["active"]

    server.deploy(products(name), app.instance_id)
    assert active()
    server.http.delete(f"/oauth/token/revoke/client/{app.client_id}", headers=platform)
    server.deploy(products(name), app.instance_id)
    assert not active()


def test_an_instance_of_the_plan_apiaccess_is_for_administration(server: RunningAuthServer) -> None:
    instance_id = str(uuid.uuid4())
    made = server.platform("PUT", f"/applications/{instance_id}", {"plan": "apiaccess"})
    assert made.json() == {"xsappname": f"na-{instance_id}!a1", "clientid": f"sb-na-{instance_id}!a1"}
    app = server.bind(instance_id)
    assert {"xs_authorization.read", "xs_user.write", "xs_idp.write"} <= own_scopes(server, app)
    assert app.credentials["apiurl"]
    assert server.token(app, grant_type="password", username="a", password="b").status_code == 401
    refused = server.platform("PUT", f"/applications/{instance_id}", {"plan": "apiaccess", "xs_security": {}})
    assert refused.status_code == 400


def test_a_service_of_ones_own_and_its_instances(server: RunningAuthServer, name: str) -> None:
    service_id, instance_id = str(uuid.uuid4()), str(uuid.uuid4())
    descriptor = caller(f"svc-{name}", authorities=["$ACCEPT_GRANTED_AUTHORITIES"])
    made = server.platform("PUT", f"/applications/{service_id}", {"plan": "broker", "xs_security": descriptor})
    assert made.json()["xsappname"] == f"svc-{name}!b1"
    master = server.bind(service_id)
    assert master.credentials["trustedclientidsuffix"] == f"|svc-{name}!b1"
    clone = {"plan": "clone", "master": f"svc-{name}"}
    assert server.platform("PUT", f"/applications/{instance_id}", clone).status_code == 201
    instance = server.bind(instance_id)
    assert instance.client_id == f"sb-clone-{instance_id}!b1|svc-{name}!b1"
    said = claims(server.token(instance, grant_type="client_credentials").json()["access_token"])
    assert said["ext_attr"]["serviceinstanceid"] == instance_id
    put(server, str(uuid.uuid4()), callee(f"callee-{name}", f"$XSAPPNAME(broker,svc-{name})"))
    assert f"callee-{name}!t1.Call" in own_scopes(server, instance)
    shorter = {**descriptor, "authorities-inheritance": False, "oauth2-configuration": {"token-validity": 600}}
    server.platform("PUT", f"/applications/{service_id}", {"plan": "broker", "xs_security": shorter})
    assert own_scopes(server, instance) == {"uaa.resource"}
    assert server.token(instance, grant_type="client_credentials").json()["expires_in"] == 599
    assert server.platform("DELETE", f"/applications/{service_id}").status_code == 409
    assert server.platform("DELETE", f"/applications/{instance_id}").status_code == 204
    assert server.platform("DELETE", f"/applications/{service_id}").status_code == 204


def test_a_plan_that_does_not_exist_is_refused(server: RunningAuthServer, name: str) -> None:
    assert put(server, str(uuid.uuid4()), caller(name), plan="space").status_code == 400
