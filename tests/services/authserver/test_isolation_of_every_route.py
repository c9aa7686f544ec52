"""Every route of the server, asked by one tenant for what is another's; a route that is new is asked, too.

Everything that belongs to the victim has the mark in its name, and its rows are the same in the end.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from product_descriptor import products
from starlette.routing import Route

from entryway.authserver.build import build
from entryway.authserver.rest.operations import Interface
from entryway.authserver.schema import SCHEMA
from entryway.authserver.settings import AuthServerSettings
from entryway.testing.authserver import MASTER_KEY, BoundApplication, RunningAuthServer, running_authserver

MARK = "sealedoff"
PASSWORD = "correct horse"
# What everybody may know, and what says nothing of a tenant.
PUBLIC = {
    "/token_keys", "/token_key", "/.well-known/openid-configuration", "/oauth/token/.well-known/openid-configuration",
    "/healthz", "/info", "/resources/{name}", "/openapi.json", "/sap/rest/authorization/v2/openapi.json",
    "/sap/rest/authorization/v2/securitySettings/public",
    "/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/{name}", "/Schemas", "/Schemas/{urn}", "/saml/metadata",
}  # fmt: skip
# Where a browser comes, with the cookies that it has; and a provider, with what it has signed.
BROWSER = {
    "/", "/login", "/login.do", "/logout", "/logout.do", "/passcode", "/config", "/oauth/authorize", "/autologin",
    "/saml/metadata/alias/{alias}", "/saml/discovery", "/saml/login/alias/{alias}", "/saml/SSO/alias/{alias}",
    "/saml/SingleLogout/alias/{alias}", "/login/callback/{origin}", "/logout/callback/{origin}",
    "/logout/backchannel/{origin}",
}  # fmt: skip
# Where clients prove who they are; most of what they bring is another test's (test_tenants.py).
CLIENT = {
    "/oauth/token", "/oauth/token/", "/oauth/token/alias/{alias}", "/introspect", "/oauth/introspect",
    "/check_token", "/oauth/revoke", "/revoke",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One route and one of its methods."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def every_route() -> list[Asked]:
    settings = AuthServerSettings("https://localhost", "sqlite+aiosqlite://", MASTER_KEY, "secret")
    found = []
    for route in build(settings).routes:
        assert isinstance(route, Route)
        interface = getattr(route.endpoint, "__self__", None)
        if isinstance(interface, Interface):
            if route.path == interface.prefix:
                found += [
                    Asked(each.method, f"{interface.prefix}{each.path}".removesuffix("/"))
                    for each in interface.operations
                ]
            continue
        path = re.sub(r":path\}", "}", route.path)
        found += [Asked(method, path) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


EVERY = every_route()
BEARER = [asked for asked in EVERY if asked.path not in PUBLIC | BROWSER | CLIENT]


@dataclass
class Tenant:
    """A tenant with one of everything, and the tokens of its administrators."""

    server: RunningAuthServer
    id: str
    subdomain: str
    app: BoundApplication
    tokens: list[str]
    names: Mapping[str, str]
    session: Mapping[str, str]
    code: str = ""
    made: dict[str, Any] = field(default_factory=dict)

    def fill(self, asked: Asked) -> str:
        """Return the path with the names of what is this tenant's."""
        of_path = {
            "/sap/rest/authorization/v2/apiCredentials/{name}": "credential",
            "/Users/{id}": "user_id",
            "/Groups/{id}": "collection",
            "/identity-zones/{zone}": "zid",
            "/sap/rest/identity-providers/{id}": "origin",
            "/sap/rest/identity-providers/{id}/refresh": "origin",
            "/sap/rest/identity-providers/{id}/migrate": "origin",
            "/sap/rest/identity-providers/{id}/restore": "origin",
        }

        def name(found: re.Match[str]) -> str:
            return quote(self.names[of_path.get(asked.path, found[1])], safe="")

        return re.sub(r"\{(\w+)\}", name, asked.path)


