"""Tenants: what each has of its own, and every way one could reach another."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

import httpx
import pytest
from product_descriptor import products

from entryway.security.jws import take_apart
from entryway.testing.authserver import BoundApplication, Browser, RunningAuthServer
from entryway.testing.databases import execute

pytestmark = pytest.mark.once_on_postgresql

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Tenant:
    """A tenant, and what its users and applications send to the server."""

    server: RunningAuthServer
    id: str
    subdomain: str

    @property
    def path(self) -> str:
        return f"/t/{self.subdomain}"

    def platform(self, method: str, path: str, body=None) -> httpx.Response:
        headers = {
            "authorization": f"Bearer {self.server.platform_token()}",
            "x-identity-zone-id": self.id,
        }
        return self.server.http.request(method, f"/entryway/v1{path}", json=body, headers=headers)

    def deploy(self, name: str) -> BoundApplication:
        instance = str(uuid.uuid4())
        answer = self.platform(
            "PUT", f"/applications/{instance}", {"plan": "application", "xs_security": products(name)}
        )
        assert answer.status_code == 201, answer.text
        bound = self.platform("PUT", f"/applications/{instance}/bindings/{uuid.uuid4()}")
        assert bound.status_code == 200, bound.text
        return BoundApplication(instance, bound.json())

    def user(self, name: str, *collections: str) -> str:
        body = {"password": PASSWORD, "role_collections": list(collections), "email": f"{name}@example.com"}
        answer = self.platform("PUT", f"/users/{name}", body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["id"]

    def token(self, app: BoundApplication, **form: str) -> httpx.Response:
        data = {"client_id": app.client_id, "client_secret": app.secret, **form}
        return self.server.http.post("/oauth/token", data=data, headers={"x-zid": self.id})

    def user_token(self, app: BoundApplication, name: str) -> dict:
        answer = self.token(app, grant_type="password", username=name, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        return answer.json()


def new_tenant(server: RunningAuthServer) -> Tenant:
    subdomain = f"t{uuid.uuid4().hex[:10]}"
    answer = server.platform("POST", "/tenants", {"subdomain": subdomain, "name": "A tenant"})
    assert answer.status_code == 201, answer.text
    return Tenant(server, answer.json()["id"], subdomain)


@pytest.fixture
def acme(server: RunningAuthServer) -> Tenant:
    return new_tenant(server)


@pytest.fixture
def bolt(server: RunningAuthServer) -> Tenant:
    return new_tenant(server)


@pytest.fixture
def saas(server: RunningAuthServer) -> BoundApplication:
    """An application that tenants may subscribe to."""
    return server.deploy(products(f"saas-{uuid.uuid4().hex[:8]}") | {"tenant-mode": "shared"})


def subscribe(server: RunningAuthServer, tenant: Tenant, app: BoundApplication, **body) -> httpx.Response:
    return server.platform("PUT", f"/tenants/{tenant.id}/subscriptions/{app.name}", body)


class TestLife:
    def test_a_tenant_is_created_with_a_number_and_a_key_of_its_own(self, server, acme, bolt):
        listed = [server.platform("GET", f"/tenants/{tenant.id}").json() for tenant in (acme, bolt)]
        assert listed[1]["number"] == listed[0]["number"] + 1
        assert listed[0]["url"] == f"https://{acme.subdomain}.{server.url.removeprefix('https://')}"
        keys = [server.http.get("/token_keys", params={"zid": tenant.id}).json()["keys"] for tenant in (acme, bolt)]
        assert len(keys[0]) == len(keys[1]) == 1
        assert keys[0][0]["n"] != keys[1][0]["n"]
        assert acme.deploy("orders").name == f"orders!t{listed[0]['number']}"

    @pytest.mark.parametrize("subdomain", ["", "-a", "a-", "a.b", "ä", "api", "a" * 64, "a_b"])
    def test_what_is_no_subdomain(self, server, subdomain):
        answer = server.platform("POST", "/tenants", {"subdomain": subdomain, "name": "x"})
        assert answer.status_code == 400

    def test_a_subdomain_and_an_id_are_there_once_and_lower_case(self, server, acme):
        again = server.platform("POST", "/tenants", {"subdomain": acme.subdomain.upper(), "name": "x"})
        same_id = server.platform("POST", "/tenants", {"subdomain": "other-x", "name": "x", "id": acme.id})
        assert (again.status_code, same_id.status_code) == (409, 409)
        assert server.platform("POST", "/tenants", {"subdomain": "y", "name": "x", "id": "nonsense"}).status_code == 400

    def test_tenants_are_listed_page_by_page(self, server, acme, bolt):
        seen, after = [], 0
        while after is not None:
            page = server.platform("GET", f"/tenants?limit=2&after={after}").json()
            assert len(page["tenants"]) <= 2
            seen += [tenant["id"] for tenant in page["tenants"]]
            after = page["next"]
        assert len(seen) == len(set(seen))
        assert {acme.id, bolt.id} < set(seen)
        assert server.platform("GET", "/tenants?limit=0").status_code == 400
        assert server.platform("GET", "/tenants?after=-1").status_code == 400

    def test_a_suspended_tenant_answers_nobody_until_it_is_resumed(self, server, acme):
        app = acme.deploy("orders")
        token = acme.token(app, grant_type="client_credentials").json()["access_token"]
        assert server.platform("PATCH", f"/tenants/{acme.id}", {"suspended": True}).json()["suspended"] is True
        refused = acme.token(app, grant_type="client_credentials")
        assert (refused.status_code, refused.headers["entryway-error"]) == (403, "zone_suspended")
        assert server.http.get("/token_keys", params={"zid": acme.id}).status_code == 403
        assert server.http.get(f"{acme.path}/login").status_code == 403
        assert server.platform("PATCH", f"/tenants/{acme.id}", {"suspended": False}).json()["suspended"] is False
        introspected = server.http.post(
            "/introspect", data={"token": token}, auth=(app.client_id, app.secret), headers={"x-zid": acme.id}
        )
        assert introspected.json()["active"] is True

    def test_nothing_of_a_deleted_tenant_is_left_but_its_trail(self, server, acme):
        app = acme.deploy("orders")
        acme.user("erin", "orders Editor")
        acme.user_token(app, "erin")
        assert server.platform("DELETE", f"/tenants/{acme.id}").status_code == 204
        assert acme.token(app, grant_type="client_credentials").status_code == 404
        assert server.platform("GET", f"/tenants/{acme.id}").status_code == 404
        tables = execute(
            server.database_url,
            "select name from sqlite_master where type = 'table'"
            if server.database_url.startswith("sqlite")
            else "select tablename from pg_tables where schemaname = 'public'",
        )
        for (table,) in tables:
            if table in {"audit_entries", "alembic_version", "data_keys", "zones"}:
                continue
            count = f"select count(*) from \"{table}\" where zid = '{acme.id}'"
            assert execute(server.database_url, count) == [(0,)], table
        trail = execute(
            server.database_url,
            f"select event from audit_entries where zid = '{acme.id}' and object_type = 'xs_tenant' order by number",
        )
        assert trail == [("CREATE",), ("DELETE",)]
        # Whoever had the id again would read that trail, and what other services have kept.
        body = {"subdomain": acme.subdomain, "name": "Another"}
        assert server.platform("POST", "/tenants", body | {"id": acme.id.upper()}).status_code == 409
        assert server.platform("POST", "/tenants", body).status_code == 201

    @pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"suspended": True})])
    def test_the_landscapes_own_tenant_stays(self, server, method, body):
        own = server.platform("GET", "/tenants?limit=1").json()["tenants"][0]
        assert server.platform(method, f"/tenants/{own['id']}", body).status_code == 409

    def test_only_the_landscape_administers_tenants(self, server, acme):
        app = acme.deploy("orders")
        token = acme.token(app, grant_type="client_credentials").json()["access_token"]
        for headers in ({"x-zid": acme.id}, {}):
            answer = server.http.get("/entryway/v1/tenants", headers={"authorization": f"Bearer {token}", **headers})
            assert answer.status_code in {401, 403}
        assert acme.platform("GET", "/tenants").status_code == 403


class TestNaming:
    def test_by_host_header_query_and_path(self, server, acme):
        expected = server.http.get("/token_keys", params={"zid": acme.id}).json()
        host = f"{acme.subdomain.upper()}.{server.url.removeprefix('https://')}"
        for path, headers in (
            ("/token_keys", {"host": host}),
            ("/token_keys", {"x-zid": acme.id}),
            ("/token_keys", {"X-zid": acme.id}),
            (f"{acme.path}/token_keys", {}),
        ):
            assert server.http.get(path, headers=headers).json() == expected

    @pytest.mark.parametrize(
        ("path", "headers", "status"),
        [
            ("/t/nobody/token_keys", {}, 404),
            ("/token_keys?zid=nobody", {}, 404),
            ("/token_keys", {"host": "nobody.localhost"}, 404),
            ("/token_keys", {"host": "elsewhere.example"}, 404),
            ("/t/acme/token_keys?zid=x", {}, 404),
            ("/t/acme/token_keys", {"x-zid": "x"}, 404),
            ("/t/acme/token_keys?zid=y", {"x-zid": "x"}, 400),
            ("/t/acme/token_keys", {"host": "acme.localhost"}, 400),
            ("/t//token_keys", {}, 404),
            ("/t/acme", {}, 404),
        ],
    )
    def test_what_names_no_tenant_or_two(self, server, path, headers, status):
        assert server.http.get(path, headers=headers).status_code == status

    def test_two_ids_are_told_of(self, server, acme, bolt):
        refused = server.http.get(f"/token_keys?zid={acme.id}", headers={"x-zid": bolt.id})
        assert (refused.status_code, refused.headers["entryway-error"]) == (400, "invalid_request")
        assert refused.json()["error"] == "invalid_request"
        assert "zid" in refused.json()["error_description"]

    def test_a_browser_logs_in_on_a_tenants_path(self, server, acme, browser: Browser):
        app = acme.deploy("orders")
        acme.user("erin")
        page = browser.http.get(
            f"{acme.path}/oauth/authorize",
            params={
                "response_type": "code",
                "client_id": app.client_id,
                "redirect_uri": "http://localhost:5000/login/callback",
            },
        )
        assert f'action="{acme.path}/login.do"' in page.text
        form = dict(_hidden(page.text)) | {"username": "erin", "password": PASSWORD}
        done = browser.http.post(f"{acme.path}/login.do", data=form)
        code = httpx.URL(done.headers["location"]).params["code"]
        redirect_uri = "http://localhost:5000/login/callback"
        assert acme.token(app, grant_type="authorization_code", code=code, redirect_uri=redirect_uri).status_code == 200
        # A redirect within the server stays at the tenant.
        farewell = browser.http.get(f"{acme.path}/logout.do")
        assert f'href="{acme.path}/login"' in farewell.text


class TestSubscriptions:
    def test_a_shared_application_works_in_a_tenant_with_the_same_secret(self, server, acme, saas):
        assert subscribe(server, acme, saas).status_code == 200
        acme.user("erin", f"{saas.name.partition('!')[0]} Editor")
        body = acme.user_token(saas, "erin")
        assert f"{saas.name}.Edit" in body["scope"].split()
        introspected = server.http.post(
            "/introspect",
            data={"token": body["access_token"]},
            auth=(saas.client_id, saas.secret),
            headers={"x-zid": acme.id},
        ).json()
        assert (introspected["zid"], introspected["ext_attr"]["zdn"]) == (acme.id, acme.subdomain)
        assert introspected["iss"].startswith(f"https://{acme.subdomain}.")

    def test_who_has_not_subscribed_is_told_so(self, server, acme, saas, browser: Browser):
        answer = browser.http.get(
            f"{acme.path}/oauth/authorize", params={"response_type": "code", "client_id": saas.client_id}
        )
        assert answer.status_code in {400, 401}
        assert f"No client with requested id: {saas.client_id}" in answer.text.replace("&#34;", '"')

        # A program is told, too, but only once it has proved that it is this application.
        told = acme.token(saas, grant_type="client_credentials")
        assert (told.status_code, told.json()["error"]) == (401, "invalid_client")
        assert told.json()["error_description"] == f"No client with requested id: {saas.client_id}"
        guessed = acme.token(saas, grant_type="client_credentials", client_secret="guessed")
        assert (guessed.status_code, guessed.json()["error_description"]) == (401, "Bad credentials")
        subscribe(server, acme, saas)
        guessed = acme.token(saas, grant_type="client_credentials", client_secret="guessed")
        assert guessed.json()["error_description"] == "Bad credentials"

    def test_what_the_provider_changes_reaches_the_tenants(self, server, acme, saas):
        subscribe(server, acme, saas)
        name = saas.name.partition("!")[0]
        changed = products(name) | {"tenant-mode": "shared"}
        changed["scopes"] = [*changed["scopes"], {"name": "$XSAPPNAME.Audit", "description": "See the trail"}]
        changed["role-templates"] = [
            *changed["role-templates"],
            {"name": "Auditor", "scope-references": ["$XSAPPNAME.Audit"]},
        ]
        changed["role-collections"] = [
            *changed["role-collections"],
            {"name": f"{name} Auditor", "role-template-references": ["$XSAPPNAME.Auditor"]},
        ]
        server.deploy(changed, saas.instance_id)
        acme.user("al", f"{name} Auditor")
        assert f"{saas.name}.Audit" in acme.user_token(saas, "al")["scope"].split()

    def test_an_unsubscribed_tenant_has_nothing_of_it_any_more(self, server, acme, saas):
        subscribe(server, acme, saas)
        assert saas.name.partition("!")[0] in acme.platform("GET", "/role-collections").text
        token = acme.token(saas, grant_type="client_credentials")
        assert token.status_code == 200
        path = f"/tenants/{acme.id}/subscriptions/{saas.name}"
        assert server.platform("DELETE", path).status_code == 204
        assert acme.token(saas, grant_type="client_credentials").status_code == 401
        assert saas.name.partition("!")[0] not in acme.platform("GET", "/role-collections").text
        again = server.platform("DELETE", path)
        assert (again.status_code, again.headers["entryway-error"]) == (404, "not_subscribed")
        assert server.token(saas, grant_type="client_credentials").status_code == 200

    def test_dependencies_come_and_go_along(self, server, acme, saas):
        other = server.deploy(products(f"dep-{uuid.uuid4().hex[:8]}") | {"tenant-mode": "shared"})
        clone = server.clone("destination-xsappname")
        assert subscribe(server, acme, saas, dependencies=[other.name, clone.name]).status_code == 200
        assert acme.token(other, grant_type="client_credentials").status_code == 200
        subscribed, provided = (
            take_apart(one.token(clone, grant_type="client_credentials").json()["access_token"]).claims
            for one in (acme, server)
        )
        assert subscribed["ext_attr"]["providersubaccountid"] == provided["zid"]
        assert "providersubaccountid" not in provided["ext_attr"]
        listed = server.platform("GET", f"/tenants/{acme.id}/subscriptions").json()["subscriptions"]
        assert {entry["xsappname"]: entry["wanted"] for entry in listed} == {
            saas.name: True,
            other.name: False,
            clone.name: False,
        }
        server.platform("DELETE", f"/tenants/{acme.id}/subscriptions/{saas.name}")
        assert acme.token(other, grant_type="client_credentials").status_code == 401
        assert acme.token(clone, grant_type="client_credentials").status_code == 401

    def test_dependencies_stay_as_long_as_something_that_stays_needs_them(self, server, acme):
        one, two, three = (
            server.deploy(products(f"{name}-{uuid.uuid4().hex[:8]}") | {"tenant-mode": "shared"})
            for name in ("one", "two", "three")
        )

        def there() -> set[str]:
            listed = server.platform("GET", f"/tenants/{acme.id}/subscriptions").json()["subscriptions"]
            return {entry["xsappname"] for entry in listed}

        subscribe(server, acme, one, dependencies=[two.name])
        subscribe(server, acme, two, dependencies=[three.name])
        server.platform("DELETE", f"/tenants/{acme.id}/subscriptions/{two.name}")
        assert there() == {one.name, two.name, three.name}
        # What is not named any more goes, with what it brought along.
        subscribe(server, acme, one)
        assert there() == {one.name}
        assert acme.token(two, grant_type="client_credentials").status_code == 401

    def test_instances_of_a_service_follow_it_in_every_tenant(self, server, acme):
        tag = uuid.uuid4().hex[:8]
        service = {
            "xsappname": f"svc-{tag}",
            "tenant-mode": "shared",
            "scopes": [{"name": "$XSAPPNAME.Use", "grant-as-authority-to-apps": ["$XSAPPNAME"]}],
            "authorities": ["$ACCEPT_GRANTED_AUTHORITIES"],
            "authorities-inheritance": False,
        }
        path = f"/applications/{uuid.uuid4()}"

        def deploy(**changes) -> None:
            body = {"plan": "broker", "xs_security": service | changes}
            assert server.platform("PUT", path, body).status_code in {200, 201}

        deploy()
        call = {"name": "$XSAPPNAME.Call", "grant-as-authority-to-apps": [f"$XSAPPNAME(broker,svc-{tag})"]}
        giver = server.deploy({"xsappname": f"giver-{tag}", "tenant-mode": "shared", "scopes": [call]})
        clone = server.clone(f"svc-{tag}")
        subscribe(server, acme, giver)
        subscribe(server, acme, clone)

        def own(world) -> set[str]:
            return set(world.token(clone, grant_type="client_credentials").json()["scope"].split())

        assert (own(server), own(acme)) == ({"uaa.resource"}, {"uaa.resource"})
        deploy(**{"authorities-inheritance": True})
        inherited = {"uaa.resource", f"{giver.name}.Call"}
        assert (own(server), own(acme)) == (inherited | {f"svc-{tag}!b1.Use"}, inherited)
        deploy(**{"oauth2-configuration": {"credential-types": ["x509"]}})
        for world in (server, acme):
            assert world.token(clone, grant_type="client_credentials").status_code == 401

    def test_a_tenant_mode_stays_while_tenants_have_subscribed(self, server, acme, saas):
        body = {"plan": "application", "xs_security": products(saas.name.partition("!")[0])}
        subscribe(server, acme, saas)
        for mode in ("dedicated", "external"):
            changed = body | {"xs_security": body["xs_security"] | {"tenant-mode": mode}}
            refused = server.platform("PUT", f"/applications/{saas.instance_id}", changed)
            assert (refused.status_code, refused.json()["mistakes"][0]["path"]) == (400, "/tenant-mode")
        server.platform("DELETE", f"/tenants/{acme.id}/subscriptions/{saas.name}")
        assert server.platform("PUT", f"/applications/{saas.instance_id}", body).status_code == 200

    def test_an_update_says_in_which_tenant_a_name_is_taken(self, server, acme, saas):
        subscribe(server, acme, saas)
        taken = acme.deploy(f"own-{uuid.uuid4().hex[:8]}").name.partition("!")[0] + " Viewer"
        descriptor = products(saas.name.partition("!")[0]) | {"tenant-mode": "shared"}
        new = {"name": taken, "role-template-references": ["$XSAPPNAME.Viewer"]}
        descriptor["role-collections"] = [*descriptor["role-collections"], new]
        body = {"plan": "application", "xs_security": descriptor}
        refused = server.platform("PUT", f"/applications/{saas.instance_id}", body)
        assert refused.status_code == 400
        assert f"{taken!r} exists already in the tenant {acme.subdomain}" in refused.json()["detail"]

    def test_a_dedicated_application_is_for_its_own_tenant(self, server, acme, app):
        answer = subscribe(server, acme, app)
        assert (answer.status_code, "dedicated" in answer.text) == (409, True)
        assert subscribe(server, acme, app.__class__("x", {"xsappname": "nobody!t1"})).status_code == 400

    def test_an_external_application_has_another_secret_in_each_tenant(self, server, acme, bolt):
        external = server.deploy(products(f"ext-{uuid.uuid4().hex[:8]}") | {"tenant-mode": "external"})
        for tenant in (acme, bolt):
            assert subscribe(server, tenant, external).status_code == 200
            assert tenant.token(external, grant_type="client_credentials").status_code == 401
        bound = acme.platform("PUT", f"/applications/{external.instance_id}/bindings/{uuid.uuid4()}")
        assert bound.status_code == 200, bound.text
        own = BoundApplication(external.instance_id, bound.json())
        assert acme.token(own, grant_type="client_credentials").status_code == 200
        assert bolt.token(own, grant_type="client_credentials").status_code == 401
        assert server.token(own, grant_type="client_credentials").status_code == 401

    def test_role_collections_that_tenants_have_keep_their_templates(self, server, acme, saas):
        name = saas.name.partition("!")[0]
        descriptor = products(name) | {"tenant-mode": "shared"}
        editor, viewer = descriptor["role-collections"][:2]
        swapped = editor | {"role-template-references": viewer["role-template-references"]}
        body = {
            "plan": "application",
            "xs_security": descriptor | {"role-collections": [swapped, *descriptor["role-collections"][1:]]},
        }
        subscribe(server, acme, saas)
        refused = server.platform("PUT", f"/applications/{saas.instance_id}", body)
        assert refused.status_code == 400
        assert refused.json()["detail"].startswith(
            "Error parsing xs-security.json data: Inconsistent xs-security.json: Cannot add or remove "
            "role-template-references from role collection if already in use (app subscribed or "
        )
        server.platform("DELETE", f"/tenants/{acme.id}/subscriptions/{saas.name}")
        assert server.platform("PUT", f"/applications/{saas.instance_id}", body).status_code == 200

    def test_a_subscriber_cannot_change_what_is_the_providers(self, server, acme, saas):
        subscribe(server, acme, saas)
        path = f"/applications/{saas.instance_id}"
        body = {"plan": "application", "xs_security": products(saas.name.partition("!")[0])}
        assert acme.platform("PUT", path, body).status_code == 409
        assert acme.platform("DELETE", path).status_code == 409
        assert acme.platform("PUT", f"{path}/bindings/{uuid.uuid4()}").status_code in {404, 409}
        assert server.platform("DELETE", path).status_code == 409


class TestIsolation:
    """Everything that one tenant holds, shown to another."""

    @pytest.fixture
    def worlds(self, server, acme, bolt, saas):
        for tenant in (acme, bolt):
            assert subscribe(server, tenant, saas).status_code == 200
            tenant.user("erin", f"{saas.name.partition('!')[0]} Editor")
        return acme, bolt

    def test_a_users_password_counts_in_their_tenant_alone(self, worlds, saas):
        acme, bolt = worlds
        acme.user("only-at-acme")
        answer = bolt.token(saas, grant_type="password", username="only-at-acme", password=PASSWORD)
        assert answer.status_code == 401

    def test_an_access_token(self, server, worlds, saas):
        acme, bolt = worlds
        for token in (
            acme.user_token(saas, "erin")["access_token"],
            acme.token(saas, grant_type="client_credentials").json()["access_token"],
            acme.token(saas, grant_type="client_credentials", token_format="opaque").json()["access_token"],
        ):
            answer = server.http.post(
                "/introspect", data={"token": token}, auth=(saas.client_id, saas.secret), headers={"x-zid": bolt.id}
            )
            assert answer.json() == {"active": False}
            assertion = bolt.token(saas, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=token)
            assert assertion.status_code in {400, 401}
            userinfo = server.http.get("/userinfo", headers={"authorization": f"Bearer {token}", "x-zid": bolt.id})
            assert userinfo.status_code == 401

    def test_a_refresh_token(self, worlds, saas):
        acme, bolt = worlds
        refresh = acme.user_token(saas, "erin")["refresh_token"]
        assert bolt.token(saas, grant_type="refresh_token", refresh_token=refresh).status_code in {400, 401}
        assert acme.token(saas, grant_type="refresh_token", refresh_token=refresh).status_code == 200

    def test_a_code_a_session_and_a_login_on_its_way(self, server, worlds, saas, browser: Browser):
        acme, bolt = worlds
        asked = {
            "response_type": "code",
            "client_id": saas.client_id,
            "redirect_uri": "http://localhost:5000/login/callback",
        }
        page = browser.http.get("/oauth/authorize", params=asked, headers={"x-zid": acme.id})
        form = dict(_hidden(page.text)) | {"username": "erin", "password": PASSWORD}
        elsewhere = browser.http.post("/login.do", data=form, headers={"x-zid": bolt.id})
        assert elsewhere.status_code != 302
        done = browser.http.post("/login.do", data=form, headers={"x-zid": acme.id})
        assert done.status_code == 302, done.text
        code = httpx.URL(done.headers["location"]).params["code"]
        redeemed = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"]}
        assert bolt.token(saas, **redeemed).status_code in {400, 401}
        # The browser is logged in at one tenant, and has to log in at the other.
        again = browser.http.get("/oauth/authorize", params=asked, headers={"x-zid": acme.id})
        other = browser.http.get("/oauth/authorize", params=asked, headers={"x-zid": bolt.id})
        assert (again.status_code, other.status_code) == (302, 200)
        assert acme.token(saas, **redeemed).status_code == 200

    def test_the_ids_of_users_and_instances(self, server, worlds):
        acme, bolt = worlds
        own = acme.deploy("orders")
        acme.user("secret-agent")
        assert bolt.platform("DELETE", f"/applications/{own.instance_id}").status_code == 404
        assert bolt.platform("GET", f"/applications/{own.instance_id}/bindings/x").status_code == 404
        assert bolt.platform("PUT", f"/applications/{own.instance_id}/bindings/x").status_code == 404
        assert bolt.platform("DELETE", "/users/secret-agent").status_code == 404
        assert "secret-agent" not in bolt.platform("GET", "/users").text
        assert bolt.token(own, grant_type="client_credentials").status_code == 401
        assert server.token(own, grant_type="client_credentials").status_code == 401

    def test_a_key(self, server, worlds, saas):
        acme, bolt = worlds
        kid = server.platform("GET", f"/tenants/{acme.id}/keys").json()["keys"][0]["kid"]
        assert server.platform("DELETE", f"/tenants/{bolt.id}/keys/{kid}?force=true").status_code == 404
        assert server.platform("POST", f"/tenants/{bolt.id}/keys/{kid}/enable", {"force": True}).status_code == 404

    def test_an_administrators_token_switches_to_no_other_zone(self, server, worlds, saas):
        acme, bolt = worlds
        instance = str(uuid.uuid4())
        assert acme.platform("PUT", f"/applications/{instance}", {"plan": "apiaccess"}).status_code == 201
        api = BoundApplication(instance, acme.platform("PUT", f"/applications/{instance}/bindings/b").json())
        token = acme.token(api, grant_type="client_credentials").json()["access_token"]
        headers = {"authorization": f"Bearer {token}", "x-zid": acme.id, "x-identity-zone-id": bolt.id}
        assert server.http.get("/entryway/v1/users", headers=headers).status_code == 403


class TestKeys:
    def test_a_key_is_published_before_it_signs_and_verifies_after(self, server, acme):
        app = acme.deploy("orders")
        path = f"/tenants/{acme.id}/keys"

        def published() -> httpx.Response:
            return server.http.get("/token_keys", params={"zid": acme.id})

        first = published()
        old = first.json()["keys"][0]["kid"]
        token = acme.token(app, grant_type="client_credentials").json()["access_token"]
        new = server.platform("POST", path).json()["kid"]
        assert {key["kid"] for key in published().json()["keys"]} == {old, new}
        assert published().headers["etag"] != first.headers["etag"]
        not_modified = server.http.get(
            "/token_keys", params={"zid": acme.id}, headers={"if-none-match": published().headers["etag"]}
        )
        assert (not_modified.status_code, not_modified.content) == (304, b"")
        assert server.http.get("/token_key", params={"zid": acme.id}).json()["kid"] == old

        early = server.platform("POST", f"{path}/{new}/enable", {})
        assert (early.status_code, early.headers["entryway-error"]) == (409, "key_step_refused")
        assert server.platform("POST", path).status_code == 409
        assert server.platform("DELETE", f"{path}/{old}?force=true").status_code == 409
        assert server.platform("POST", f"{path}/{new}/enable", {"force": True}).json()["enabled"] is True
        assert server.http.get("/token_key", params={"zid": acme.id}).json()["kid"] == new

        def active() -> bool:
            answer = server.http.post(
                "/introspect", data={"token": token}, auth=(app.client_id, app.secret), headers={"x-zid": acme.id}
            )
            return answer.json()["active"]

        assert active()
        assert server.platform("DELETE", f"{path}/{old}").status_code == 409
        assert server.platform("DELETE", f"{path}/{old}?force=true").status_code == 204
        assert not active()
        assert {key["kid"] for key in published().json()["keys"]} == {new}
        assert server.platform("DELETE", f"{path}/nobody").status_code == 404

    def test_a_tenant_that_is_not_there_has_no_keys(self, server):
        assert server.http.get("/token_keys", params={"zid": str(uuid.uuid4())}).status_code == 404


def _hidden(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
