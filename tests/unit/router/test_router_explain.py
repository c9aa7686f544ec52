"""What the router would do with a request, told without starting it."""

import json
from pathlib import Path
from typing import Any

import pytest

from entryway.config.mistakes import ConfigurationMistakes
from entryway.config.xs_app import read_xs_app
from entryway.errors import ConfigurationError
from entryway.router.explain import Explanation, explain
from entryway.router.explain_rules import SERVICE_CALL

XS_APP = {
    "welcomeFile": "/index.html",
    "logout": {"logoutEndpoint": "/out", "logoutMethod": "POST"},
    "routes": [
        {"source": "^/read/", "destination": "b", "httpMethods": ["GET"]},
        {"source": "^/api/(.*)$", "target": "$1", "destination": "b", "scope": {"GET": "$XSAPPNAME.v"}},
        {"source": "^/open/", "destination": "b", "authenticationType": "none"},
    ],
}
UAA = {"url": "https://uaa", "clientid": "c", "clientsecret": "s", "xsappname": "shop!t1"}
ENVIRON = {"destinations": json.dumps([{"name": "b", "url": "http://backend/base/"}])}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "xs-app.json").write_text(json.dumps(XS_APP))
    (tmp_path / "default-services.json").write_text(json.dumps({"uaa": UAA}))
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
        "the login page, or 401 for XMLHttpRequest",
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


def test_a_folder_without_its_slash_is_told(folder: Path):
    (folder / "web").mkdir()
    routes = [{"source": "^/ui(.*)$", "target": "$1", "localDir": "web", "authenticationType": "none"}]
    (folder / "xs-app.json").write_text(json.dumps({"routes": routes}))

    assert "it is the folder without its slash: 301 to the address with one" in explain(folder, "GET", "/ui", {}).notes
    assert not any("slash" in note for note in explain(folder, "GET", "/ui/", {}).notes)


def test_what_is_no_url_is_said_in_a_sentence(folder: Path):
    with pytest.raises(ConfigurationError, match=r"http://\[ is no URL: Invalid IPv6 URL"):
        explain(folder, "GET", "http://[", {})
    with pytest.raises(ConfigurationError, match=r"'/\\udcff' is not UTF-8: percent-encode it"):
        explain(folder, "GET", "/\udcff", {})


def test_an_environment_that_lacks_something_costs_detail_only(folder: Path):
    told = explain(folder, "GET", "/api/x", {})
    assert (told.outcome, told.upstream) == ("forward", None)
    assert told.notes


def test_a_file_with_mistakes_is_refused(folder: Path):
    (folder / "xs-app.json").write_text("{")
    with pytest.raises(ConfigurationMistakes):
        explain(folder, "GET", "/", ENVIRON)


def written(folder: Path, document: dict[str, Any], *services: dict[str, Any], **environ: Any) -> dict[str, str]:
    """Write a configuration, and return the environment for it; `services` are bindings besides the login's."""
    route = {"source": "^/", "destination": "b"}
    (folder / "xs-app.json").write_text(json.dumps({"routes": [route]} | document))
    bound = [{"name": "uaa", "tags": ["xsuaa"], "credentials": UAA}, *services]
    variables = ENVIRON | {"VCAP_SERVICES": {"user-provided": bound}} | environ
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}


def notes_by_head(told: Explanation) -> dict[str, str]:
    return dict(note.partition(": ")[::2] for note in told.notes)


DEFAULTS = {"timeout", "forwardAuthToken", "session", "JWT_REFRESH", "x-csrf-token", SERVICE_CALL, "websockets",
            "compression", "SEND_XFRAMEOPTIONS"}  # fmt: skip


def test_what_holds_for_a_plain_route_is_named(folder: Path):
    told = explain(folder, "GET", "/x", written(folder, {}))
    assert notes_by_head(told) == {
        "timeout": "30000 ms in which nothing comes, then 504",
        "forwardAuthToken": "off, so the backend does not learn who asks",
        "session": "the cookie JSESSIONID names it; it ends after 15 minutes without a request, and is in the memory of"
        " this process",
        "JWT_REFRESH": "the token is renewed 5 minutes before its end",
        "x-csrf-token": "fetch is answered with the token of the session",
        SERVICE_CALL: "a service's token, or name and password, counts instead of a session; no csrf token is needed"
        " then",
        "websockets": "off, so a request to open one gets 403",
        "compression": "text of 1024 bytes or more, for clients that can read it",
        "SEND_XFRAMEOPTIONS": "x-frame-options: SAMEORIGIN, unless the backend says it itself",
    }
    assert set(notes_by_head(told)) == DEFAULTS