def tenant(server: RunningAuthServer, name: str) -> Tenant:
    made = server.platform("POST", "/tenants", {"subdomain": f"{name}-{uuid.uuid4().hex[:6]}", "name": name}).json()
    platform = {"authorization": f"Bearer {server.platform_token()}", "x-identity-zone-id": made["id"]}

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = server.http.request(method, path, json=body, headers=platform)
        assert answer.status_code in {200, 201, 204}, (path, answer.text)
        return answer.json() if answer.content else None

    def bind(body: Any) -> BoundApplication:
        instance = f"{name}-{uuid.uuid4()}"
        ask("PUT", f"/entryway/v1/applications/{instance}", body)
        return BoundApplication(instance, ask("PUT", f"/entryway/v1/applications/{instance}/bindings/{name}-binding"))

    rest = "/sap/rest/authorization/v2"
    descriptor = products(name) | {"attributes": [{"name": "Country", "valueRequired": False}]}
    seller = {"name": "Seller", "scope-references": ["$XSAPPNAME.Edit"], "attribute-references": ["Country"]}
    descriptor["role-templates"].append(seller)
    descriptor["foreign-scope-references"] = ["$ACCEPT_GRANTED_SCOPES"]
    app, api = bind({"plan": "application", "xs_security": descriptor}), bind({"plan": "apiaccess"})
    collection, user_name, origin = f"{name} collection", f"{name}-user", f"{name}-idp"
    ask("POST", f"{rest}/rolecollections", {"name": collection, "description": name})
    role = {"roleTemplateAppId": app.name, "roleTemplateName": "Seller", "name": f"{name} role"}
    ask("POST", f"{rest}/apps/roles", role)
    ask("PUT", f"{rest}/rolecollections/{quote(collection)}/roles", [role | {"roleName": f"{name} role"}])
    config = {"issuer": f"https://{name}.example", "client_id": name, "client_secret": name}
    provider = {"type": "oidc1.0", "originKey": origin, "name": name, "config": config}
    ask("POST", "/sap/rest/identity-providers", provider)
    mapping = {"attributeName": "Groups", "attributeValue": f"{name}-group", "roleCollectionName": collection}
    ask("POST", f"{rest}/identity-providers/{origin}/attributes", mapping)
    ask("POST", f"{rest}/apiCredentials", {"name": f"{name}-credential"})
    ask("PUT", f"{rest}/branding", {"name": name})
    collections = [collection, f"{name} Editor", "Subaccount Administrator"]
    user = ask("PUT", f"/entryway/v1/users/{user_name}", {"password": PASSWORD, "role_collections": collections})

    def token(client: BoundApplication, **form: str) -> dict[str, Any]:
        data = {"client_id": client.client_id, "client_secret": client.secret, **form}
        answer = server.http.post("/oauth/token", data=data, headers={"x-zid": made["id"]})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    by_password = {"grant_type": "password", "username": user_name, "password": PASSWORD}
    tokens = [
        token(api, grant_type="client_credentials"),
        token(api, grant_type="client_credentials", token_format="opaque"),
        token(app, **by_password),
    ]
    browser = server.browser()
    browser.http.headers["x-zid"] = made["id"]
    code = browser.log_in(app, user_name, PASSWORD)
    session = dict(browser.http.cookies.items())
    browser.http.close()
    own = server.http.get("/saml/metadata", headers={"x-zid": made["id"]}).text
    names = {
        "app": app.name, "scope": "Edit", "template": "Seller", "role": f"{name} role", "name": collection, "page": "1",
        "collection": collection, "origin": origin, "attribute": "Groups", "operator": "equals",
        "value": f"{name}-group", "client": app.client_id, "client_id": app.client_id, "user_id": user["id"],
        "user_name": user_name, "instance_id": app.instance_id, "binding_id": f"{name}-binding",
        "zid": made["id"], "zone": made["id"],
        "xsappname": app.name, "host": f"{name}.example.com", "token_id": tokens[2]["jti"],
        "externalGroup": f"{name}-group", "groupId": collection, "credential": f"{name}-credential",
        "kid": server.http.get("/token_keys", params={"zid": made["id"]}).json()["keys"][0]["kid"],
        "alias": re.findall(r"/saml/SSO/alias/([^\"]+)", own)[0],
    }  # fmt: skip
    bearers = [each["access_token"] for each in tokens]
    refresh = {"refresh_token": tokens[2]["refresh_token"], "access_token": tokens[2]["access_token"]}
    return Tenant(server, made["id"], made["subdomain"], app, bearers, names, session, code, refresh)


