"""What the router would do with a request, told without starting it."""

import json
from pathlib import Path

import pytest

from entryway.config.mistakes import ConfigurationMistakes
from entryway.router.explain import explain

XS_APP = {
    "welcomeFile": "/index.html",
    "logout": {"logoutEndpoint": "/out", "logoutMethod": "POST"},
    "routes": [
        {"source": "^/read/", "destination": "b", "httpMethods": ["GET"]},
        {"source": "^/api/(.*)$", "target": "$1", "destination": "b", "scope": {"GET": "$XSAPPNAME.v"}},
        {"source": "^/open/", "destination": "b", "authenticationType": "none"},
    ],
}
ENVIRON = {"destinations": json.dumps([{"name": "b", "url": "http://backend/base/"}])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "xs-app.json").write_text(json.dumps(XS_APP))
    uaa = {"url": "https://uaa", "clientid": "c", "clientsecret": "s", "xsappname": "shop!t1"}
    (tmp_path / "default-services.json").write_text(json.dumps({"uaa": uaa}))
    return tmp_path


def test_the_route_that_matches_and_why_the_earlier_did_not(folder: Path):
    told = explain(folder, "get", "http://localhost:5000/api/x?y=1", ENVIRON)
    assert (told.outcome, told.place, told.target) == ("forward", "/routes/1", "/x?y=1")
    assert told.upstream == "http://backend/base/x?y=1"
    assert [(step.place, step.reason) for step in told.earlier] == [
        ("/routes/0", "the source does not match path and query")
    ]
    assert (told.login, told.without_session, told.scopes, told.csrf) == (
        "xsuaa",
        "the login page",
        ("shop!t1.v",),
        False,
    )


def test_what_a_changing_request_needs(folder: Path):
    told = explain(folder, "POST", "/api/x", ENVIRON)
    assert (told.csrf, told.without_session) == (True, "401")
    assert "403: the route's scope names neither POST nor a default" in told.notes
    public = explain(folder, "POST", "/open/x", ENVIRON)
    assert (public.csrf, public.without_session, public.login) == (False, None, "none")


def test_other_outcomes(folder: Path):
    assert explain(folder, "GET", "/nothing", ENVIRON).outcome == "not_found"
    wrong_method = explain(folder, "PUT", "/read/x", ENVIRON)
    assert (wrong_method.outcome, wrong_method.allowed_methods) == ("method_not_allowed", ("GET",))
    assert explain(folder, "GET", "/", ENVIRON).outcome == "welcome_redirect"
    assert explain(folder, "GET", "/login/callback", ENVIRON).outcome == "login_callback"
    assert explain(folder, "POST", "/out", ENVIRON).outcome == "logout"
    assert explain(folder, "GET", "/out", ENVIRON).outcome == "method_not_allowed"
    assert explain(folder, "GET", "/api/../x", ENVIRON).outcome == "refused"


def test_an_environment_that_lacks_something_costs_detail_only(folder: Path):
    told = explain(folder, "GET", "/api/x", {})
    assert (told.outcome, told.upstream) == ("forward", None)
    assert told.notes


def test_a_file_with_mistakes_is_refused(folder: Path):
    (folder / "xs-app.json").write_text("{")
    with pytest.raises(ConfigurationMistakes):
        explain(folder, "GET", "/", ENVIRON)


def test_a_dependency_of_the_identity_service_is_named(folder: Path):
    destination = {"name": "b", "url": "http://backend/base/", "IASDependencyName": "dep1"}
    [note] = explain(folder, "GET", "/open/x", {"destinations": json.dumps([destination])}).notes
    assert "the dependency dep1" in note
    assert explain(folder, "GET", "/open/x", ENVIRON).notes == ()


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        ({"identityProvider": "sap.ids"}, "identityProvider: users log in at sap.ids"),
        ({"dynamicIdentityProvider": True}, "dynamicIdentityProvider: the query's sap_idp chooses where users log in"),
        ({"preferLocal": True}, "preferLocal: the destination is the provider's own, not the subscriber's"),
        (
            {"setBackendSessionCookies": True},
            "setBackendSessionCookies: session cookies of the backend reach the browser",
        ),
        ({"destination": "*"}, "the destination is taken from the host, by DESTINATION_HOST_PATTERN"),
        (
            {"destination": None, "localDir": "web", "cacheControl": "no-cache", "httpMethods": None},
            "cacheControl: the answer says no-cache",
        ),
        (
            {"destination": None, "localDir": "web", "replace": {"pathSuffixes": [".html"], "vars": ["A"]}},
            "replace: placeholders are filled in, in files that end in .html",
        ),
    ],
)
def test_every_key_of_a_route_that_counts_is_named(folder: Path, keys: dict[str, object], note: str):
    (folder / "web").mkdir()
    route = {name: value for name, value in ({"source": "^/", "destination": "b"} | keys).items() if value is not None}
    (folder / "xs-app.json").write_text(json.dumps({"routes": [route]}))
    assert note in explain(folder, "GET", "/x", ENVIRON).notes
    (folder / "xs-app.json").write_text(json.dumps({"routes": [{"source": "^/", "destination": "b"}]}))
    assert explain(folder, "GET", "/x", ENVIRON).notes == ()


def test_what_the_file_says_of_every_request_is_named_where_it_counts(folder: Path):
    more = {
        "destinations": {"b": {"logoutPath": "/gone"}},
        "websockets": {"enabled": True},
        "cors": [{"uriPattern": "^/open/", "allowedOrigin": [{"host": "friend.example"}]}],
    }
    (folder / "xs-app.json").write_text(json.dumps(XS_APP | more))
    heads = {note.partition(":")[0] for note in explain(folder, "GET", "/open/x", ENVIRON).notes}
    assert heads == {"destinations", "websockets", "cors"}
    heads = {note.partition(":")[0] for note in explain(folder, "DELETE", "/api/x", ENVIRON).notes}
    assert heads == {"destinations", "403"}


def test_endpoints_of_the_login_and_what_a_password_route_asks_for(folder: Path):
    logout = {"logoutEndpoint": "/out", "backChannelLogoutEndpoint": "/told"}
    routes = [{"source": "^/", "destination": "b", "authenticationType": "basic"}]
    (folder / "xs-app.json").write_text(json.dumps({"logout": logout, "routes": routes}))
    assert explain(folder, "POST", "/told", ENVIRON).outcome == "back_channel_logout"
    assert explain(folder, "GET", "/x", ENVIRON).without_session == "401 that asks for name and password"