def route(**keys: Any) -> dict[str, Any]:
    return {"routes": [{"source": "^/", "destination": "b"} | keys]}


ORIGIN = {"uriPattern": "^/x", "allowedOrigin": [{"host": "friend.example"}], "allowedMethods": ["GET"]}
ALLOWED_ORIGIN = "pages of friend.example may ask, with GET; others get 403"
PLUGIN = {"name": "p", "source": "^/x", "destination": "b"}
RULES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (route(identityProvider="sap.ids"), {}, "identityProvider", "users log in at sap.ids"),
    (route(dynamicIdentityProvider=True), {}, "dynamicIdentityProvider",
     "the query's sap_idp chooses where users log in"),
    ({}, {"DYNAMIC_IDENTITY_PROVIDER": "true"}, "dynamicIdentityProvider",
     "the query's sap_idp chooses where users log in"),
    (route(preferLocal=True), {}, "preferLocal", "the destination is the provider's own, not the subscriber's"),
    (route(setBackendSessionCookies=True), {}, "setBackendSessionCookies",
     "session cookies of the backend reach the browser"),
    (route(csrfProtection=False), {}, "csrfProtection", "off, so x-csrf-token is the backend's"),
    (route(authenticationType="none"), {}, "x-csrf-token",
     "fetch is answered with the token of a new anonymous session"),
    ({"destinations": {"b": {"logoutPath": "/gone"}}}, {}, "destinations", "its /gone is called when a session ends"),
    ({"websockets": {"enabled": True}}, {}, "websockets",
     "a request to open one is passed on from the application's own pages; from others it gets 403"),
    ({"websockets": {"enabled": True}}, {"WS_ALLOWED_ORIGINS": [{"host": "friend.example"}]}, "websockets",
     "a request to open one is passed on from friend.example's pages; from others it gets 403"),
    ({"cors": [ORIGIN]}, {}, "cors", ALLOWED_ORIGIN),
    ({}, {"CORS": [ORIGIN]}, "CORS", ALLOWED_ORIGIN),
    ({"compression": {"minSize": 7}}, {}, "compression", "text of 7 bytes or more, for clients that can read it"),
    ({"compression": {"minSize": 7}}, {"COMPRESSION": {"enabled": False}}, "COMPRESSION", "off"),
    ({"responseHeaders": [{"name": "x-a", "value": "b"}]}, {"httpHeaders": [{"x-a": "c"}]}, "responseHeaders",
     "x-a: b, unless the backend says it itself"),
    ({}, {"httpHeaders": [{"X-A": "c"}]}, "httpHeaders", "x-a: c, unless the backend says it itself"),
    ({}, {"ENABLE_FRAME_ANCESTORS_CSP_HEADERS": "true"}, "ENABLE_FRAME_ANCESTORS_CSP_HEADERS",
     "the tenant's trusted domains may show the answer in a frame"),
    ({}, {"MERGE_CSP_HEADERS": "true"}, "MERGE_CSP_HEADERS",
     "our policy is sent beside one of the backend"),
    ({"sessionTimeout": 7}, {"SESSION_COOKIE_NAME": "mine"}, "session",
     "the cookie mine names it; it ends after 7 minutes without a request, and is in the memory of this process"),
    ({"sessionTimeout": 7}, {"SESSION_TIMEOUT": "3"}, "session",
     "the cookie JSESSIONID names it; it ends after 3 minutes without a request, and is in the memory of this process"),
    ({}, {"JWT_REFRESH": "0"}, "JWT_REFRESH", "off, so the session ends with its token"),
    ({"stateProtection": False}, {}, "stateProtection",
     "off, so a login is not bound to the browser that began it"),
    ({}, {"PKCE_ENABLED": "false"}, "PKCE_ENABLED", "off, so a code alone is enough to log in"),
    ({}, {"PRESERVE_FRAGMENT": "false"}, "PRESERVE_FRAGMENT",
     "off, so people are redirected to the login without what stands behind #"),
    (route(authenticationType="none"), {"plugins": [PLUGIN]}, "plugins",
     "the route is one of the variable plugins, which go before those of the file"),
    ({"errorPage": [{"status": [404, 502], "path": "/sorry"}]}, {}, "errorPage",
     "404, 502 of the router is redirected to /sorry"),
    ({}, {"RETURN_ERROR_SOURCE": "true"}, "RETURN_ERROR_SOURCE", "errors of the router say x-error-source: gateway"),
    ({}, {"SECURE_SESSION_COOKIE": "true"}, "SECURE_SESSION_COOKIE",
     "403 for everything that comes by http, as x-forwarded-proto says if it is there"),
    ({}, {"ENABLE_X_FORWARDED_HOST_VALIDATION": "true"}, "ENABLE_X_FORWARDED_HOST_VALIDATION",
     "400 if x-forwarded-host is no host"),
    ({}, {"TRUSTED_PROXIES": "10.0.0.1"}, "TRUSTED_PROXIES", "x-forwarded-* counts from these addresses alone"),
    ({}, {"ENTRYWAY_DECISION_PORT": "5001"}, "ENTRYWAY_DECISION_PORT", "a proxy that asks may carry the bytes"),
    (route(destination="$1", source="^/(x)"), {"ENTRYWAY_DECISION_PORT": "5001"}, "ENTRYWAY_DECISION_PORT",
     "the router serves it itself, because the destination is known only when the request is there"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "environ", "head", "text"), RULES, ids=[f"{r[2]}-{i}" for i, r in enumerate(RULES)]
)
def test_every_rule_is_named_where_it_counts(
    folder: Path, document: dict[str, Any], environ: dict[str, Any], head: str, text: str
):
    told = explain(folder, "GET", "/x", written(folder, document, **environ))
    assert f"{head}: {text}" in told.notes, told.notes
    plain = explain(folder, "GET", "/x", written(folder, {}))
    assert f"{head}: {text}" not in plain.notes


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        ({"forwardAuthToken": True}, "forwardAuthToken: the user's token is sent as Authorization: Bearer"),
        ({"proxyHost": "p", "proxyPort": 8}, "proxyHost: it is asked through p:8"),
        ({"strictSSL": False}, "strictSSL: off, so its certificate is not verified"),
        ({"timeout": 7}, "timeout: 7 ms in which nothing comes, then 504"),
        ({"setXForwardedHeaders": False}, "setXForwardedHeaders: off, so it gets no x-forwarded-*"),
        ({"preserveHostHeader": True}, "preserveHostHeader: it gets the client's Host"),
        ({"forwardAuthCertificates": True}, "forwardAuthCertificates: the certificate of the login's binding is shown"),
        ({"IASDependencyName": "dep1"},
         "users of the identity service are shown to the destination by the token for the dependency dep1"),
    ],
)  # fmt: skip
def test_every_key_of_a_destination_is_named(folder: Path, keys: dict[str, Any], note: str):
    destination = {"name": "b", "url": "https://backend/base/"} | keys
    told = explain(folder, "GET", "/x", written(folder, {}, destinations=[destination]))
    assert note in told.notes
    assert note not in explain(folder, "GET", "/x", written(folder, {})).notes