@dataclass(frozen=True)
class Worlds:
    server: RunningAuthServer
    victim: Tenant
    attacker: Tenant
    before: list[Any]

    def rows(self) -> list[Any]:
        return rows(self.server, self.victim.id)

    def send(self, asked: Asked, path: str, **headers: str) -> httpx.Response:
        body = BODIES.get(str(asked), {"name": "x"}) if asked.method in {"POST", "PUT", "PATCH"} else None
        headers = {"content-type": "application/json", **headers}
        content = None if body is None else json.dumps(body(self.victim) if callable(body) else body)
        return self.server.http.request(asked.method, path, content=content, headers=headers)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    settings = {
        "tenant_url": "https://localhost/t/{subdomain}",
        "authorization_requests_per_second": 0,
        "identity_provider_requests_per_second": 0,
        "scim_requests_per_second": 0,
        "token_requests_per_second": 0,
    }
    with running_authserver(tmp_path_factory.mktemp("isolation"), **settings) as server:
        victim, attacker = tenant(server, MARK), tenant(server, "attacker")
        yield Worlds(server, victim, attacker, rows(server, victim.id))


def rows(server: RunningAuthServer, zid: str) -> list[Any]:
    """Return everything that is stored of a tenant."""
    tables = [table for table in SCHEMA.metadata.sorted_tables if "zid" in table.c and table.name != "audit_entries"]
    # Some forty tables, so not each through the machinery of a service.
    with closing(sqlite3.connect(urlsplit(server.database_url).path)) as database:
        return [
            (table.name, sorted(map(repr, database.execute(f"select * from {table.name} where zid = ?", (zid,)))))
            for table in tables
        ]


# Bodies that would do something if they were let: with the names of what is the victim's.
BODIES: dict[str, Any] = {
    "PUT /sap/rest/authorization/v2/rolecollections/{name}": {"description": "taken"},
    "PUT /sap/rest/authorization/v2/rolecollections/{name}/roles": lambda victim: [
        {"roleTemplateAppId": victim.app.name, "roleTemplateName": "Viewer", "roleName": "Viewer"}
    ],
    "PUT /sap/rest/authorization/v2/apps/{app}/roletemplates/{template}/roles/{role}": {"description": "taken"},
    "POST /sap/rest/authorization/v2/apps/roles": lambda victim: {
        "roleTemplateAppId": victim.app.name, "roleTemplateName": "Seller", "name": "taken",
    },
    "POST /sap/rest/authorization/v2/identity-providers/{origin}/attributes": lambda victim: {
        "attributeName": "Groups", "attributeValue": "taken", "roleCollectionName": victim.names["collection"],
    },
    "PATCH /sap/rest/identity-providers/{id}": {"name": "taken", "active": False},
    "PUT /sap/rest/identity-providers/{id}": lambda victim: {
        "type": "oidc1.0", "originKey": victim.names["origin"], "name": "taken",
        "config": {"issuer": "https://evil.example", "client_id": "x", "client_secret": "y"},
    },
    "PUT /Users/{id}": {"userName": "taken", "emails": [{"value": "taken@example.com"}]},
    "PATCH /Users/{id}": {"Operations": [{"op": "replace", "path": "active", "value": False}]},
    "PATCH /Groups/{id}": lambda victim: {
        "Operations": [{"op": "add", "path": "members", "value": [{"value": victim.names["user_id"]}]}]
    },
    "PUT /Groups/{id}": lambda victim: {"displayName": victim.names["collection"], "members": []},
    "POST /entryway/v1/tokens": lambda victim: {
        "instance_id": victim.app.instance_id, "user_name": victim.names["user_name"],
    },
    "PATCH /sap/rest/authorization/v2/securitySettings": lambda victim: {"defaultIdp": victim.names["origin"]},
    "POST /Groups/External": lambda victim: {
        "groupId": victim.names["collection"], "externalGroup": "taken", "origin": victim.names["origin"],
    },
    "PATCH /entryway/v1/tenants/{zid}": {"name": "taken"},
    "PUT /identity-zones/{zone}": lambda victim: {"id": victim.id, "subdomain": victim.subdomain, "name": "taken"},
    "PUT /entryway/v1/applications/{instance_id}": {"plan": "application", "xs_security": products("taken")},
    "PUT /entryway/v1/users/{user_name}": {"password": "taken"},
}  # fmt: skip
# What one may make at home under any name, and what is the caller's own whatever it is called.
AT_HOME = {
    "POST /Users", "POST /Groups", "POST /Users/.search", "POST /Groups/.search", "POST /.search", "GET /userinfo",
    "POST /userinfo", "PUT /sap/rest/authorization/v2/branding", "DELETE /sap/rest/authorization/v2/branding",
    "POST /sap/rest/authorization/v2/rolecollections", "POST /sap/rest/authorization/v2/apiCredentials",
    "PATCH /sap/rest/authorization/v2/securitySettings",
}  # fmt: skip


