"""What `check` says about destinations, sessions and pages that work, and yet not as they were meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from entryway.config.mistakes import Mistake
from entryway.landscape.check import check_folder
from entryway.landscape.route_advice import may_be_reused

UAA = {"type": "org.cloudfoundry.managed-service", "parameters": {"service": "xsuaa", "service-plan": "application"}}
ERP = {"name": "erp", "virtual": "erp.company:443", "internal": "http://127.0.0.1:9443", "resources": [{"path": "/"}]}


def module(name: str, *requires: Any, router: bool = False, **more: Any) -> dict[str, Any]:
    kind = {"type": "approuter.nodejs"} if router else {"type": "python", "parameters": {"command": "./run"}}
    return {"name": name, "path": name, "requires": [{"name": "uaa"}, *requires], **kind, **more}


class Folder:
    """An application's folder; the backend and each router are bound to one authorization server."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(
        self,
        *routes: dict[str, Any],
        destination: dict[str, Any] | None = None,
        resources: list[dict[str, Any]] | None = None,
        modules: list[dict[str, Any]] | None = None,
        backend: dict[str, Any] | None = None,
        scopes: list[str] | None = None,
        **root: Any,
    ) -> list[Mistake]:
        properties = {"name": "srv", "url": "~{url}", "forwardAuthToken": True} | (destination or {})
        to_backend = {"name": "api", "group": "destinations", "properties": properties}
        names = ["web", "srv", *(each["name"] for each in modules or [])]
        mta = {
            "ID": "demo",
            "version": "1.0.0",
            "modules": [
                module("web", to_backend, router=True),
                module("srv", provides=[{"name": "api", "properties": {"url": "${default-url}"}}], **(backend or {})),
                *(modules or []),
            ],
            "resources": [
                {"name": "uaa", **UAA, "parameters": {**UAA["parameters"], "path": "./xs-security.json"}},
                *(resources or []),
            ],
        }
        for name in names:
            (self.path / name / "static").mkdir(parents=True)
            xs_app = {"routes": list(routes) or [{"source": "^/api/(.*)$", "destination": "srv"}], **root}
            (self.path / name / "xs-app.json").write_text(json.dumps(xs_app))
        security = {"xsappname": "demo", "scopes": [{"name": f"$XSAPPNAME.{name}"} for name in scopes or []]}
        (self.path / "xs-security.json").write_text(json.dumps(security))
        (self.path / "entryway.yaml").write_text(yaml.safe_dump({"on-premise": {"systems": [ERP]}}))
        (self.path / "mta.yaml").write_text(yaml.safe_dump(mta))
        return check_folder(self.path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def only(mistakes: list[Mistake]) -> tuple[str, str, str]:
    [mistake] = mistakes
    assert mistake.severity == "warning"
    return mistake.file, mistake.path, mistake.rule


def test_a_sound_application_has_no_warnings(folder):
    assert folder.check() == []


def test_a_backend_that_checks_tokens_wants_one(folder):
    file, path, rule = only(folder.check(destination={"forwardAuthToken": False}))
    assert (file, path) == ("web/xs-app.json", "/routes/0/destination")
    assert rule.startswith('"srv" is bound to the authorization server')


def test_a_public_route_brings_no_token_anyway(folder):
    public = {"source": "^/api/(.*)$", "destination": "srv", "authenticationType": "none"}
    assert folder.check(public, destination={"forwardAuthToken": False}) == []


def destinations(**properties: str) -> list[dict[str, Any]]:
    declared = {"Name": "erp", "Type": "HTTP", "Authentication": "NoAuthentication", **properties}
    config = {"init_data": {"instance": {"destinations": [declared]}}}
    service = {"service": "destination", "service-plan": "lite", "config": config}
    return [{"name": "dest", "type": "org.cloudfoundry.managed-service", "parameters": service}]


def test_a_virtual_host_is_called_by_http(folder):
    declared = destinations(URL="https://erp.company", ProxyType="OnPremise")
    file, _, rule = only(folder.check(resources=declared))
    assert (file, rule) == ("mta.yaml", 'the destination "erp" is OnPremise and its URL begins with https')


@pytest.mark.parametrize("url", ["https://erp.company", "http://ERP.company:443/sap"])
def test_a_virtual_host_is_known_to_the_tunnel_alone(folder, url):
    _, _, rule = only(folder.check(resources=destinations(URL=url, ProxyType="Internet")))
    assert rule == 'the destination "erp" calls the virtual host erp.company:443 directly, which only the tunnel knows'


def test_a_module_that_calls_a_virtual_host_by_itself(folder):
    backend = {"properties": {"ERP": "see http://erp.company:443/sap"}}
    _, path, rule = only(folder.check(backend=backend))
    assert rule == "the variable ERP of srv names the virtual host erp.company:443 directly"
    assert path.startswith("/modules/1")


@pytest.mark.parametrize(
    ("route", "resources"),
    [
        ({"source": "^/erp/(.*)$", "destination": "erp"}, {"URL": "http://erp.company:443", "ProxyType": "OnPremise"}),
        ({"source": "^/erp/(.*)$", "destination": "erp"}, {"URL": "https://abap.example.com", "sap-client": "100"}),
        ({"source": "^/o/(.*)$", "target": "/sap/opu/odata/$1", "destination": "x"}, {"URL": "https://x.example.com"}),
    ],
)
def test_a_system_with_csrf_tokens_of_its_own(folder, route, resources):
    bound = destinations(**resources)
    web = module("web2", {"name": "dest"}, router=True, properties={"SESSION_COOKIE_NAME": "other"})
    rules = [mistake for mistake in folder.check(route, resources=bound, modules=[web]) if mistake.severity != "error"]
    assert {mistake.file for mistake in rules} == {"web/xs-app.json", "web2/xs-app.json"}
    assert all("protected against CSRF twice" in mistake.rule for mistake in rules)


@pytest.mark.parametrize("more", [{"csrfProtection": False}, {"httpMethods": ["GET"]}, {"authenticationType": "none"}])
def test_a_route_that_protects_nothing_protects_nothing_twice(folder, more):
    route = {"source": "^/o/(.*)$", "target": "/sap/opu/odata/$1", "destination": "srv", **more}
    assert folder.check(route) == []


def test_two_routers_on_one_host_end_each_others_sessions(folder):
    second = module("admin", {"name": "api", "group": "destinations", "properties": {"name": "srv", "url": "~{url}"}})
    second |= {"type": "approuter.nodejs", "parameters": {}}
    public = {"source": "^/api/(.*)$", "destination": "srv", "authenticationType": "none"}
    file, path, rule = only(folder.check(public, modules=[second]))
    assert (file, path.startswith("/modules/2")) == ("mta.yaml", True)
    assert rule.startswith('admin and web both keep sessions in the cookie "JSESSIONID"')


def test_routers_with_cookies_of_their_own_do_not_meet(folder):
    second = module("admin", {"name": "api", "group": "destinations", "properties": {"name": "srv", "url": "~{url}"}})
    second |= {"type": "approuter.nodejs", "parameters": {}, "properties": {"SESSION_COOKIE_NAME": "admin"}}
    public = {"source": "^/api/(.*)$", "destination": "srv", "authenticationType": "none"}
    assert folder.check(public, modules=[second]) == []


def test_a_scope_that_nothing_declares(folder):
    route = {"source": "^/api/(.*)$", "destination": "srv", "scope": {"GET": "$XSAPPNAME.View", "default": ["other.x"]}}
    [mistake] = folder.check(route, scopes=["Viewer"])
    assert mistake.rule == 'no xs-security.json declares the scope "$XSAPPNAME.View": nobody can have it'
    assert (mistake.path, mistake.suggestion) == ("/routes/0/scope", "did you mean $XSAPPNAME.Viewer?")


def test_a_scope_that_is_declared(folder):
    route = {"source": "^/api/(.*)$", "destination": "srv", "scope": "$XSAPPNAME.Viewer"}
    assert folder.check(route, scopes=["Viewer"]) == []


def page(cache_control: str, **more: Any) -> dict[str, Any]:
    return {"source": "^/(.*)$", "localDir": "static", "cacheControl": cache_control, **more}


def test_a_main_page_that_browsers_keep(folder):
    file, path, rule = only(folder.check(page("public, max-age=31536000"), welcomeFile="index.html"))
    assert (file, path) == ("web/xs-app.json", "/routes/0/cacheControl")
    assert rule.startswith('browsers may keep the main page "/index.html" ("public, max-age=31536000")')


@pytest.mark.parametrize(
    "route", [page("no-cache, max-age=5"), page("max-age=0"), page("max-age=99", authenticationType="none")]
)
def test_a_main_page_that_is_asked_for_each_time_or_public(folder, route):
    assert folder.check(route, welcomeFile="index.html") == []


@pytest.mark.parametrize(
    ("value", "reused"),
    [("max-age=1", True), ("private, Max-Age=60", True), ("immutable", True), ("no-store", False), ("public", False)],
)
def test_what_a_browser_may_show_again(value: str, reused: bool):  # noqa: FBT001 - a table
    assert may_be_reused(value) is reused


def test_an_error_page_behind_the_login(folder):
    _, path, rule = only(folder.check(page("no-store"), errorPage=[{"status": 404, "path": "oops.html"}]))
    assert path == "/errorPage/0/path"
    assert rule == 'the error page "oops.html" needs login (/routes/0): who cannot log in does not see it'