def test_a_destination_in_a_company_network_is_named(folder: Path):
    destination = {"name": "b", "url": "http://virtual:80", "proxyType": "OnPremise"}
    credentials = UAA | {"onpremise_proxy_host": "proxy", "onpremise_proxy_port": "20003"}
    bound = {"name": "c", "label": "connectivity", "tags": ["connectivity"], "credentials": credentials}
    told = explain(folder, "GET", "/x", written(folder, {}, bound, destinations=[destination]))
    assert "proxyType: the system is in a company network, and asked through the connectivity proxy" in told.notes


def test_who_knows_the_destination_is_named(folder: Path):
    bound = {"name": "d", "label": "destination", "tags": ["destination"], "credentials": UAA | {"uri": "https://dest"}}
    told = explain(folder, "GET", "/x", written(folder, route(destination="far"), bound))
    assert told.goal == "destination far"
    assert "the destination service is asked for far, with the user's token if there is one" in told.notes
    chosen = explain(
        folder, "GET", "/to/crm/x", written(folder, route(source="^/to/([^/]+)/", destination="$1"), bound)
    )
    assert chosen.goal == "destination crm"
    assert any(note.startswith("HTML5.DynamicDestination: ") for note in chosen.notes)
    nowhere = explain(folder, "GET", "/to/crm/x", written(folder, route(source="^/to/([^/]+)/", destination="$1")))
    assert "404: no destination is named crm, and no destination service is bound" in nowhere.notes