@pytest.mark.parametrize("asked", BEARER, ids=str)
def test_a_token_of_one_tenant_is_worth_nothing_at_another(worlds: Worlds, asked: Asked) -> None:
    victim, attacker = worlds.victim, worlds.attacker
    path = victim.fill(asked)
    at_victim = {"x-zid": victim.id}
    answers = [worlds.send(asked, path, **at_victim)]
    answers += [worlds.send(asked, path, authorization=f"Bearer {token}", **at_victim) for token in attacker.tokens]
    bearer = {"authorization": f"Bearer {attacker.tokens[0]}"}
    answers += [
        worlds.send(asked, f"/t/{victim.subdomain}{path}", **bearer),
        worlds.send(asked, path, **bearer, **{"x-zid": attacker.id, "x-identity-zone-id": victim.id}),
        worlds.send(asked, path, **bearer, **{"x-zid": attacker.id, "x-identity-zone-subdomain": victim.subdomain}),
    ]
    for answer in answers:
        assert answer.status_code in {401, 403}, answer.text
        assert MARK not in answer.text.replace(quote(path), "")


@pytest.mark.parametrize("asked", BEARER, ids=str)
def test_the_ids_of_one_tenant_name_nothing_at_another(worlds: Worlds, asked: Asked) -> None:
    victim, attacker = worlds.victim, worlds.attacker
    for token in (attacker.tokens[0], attacker.tokens[-1]):
        answer = worlds.send(asked, victim.fill(asked), authorization=f"Bearer {token}", **{"x-zid": attacker.id})
        if "{" in asked.path and not asked.path.endswith("/pages/{page}"):
            assert 400 <= answer.status_code < 500, answer.text
        if answer.status_code < 400:
            assert MARK not in answer.text
            assert asked.method == "GET" or str(asked) in AT_HOME, f"{asked}: {answer.status_code} {answer.text}"


@pytest.mark.parametrize("asked", [asked for asked in EVERY if asked.path in BROWSER], ids=str)
def test_a_browser_that_is_logged_in_at_one_tenant_is_nobody_at_another(worlds: Worlds, asked: Asked) -> None:
    victim, attacker = worlds.victim, worlds.attacker
    query = {"response_type": "code", "client_id": attacker.app.client_id, "action": "who", "state": "x", "idp": "x"}
    with httpx.Client(base_url=worlds.server.url, verify=worlds.server.tls, cookies=dict(victim.session)) as browser:
        headers = {"x-zid": attacker.id, "accept": "text/html"}
        answer = browser.request(
            asked.method, victim.fill(asked), params=query if asked.method == "GET" else {}, headers=headers
        )
    assert answer.status_code < 500
    assert victim.names["user_id"] not in answer.text
    # Its own alias names another service provider.
    assert MARK not in answer.text.replace(quote(victim.names["alias"]), "").replace(victim.names["alias"], "")
    assert "code=" not in urlsplit(answer.headers.get("location", "")).query