def test_hosts_say_tenants_and_destinations(folder: Path):
    environ = written(folder, route(destination="*"), TENANT_HOST_PATTERN=r"^(.*)\.app\.example",
                      DESTINATION_HOST_PATTERN=r"^(b)\.")  # fmt: skip
    told = explain(folder, "GET", "https://acme.app.example/x", environ)
    assert "TENANT_HOST_PATTERN: the tenant is acme" in told.notes
    assert any("this one says none: 404" in note for note in told.notes)
    other = explain(folder, "GET", "https://b.example/x", environ)
    assert (other.goal, other.upstream) == ("destination b", "http://backend/base/x")
    assert "TENANT_HOST_PATTERN: the host names no tenant" in other.notes
    path = explain(folder, "GET", "/x", environ)
    assert "TENANT_HOST_PATTERN: the tenant is in the host, which this path has not" in path.notes
    assert path.goal == "the destination that the host names"


def test_files_and_what_is_done_to_them_are_named(folder: Path):
    (folder / "web").mkdir()
    keys = {"source": "^/", "localDir": "web", "cacheControl": "no-cache"}
    keys["replace"] = {"pathSuffixes": [".html"], "vars": ["A"]}
    environ = written(folder, {"routes": [keys]})
    told = explain(folder, "POST", "/x", environ)
    assert told.outcome == "file"
    assert "files answer GET and HEAD only: 405" in told.notes
    assert "cacheControl: the answer says no-cache" in told.notes
    assert "replace: placeholders are filled in, in files that end in .html" in told.notes
    assert "files answer GET and HEAD only: 405" not in explain(folder, "GET", "/x", environ).notes


@pytest.mark.parametrize(
    ("grant", "note"),
    [
        ("user_token", "grant_type: user_token, so the service gets the user's token, exchanged for it"),
        ("client_credentials", "grant_type: client_credentials, so the service gets the application's own token"),
        ("mtls", "grant_type: mtls, so the binding's certificate is shown"),
    ],
)
def test_a_business_service_and_how_it_is_logged_on_to(folder: Path, grant: str, note: str):
    more = {"cert": "pem", "key": "pem"} if grant == "mtls" else {}
    credentials = {"sap.cloud.service": "com.x", "grant_type": grant, "uaa": UAA,
                   "endpoints": {"api": "https://service/base"}} | more  # fmt: skip
    routes = [{"source": "^/", "service": "com.x", "endpoint": "api"}]
    document = {"routes": routes, "services": {"com.x": {"endpoint": "api", "logoutPath": "/bye"}}}
    bound = {"name": "s", "tags": [], "credentials": credentials}
    told = explain(folder, "GET", "/x", written(folder, document, bound))
    assert (told.goal, told.upstream) == ("service com.x endpoint api", "https://service/base/x")
    assert note in told.notes
    assert "services: its /bye is called when a session ends" in told.notes


def test_what_the_router_serves_itself_is_named(folder: Path):
    document = {"pluginMetadataEndpoint": "/plugins", "whitelistService": {"endpoint": "/allowed"}}
    plugin = {"name": "p", "source": "^/p", "destination": "b"}
    environ = written(folder, document, plugins=[plugin], CJ_PROTECT_WHITELIST=[{"host": "friend.example"}])
    told = explain(folder, "GET", "/plugins", environ)
    assert (told.outcome, told.login) == ("plugin_metadata", "xsuaa")
    assert "plugins: 1 of them" in told.notes
    allowed = explain(folder, "GET", "/allowed", environ)
    assert allowed.outcome == "allowlist"
    assert "CJ_PROTECT_WHITELIST: pages of friend.example may show the application in a frame" in allowed.notes
    assert "405: it can only be read" in explain(folder, "POST", "/allowed", environ).notes
    unset = explain(folder, "GET", "/allowed", written(folder, document))
    assert "CJ_PROTECT_WHITELIST: not set, so the answer is active: false" in unset.notes
    user = written(folder, {"routes": [{"source": "^/user", "service": "sap-approuter-userapi"}]})
    assert explain(folder, "GET", "/user/currentUser", user).outcome == "user_api"


def test_applications_of_the_repository_are_named(folder: Path):
    credentials = {"sap.cloud.service": "html5-apps-repo-rt", "uri": "https://repo", "uaa": UAA,
                   "grant_type": "client_credentials"}  # fmt: skip
    bound = {"name": "repo", "label": "html5-apps-repo", "tags": ["html5-apps-repo-rt"], "credentials": credentials}
    routes = [{"source": "^/api", "destination": "b"}, {"source": "^(.*)$", "service": "html5-apps-repo-rt"}]
    environ = written(folder, {"routes": routes}, bound)
    told = explain(folder, "GET", "/shop-1.0.0/~1~/index.html?skipXSAppJsonCache=true", environ)
    assert (told.outcome, told.goal) == ("hosted_application", "application shop-1.0.0 of the HTML5 repository")
    assert told.target == "/index.html"
    assert [note for note in told.notes if "kept for a year" in note or note.startswith("skipXSAppJsonCache")]
    assert "if the repository does not know it, the central routes count: forward by /routes/1" in told.notes
    direct = explain(folder, "GET", "/api/x", environ | {"DIRECT_ROUTING_URI_PATTERNS": '["api"]'})
    assert (direct.outcome, direct.place) == ("forward", "/routes/0")