@pytest.mark.parametrize("asked", [asked for asked in EVERY if asked.path in CLIENT], ids=str)
def test_clients_and_what_they_hold_are_unknown_to_other_tenants(worlds: Worlds, asked: Asked) -> None:
    victim, attacker, http = worlds.victim, worlds.attacker, worlds.server.http
    held = {"token": victim.made["access_token"], "refresh_token": victim.made["refresh_token"], "code": victim.code}
    path = victim.fill(asked) if "{" in asked.path else asked.path
    for client, zone in ((victim, attacker), (attacker, attacker)):
        for grant in ("refresh_token", "authorization_code", "client_credentials"):
            if (client, grant) == (attacker, "client_credentials"):
                continue
            form = {**held, "grant_type": grant, "redirect_uri": "http://localhost:5000/login/callback"}
            auth = (client.app.client_id, client.app.secret)
            form = {"params": form} if asked.method == "GET" else {"data": form}
            answer = http.request(asked.method, path, auth=auth, headers={"x-zid": zone.id}, **form)
            told = answer.json() if answer.content and answer.status_code == 200 else {}
            # RFC 7009 §2.2: whoever revokes a token that it does not know is told that it is done.
            is_revoked = asked.path in {"/revoke", "/oauth/revoke"} and client is attacker
            assert answer.status_code >= 400 or told.get("active") is False or is_revoked, answer.text
            assert MARK not in json.dumps(told)


@pytest.mark.parametrize("asked", [asked for asked in EVERY if asked.path in PUBLIC], ids=str)
def test_what_everybody_may_know_of_one_tenant_says_nothing_of_another(worlds: Worlds, asked: Asked) -> None:
    victim, attacker = worlds.victim, worlds.attacker
    answer = worlds.server.http.request(asked.method, victim.fill(_unnamed(asked)), headers={"x-zid": attacker.id})
    assert answer.status_code < 500
    assert MARK not in answer.text
    assert victim.id not in answer.text
    assert victim.names["kid"] not in answer.text


def test_the_same_requests_are_answered_to_whom_it_belongs(worlds: Worlds) -> None:
    """Otherwise what is refused above might be refused for another reason; and nothing above has changed anything."""
    assert worlds.rows() == worlds.before
    victim = worlds.victim
    bearer = {"authorization": f"Bearer {victim.tokens[0]}", "x-zid": victim.id}
    reading = [asked for asked in BEARER if asked.method == "GET" and not asked.path.startswith("/entryway/")]
    answers = {
        str(asked): worlds.send(asked, victim.fill(asked) + FILTERS.get(asked.path, ""), **bearer).status_code
        for asked in reading
        if not asked.path.startswith(("/identity-zones", "/oauth/token/", "/userinfo"))
    }
    assert {name: status for name, status in answers.items() if status != 200} == {}
    cookies = dict(victim.session)
    with httpx.Client(base_url=worlds.server.url, verify=worlds.server.tls, cookies=cookies) as browser:
        headers = {"x-zid": victim.id, "accept": "text/html"}
        shown = browser.get("/config", params={"action": "who"}, headers=headers)
    assert victim.names["user_name"] in shown.text
    redeemed = worlds.server.http.post(
        "/oauth/token",
        data={"grant_type": "authorization_code", "code": victim.code, "redirect_uri": REDIRECT},
        auth=(victim.app.client_id, victim.app.secret),
        headers={"x-zid": victim.id},
    )
    assert redeemed.status_code == 200, redeemed.text


REDIRECT = "http://localhost:5000/login/callback"


FILTERS = {"/ids/Users": "?filter=userName%20eq%20%22x%22"}


def _unnamed(asked: Asked) -> Asked:
    return Asked(asked.method, re.sub(r"\{\w+\}", "brand.css", asked.path))