def test_callbacks_of_the_registry_are_named(folder: Path):
    urls = {
        "getDependencies": "https://shop.app/callback/v1.0/dependencies",
        "onSubscription": "https://shop.app/callback/v1.0/tenants/{tenantId}",
    }
    bound = {"name": "r", "label": "saas-registry", "tags": ["SaaS"], "credentials": {"appUrls": urls}}
    environ = written(folder, {}, bound, TENANT_HOST_PATTERN="^(.*).app")
    asks = explain(folder, "GET", "/callback/v1.0/dependencies", environ)
    assert asks.outcome == "subscription_callback"
    scope = "401 without a token, 403 without its scope shop!t1.Callback or shop!t1.mtcallback"
    assert scope in asks.notes
    for method, meaning in (
        ("PUT", "onSubscription: a tenant comes, and is told its address"),
        ("DELETE", "a tenant leaves"),
    ):
        told = explain(folder, method, "/callback/v1.0/tenants/1", environ)
        assert (told.outcome, meaning in told.notes) == ("subscription_callback", True)
    wrong = explain(folder, "POST", "/callback/v1.0/tenants/1", environ)
    assert (wrong.outcome, wrong.allowed_methods) == ("method_not_allowed", ("PUT", "DELETE"))
    assert explain(folder, "POST", "/callback/v1.0/dependencies", environ).allowed_methods == ("GET",)


def test_callbacks_of_a_subscription_manager_are_named(folder: Path):
    name = {"CN": "manager"}
    names = {"callback_certificate_subject": name, "callback_certificate_issuer": name}
    environ = written(folder, {}, {"name": "m", "label": "subscription-manager", "tags": [], "credentials": names})
    told = explain(folder, "PUT", "/v1.0/callback/tenants/1", environ)
    assert told.outcome == "subscription_callback"
    assert "401 without a certificate in x-forwarded-client-cert" in " ".join(told.notes)


def test_endpoints_of_the_login_and_what_a_password_route_asks_for(folder: Path):
    logout = {"logoutEndpoint": "/out", "logoutPage": "/bye.html", "backChannelLogoutEndpoint": "/told"}
    document = route(authenticationType="basic") | {"logout": logout, "destinations": {"b": {"logoutPath": "/gone"}}}
    environ = written(folder, document, ENTRYWAY_DECISION_PORT="5001")
    told = explain(folder, "POST", "/told", environ)
    assert told.outcome == "back_channel_logout"
    called = "destinations: POST /gone of b is called, if there was a session"
    assert called in told.notes
    out = explain(folder, "GET", "/out", environ)
    assert (out.outcome, out.csrf, called in out.notes) == ("logout", False, True)
    assert any("from there to /bye.html" in note for note in out.notes)
    assert explain(folder, "GET", "/x", environ).without_session == "401 that asks for name and password"
    assert explain(folder, "GET", "/entryway/login", environ).outcome == "login_start"
    came_back = explain(folder, "GET", "/login/callback", environ)
    assert any(note.startswith("stateProtection: 401 unless") for note in came_back.notes)
    assert explain(folder, "POST", "/login/callback", environ).outcome == "forward"


def test_a_preflight_and_a_route_that_nobody_can_log_in_to(folder: Path):
    environ = written(folder, {"cors": [ORIGIN]})
    told = explain(folder, "OPTIONS", "/x", environ)
    assert "cors: with access-control-request-method this is a preflight, answered before any login" in told.notes
    del environ["VCAP_SERVICES"]
    (folder / "default-services.json").unlink()
    assert "login: 503, because nothing is bound that could log users in" in explain(folder, "GET", "/x", environ).notes


def test_a_file_alone_is_explained_without_claims_about_the_environment(folder: Path):
    told = explain(read_xs_app(folder / "xs-app.json"), "GET", "/api/x")
    assert (told.outcome, told.place) == ("forward", "/routes/1")
    assert not [note for note in told.notes if note.startswith(("login", "404"))]
