"""Every mistake that a configuration can have is named at its place, in the words that the reference lists."""

# ruff: noqa: E501 - one case a line reads best
from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.router.configuration import line_of, read_configuration

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "configuration-errors.md"
X = "xs-app.json"
UAA = {"url": "https://uaa.example", "clientid": "c", "clientsecret": "s", "xsappname": "x", "identityzone": "z"}
IAS = {"url": "https://ias.example", "clientid": "c", "clientsecret": "s"}
STORE = {"instanceName": "redis", "storageType": "redis", "sessionSecret": "s" * 64}
CROWD = {"uriPattern": "^/", "allowedOrigin": [{"host": "a"}]}
SERVICE = {"sap.cloud.service": "svc", "url": "https://svc.example", "uaa": UAA}
DEEP = "[" * 100_000


@dataclass(frozen=True)
class Case:
    """A configuration with one mistake: where it is named, and the words with which it begins."""

    said: str
    xs_app: Any = field(default_factory=dict)
    env: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] | None = None
    files: dict[str, str | bytes] = field(default_factory=dict)


def root(said: str, **keys: Any) -> Case:
    return Case(f"{X}{said}", keys)


def route(said: str, **keys: Any) -> Case:
    """A route to the destination `b`, with these keys."""
    return Case(f"{X}/routes/0{said}", {"routes": [{"source": "^/a", "destination": "b"} | keys]})


def bare(said: str, **keys: Any) -> Case:
    return Case(f"{X}/routes/0{said}", {"routes": [keys]})


def env(said: str, **variables: Any) -> Case:
    return Case(said, {}, variables)


def destination(said: str, **keys: Any) -> Case:
    """A destination of the environment, beside the one that others need."""
    return env(f"environment-destinations{said}", destinations=[{"name": "d", "url": "http://x"} | keys])


def bound(said: str, *, xs_app: Any = None, variables: dict[str, Any] | None = None, **services: Any) -> Case:
    return Case(
        said, xs_app or {}, variables or {}, {name.replace("_", "-"): value for name, value in services.items()}
    )


def vcap(said: str, value: Any) -> Case:
    return env(said, VCAP_SERVICES=value)


def entry(**keys: Any) -> dict[str, Any]:
    return {"svc": [{"name": "n"} | keys]}


ERRORS = [
    # -- xs-app.json as a file
    Case(f"{X}: cannot be read: ", None),
    Case(f"{X}: is larger than ", b" " * (4 * 1024 * 1024 + 1)),
    Case(f"{X}: Invalid content in ", b"{nope"),
    Case(f"{X}: Invalid content in ", b""),
    Case(f"{X}: Invalid content in ", b"\xff\xfe{"),
    Case(f"{X}: Invalid content in ", DEEP.encode()),
    Case(f"{X}: Invalid type: array (expected object)", []),
    # -- routes
    route("/scope: Format validation failed (Too few properties defined (0)", scope={}),
    route("/target: String is too short (0 chars), minimum 1", target=""),
    route("/target: Format validation failed (URI must be a relative path)", target="https://x/$1"),
    route("/authenticationType: Invalid type: null (expected string)", authenticationType=None),
    bare(": Format validation failed (/etc is not a directory)", source="^/", localDir="/etc"),
    # -- its keys
    root("/foo: Additional properties not allowed", foo=1),
    root("/welcomeFiles: Additional properties not allowed (did you mean welcomeFile?)", welcomeFiles="x"),
    root("/welcomeFile: Invalid type: number (expected string)", welcomeFile=1),
    root('/authenticationMethod: No enum match for: "bad"', authenticationMethod="bad"),
    root("/sessionTimeout: Invalid type: string (expected integer)", sessionTimeout="x"),
    root("/sessionTimeout: Invalid type: number (expected integer)", sessionTimeout=1.5),
    root("/sessionTimeout: Value -1 is less than minimum 1", sessionTimeout=-1),
    root("/routes: Invalid type: object (expected array)", routes={}),
    root("/routes/0: Invalid type: string (expected object)", routes=["x"]),
    root("/login: Missing required property: callbackEndpoint", login={}),
    root("/login/callbackEndpoint: String is too short (0 chars), minimum 1", login={"callbackEndpoint": ""}),
    root("/logout: Format validation failed (Logout page is set although", logout={"logoutPage": "/x"}),
    root("/logout: Format validation failed (Unable to set csrfProtection when", logout={"logoutEndpoint": "/l", "csrfProtection": True}),
    root('/logout/logoutMethod: No enum match for: "PUT"', logout={"logoutEndpoint": "/l", "logoutMethod": "PUT"}),
    root("/logout: Format validation failed (logoutEndpoint must be different from", logout={"logoutEndpoint": "/l", "backChannelLogoutEndpoint": "/l"}),
    root('/destinations/zz: Format validation failed (Destination(s) "zz" not used by any route)', destinations={"zz": {"logoutPath": "/x"}}),
    root("/destinations/b/logoutPath: Format validation failed (URI must be a relative path)", destinations={"b": {"logoutPath": "http://x/"}}),
    root('/destinations/b/logoutMethod: No enum match for: "DELETE"', destinations={"b": {"logoutPath": "/x", "logoutMethod": "DELETE"}}),
    root("/services/s/endpoint: String is too short (0 chars), minimum 1", services={"s": {"endpoint": ""}}),
    root("/logout: Invalid type: null (expected object)", logout=None),
    root("/logout/logoutPage: Format validation failed (Supported schemes are 'http' and 'https')", logout={"logoutEndpoint": "/l", "logoutPage": "javascript:x"}),
    root("/compression/minSize: Value 0 is less than minimum 1", compression={"minSize": 0}),
    root("/compression/enabled: Invalid type: string (expected boolean)", compression={"enabled": "true"}),
    root("/pluginMetadataEndpoint: Invalid type: number (expected string)", pluginMetadataEndpoint=1),
    root("/whitelistService: Missing required property: endpoint", whitelistService={}),
    root("/websockets: Missing required property: enabled", websockets={}),
    root("/stateProtection: Invalid type: null (expected boolean)", stateProtection=None),
    root("/responseHeaders/0: Missing required property: value", responseHeaders=[{"name": "x"}]),
    root('/responseHeaders/0: Format validation failed ("a b" is not a name', responseHeaders=[{"name": "a b", "value": "1"}]),
    root('/responseHeaders/0: Format validation failed (the value of "a" has', responseHeaders=[{"name": "a", "value": "1\n2"}]),
    root('/responseHeaders/0: Format validation failed (Headers "set-cookie" and', responseHeaders=[{"name": "Cookie", "value": "1"}]),
    root("/errorPage/0/file: Format validation failed (no.html is not a file)", errorPage=[{"status": 404, "file": "no.html"}]),
    root("/errorPage/0: Format validation failed (an error page has either", errorPage=[{"status": 404}]),
    root("/errorPage/0: Format validation failed (an error page has either", errorPage=[{"status": 404, "file": "xs-app.json", "path": "/x"}]),
    root("/cors/0/allowedOrigin: Array is too short (0), minimum 1", cors=[CROWD | {"allowedOrigin": []}]),
    root('/errorPage/0/path: Format validation failed ("https://x/" is not a path', errorPage=[{"status": 404, "path": "https://x/"}]),
    root("/errorPage/0/path: String is too short (0 chars), minimum 1", errorPage=[{"status": 404, "path": ""}]),
    root("/errorPage/0/status: Format validation failed (Array items are not unique)", errorPage=[{"status": [404, 404], "path": "/x"}]),
    root("/errorPage/0/file: Format validation failed (/etc/hostname is not a file)", errorPage=[{"status": 404, "file": "/etc/hostname"}]),
    root("/errorPage/0: Missing required property: status", errorPage=[{"path": "x"}]),
    root("/errorPage/0/status: Array is too short (0), minimum 1", errorPage=[{"status": [], "path": "x"}]),
    root("/errorPage/0/status: Invalid type: string (expected number/array)", errorPage=[{"status": "404", "path": "x"}]),
    root("/cors/0: Missing required property: uriPattern", cors=[{"allowedOrigin": [{"host": "a"}]}]),
    root("/cors/0: Missing required property: allowedOrigin", cors=[{"uriPattern": "^/"}]),
    root('/cors/0/allowedMethods/0: No enum match for: "FOO"', cors=[CROWD | {"allowedMethods": ["FOO"]}]),
    root("/cors/0/uriPattern: Format validation failed (Invalid regular expression: /([/: ", cors=[CROWD | {"uriPattern": "(["}]),
    root("/cors/0/hostPattern: Format validation failed (Invalid regular expression: ", cors=[CROWD | {"hostPattern": "(["}]),
    root('/cors/0/allowedHeaders/0: Format validation failed ("a b" is not a name', cors=[CROWD | {"allowedHeaders": ["a b"]}]),
    root('/cors/0/exposeHeaders/0: Format validation failed ("€" is not a name', cors=[CROWD | {"exposeHeaders": ["€"]}]),
    root("/outgoingRequestOptions/xsuaa/timeout: Value -1 is less than minimum 0", outgoingRequestOptions={"xsuaa": {"timeout": -1}}),
    # -- routes
    bare(": Missing required property: source", destination="b"),
    bare("/source: String is too short (0 chars), minimum 1", source="", destination="b"),
    bare("/source: Invalid type: number (expected string/object)", source=1, destination="b"),
    bare("/source: Missing required property: path", source={"matchCase": True}, destination="b"),
    bare("/source/matchCase: Invalid type: string (expected boolean)", source={"path": "^/a", "matchCase": "x"}, destination="b"),
    bare("/source: Format validation failed (Invalid regular expression: /^/(a/: ", source="^/(a", destination="b"),
    bare("/source: Format validation failed (Invalid regular expression: /^(a+)+$/: ", source="^(a+)+$", destination="b"),
    bare("/source/path: Format validation failed (Invalid regular expression: ", source={"path": "["}, destination="b"),
    bare(": Format validation failed (Route does not have a destination nor a localDir nor a service)", source="^/a"),
    route(": Format validation failed (Route has both localDir and destination)", localDir="web"),
    route("/destnation: Additional properties not allowed (did you mean destination?)", destnation="b"),
    bare(': Format validation failed (Route references unknown destination "zz")', source="^/a", destination="zz"),
    bare(": Format validation failed (no is not a directory)", source="^/a", localDir="no"),
    bare(": Format validation failed (Route has both localDir and httpMethods)", source="^/a", localDir="web", httpMethods=["GET"]),
    bare("/replace: Missing required property: pathSuffixes", source="^/a", localDir="web", replace={"vars": ["A"]}),
    bare("/replace/services/s: Format validation failed (No service matches s)", source="^/a", localDir="web", replace={"pathSuffixes": ["a"], "services": {"s": {"tag": "none"}}}),
    bare("/replace/services/s: Format validation failed (s is both a variable and a service)", source="^/a", localDir="web", replace={"pathSuffixes": ["a"], "vars": ["s"], "services": {"s": {}}}),
    route(": Format validation failed (Route has replace with no localDir)", replace={"pathSuffixes": ["a"]}),
    route('/httpMethods/0: No enum match for: "get"', httpMethods=["get"]),
    route("/httpMethods: Array is too short (0), minimum 1", httpMethods=[]),
    route('/authenticationType: No enum match for: "bad"', authenticationType="bad"),
    route("/authenticationType: Format validation failed (No IAS service found)", authenticationType="ias"),
    route("/csrfProtection: Invalid type: string (expected boolean)", csrfProtection="x"),
    route("/scope: Invalid type: number (expected string/array/object)", scope=1),
    route("/scope: Array is too short (0), minimum 1", scope=[]),
    route("/scope/FOO: Additional properties not allowed", scope={"FOO": "x"}),
    route("/cacheControl: Format validation failed (it has characters that a header", cacheControl="no-store\r\nx: y"),
    route(": Format validation failed (Route has both identityProvider and authenticationType none)", identityProvider="x", authenticationType="none"),
    bare(": A route requires access to nosvc service but the service is not bound.", source="^/a", service="nosvc"),
    Case(f"{X}/routes/0/authenticationType: Format validation failed (No UAA service found)", {"routes": [{"source": "^/a", "destination": "b", "authenticationType": "xsuaa"}]}, services={}),
    # -- destinations of the environment
    env("Invalid value for environment variable destinations: ", destinations="nope"),
    env("Invalid value for environment variable destinations: ", destinations=DEEP),
    env("destinations: Invalid type: object (expected array)", destinations={}),
    env("destinations: Format validation failed (Duplicate destination names: d)", destinations=[{"name": "d", "url": "http://x"}] * 2),
    env("environment-destinations: Missing required property: url", destinations=[{"name": "b"}]),
    env("environment-destinations: Missing required property: name", destinations=[{"url": "http://x"}]),
    env("environment-destinations: Invalid type: string (expected object)", destinations=["x"]),
    destination("/name: String is too short (0 chars), minimum 1", name=""),
    destination("/url: Format validation failed (URI must be absolute)", url="x"),
    destination("/url: Format validation failed (URI must be absolute)", url="http://a:b"),
    destination("/url: Format validation failed (URI must be absolute)", url="http://"),
    destination("/url: Format validation failed (URI has unsupported protocol, supported protocols are http,https,ws,wss)", url="ftp://x"),
    destination("/url: Format validation failed (the host of the URL is not one", url="http://exämple.org"),
    destination("/url: Format validation failed (the host of the URL is not one", url="http://a b/"),
    destination(": Dependency failed - key must exist: proxyPort (due to key: proxyHost)", proxyHost="h"),
    destination(": Dependency failed - key must exist: proxyHost (due to key: proxyPort)", proxyPort=1),
    destination("/proxyHost: Format validation failed (a proxy is named as host, http://host or user:password@host, and spoken to without TLS)", proxyHost="https://h", proxyPort=1),
    destination("/proxyPort: Format validation failed (a port is a number", proxyHost="h", proxyPort="abc"),
    destination("/timeout: Value -1 is less than minimum 1", timeout=-1),
    destination("/timeout: Invalid type: string (expected integer)", timeout="10"),
    destination("/forwardAuthTokn: Additional properties not allowed", forwardAuthTokn=True),
    destination("/forwardAuthToken: Invalid type: string (expected boolean)", forwardAuthToken="true"),
    destination('/proxyType: No enum match for: "foo"', proxyType="foo"),
    destination(": Format validation failed (proxyType OnPremise needs a connectivity service)", proxyType="OnPremise"),
    destination(": Format validation failed (forwardAuthToken is not possible with proxyType OnPremise)", proxyType="OnPremise", forwardAuthToken=True),
    # -- numbers, switches and expressions of the environment
    env("Invalid value for environment variable PORT: ", PORT="http"),
    env("environment-settings/port: Value 70000 is greater than maximum 65535", PORT="70000"),
    env("environment-settings/port: Value 0 is less than minimum 1", PORT="0"),
    env("Invalid value for environment variable SESSION_TIMEOUT: ", SESSION_TIMEOUT="abc"),
    env("environment-settings/sessionTimeout: Value 0 is less than minimum 1", SESSION_TIMEOUT="0"),
    env("environment-settings/sessionTimeout: Invalid type: number (expected integer)", SESSION_TIMEOUT="0.5"),
    env("environment-settings/jwtRefresh: Value -1 is less than minimum 0", JWT_REFRESH="-1"),
    env("environment-settings/minimumTokenValidity: Value -1 is less than minimum 0", MINIMUM_TOKEN_VALIDITY="-1"),
    env("environment-settings/incomingConnectionTimeout: Value -1 is less than minimum 0", INCOMING_CONNECTION_TIMEOUT="-1"),
    env("environment-settings/incomingRequestTimeout: Value -1 is less than minimum 0", INCOMING_REQUEST_TIMEOUT="-1"),
    env("environment-settings/serverKeepAlive: Value -1 is less than minimum 0", SERVER_KEEP_ALIVE="-1"),
    env("environment-settings/backendMaxSockets: Value 0 is less than minimum 1", BACKEND_MAX_SOCKETS="0"),
    env("environment-settings/frameAncestorsCspHeaderCacheTime: Value -1 is less", FRAME_ANCESTORS_CSP_HEADER_CACHE_TIME="-1"),
    env("environment-settings/decisionPort: Value 70000 is greater than maximum 65535", ENTRYWAY_DECISION_PORT="70000"),
    env("environment-settings/decisionPort: the decision port and PORT are the same", ENTRYWAY_DECISION_PORT="5000"),
    env("environment-settings/adminPort: Value 70000 is greater than maximum 65535", ENTRYWAY_ADMIN_PORT="70000"),
    env("environment-settings/workers: Value 0 is less than minimum 1", ENTRYWAY_WORKERS="0"),
    env("ENTRYWAY_WORKERS: 2 workers need sessions that they share", ENTRYWAY_WORKERS="2"),
    env("ENTRYWAY_WORKERS: HTTP2_SUPPORT is served by one worker", ENTRYWAY_WORKERS="2", HTTP2_SUPPORT="true"),
    env("ENTRYWAY_TLS_KEY: ENTRYWAY_TLS_CERTIFICATE and ENTRYWAY_TLS_KEY belong together", ENTRYWAY_TLS_CERTIFICATE="a"),
    env("environment-settings/server: Value x is not one of", ENTRYWAY_SERVER="x"),
    env("Invalid value for environment variable ENTRYWAY_TLS_CERTIFICATE: the certificate and its key", ENTRYWAY_TLS_CERTIFICATE="no.pem", ENTRYWAY_TLS_KEY="no.pem"),
    env('Invalid value for environment variable SEND_XFRAMEOPTIONS: "maybe" is neither true nor false', SEND_XFRAMEOPTIONS="maybe"),
    env('Invalid value for environment variable XS_APP_LOG_LEVEL: "loud" is none of', XS_APP_LOG_LEVEL="loud"),
    env('Invalid value for environment variable TRUSTED_PROXIES: "x" is neither an address', TRUSTED_PROXIES="127.0.0.1, x"),
    env("environment-settings/zoneInfoCacheTtl: Value 86401 is greater than maximum 86400", ZONE_INFO_CACHE_TTL="86401"),
    env("environment-settings/tenantHostPattern: Format validation failed (regular expression must contain a capturing", TENANT_HOST_PATTERN="^.*[.]x"),
    env("environment-settings/tenantHostPattern: Format validation failed (Invalid regular expression: ", TENANT_HOST_PATTERN="(["),
    env("environment-settings/destinationHostPattern: Format validation failed (Invalid regular expression: ", DESTINATION_HOST_PATTERN="(["),
    env("environment-settings/directRoutingUriPatterns: Format validation failed (Invalid regular expression: ", DIRECT_ROUTING_URI_PATTERNS=["(["]),
    env("Invalid value for environment variable DIRECT_ROUTING_URI_PATTERNS: it must be a list of texts", DIRECT_ROUTING_URI_PATTERNS=[1]),
    env("Invalid value for environment variable OWN_SAP_CLOUD_SERVICE: it must be a list of texts", OWN_SAP_CLOUD_SERVICE={}),
    env('environment-settings/platformCookieName: Format validation failed ("a b" is not a name of a cookie)', PLATFORM_COOKIE_NAME="a b"),
    env('environment-settings/sessionCookieName: Format validation failed ("a b" is not a name of a cookie)', SESSION_COOKIE_NAME="a b"),
    # -- documents of the environment
    env("cors-configuration: Invalid type: object (expected array)", CORS={}),
    env("cors-configuration/0: Missing required property: allowedOrigin", CORS=[{"uriPattern": "^/"}]),
    env("cors-configuration/0/uriPattern: Format validation failed (Invalid regular expression: ", CORS=[CROWD | {"uriPattern": "(["}]),
    env("Invalid value for environment variable CORS: ", CORS="x"),
    env("http-headers: Invalid type: object (expected array)", httpHeaders={"a": "b"}),
    env("http-headers: every entry is an object of one text", httpHeaders=[{"a": 1}]),
    env("http-headers/0: Too many properties defined (2), maximum 1", httpHeaders=[{"a": "1", "b": "2"}]),
    env('http-headers/0: Format validation failed (Headers "set-cookie" and', httpHeaders=[{"set-cookie": "a"}]),
    env('http-headers/0: Format validation failed ("a b" is not a name', httpHeaders=[{"a b": "1"}]),
    env('http-headers/0: Format validation failed (the value of "a" has', httpHeaders=[{"a": "1\r\n2"}]),
    env('Cookies environment variable/SameSite: No enum match for: "Strict"', COOKIES={"SameSite": "Strict"}),
    env("Cookies environment variable/Foo: Additional properties not allowed", COOKIES={"Foo": "x"}),
    env("Cookies environment variable/Partitioned: Missing required property: unsupportedPartitionAgents", COOKIES={"Partitioned": {"supportedPartitionAgents": "x"}}),
    env("Cookies environment variable/Partitioned: Format validation failed (Invalid regular expression: ", COOKIES={"Partitioned": {"supportedPartitionAgents": "(", "unsupportedPartitionAgents": "x"}}),
    env("environment-settings/compression/minSize: Invalid type: string (expected integer)", COMPRESSION={"minSize": "x"}),
    env("outgoing-request-options/foo: Additional properties not allowed", OUTGOING_REQUEST_OPTIONS={"foo": {}}),
    env("clickjack-whitelist/0: Missing required property: host", CJ_PROTECT_WHITELIST=[{"port": 1}]),
    env('clickjack-whitelist/0: Format validation failed ("a.*.b": * may stand', CJ_PROTECT_WHITELIST=[{"host": "a.*.b"}]),
    env("websocket-origins/0: Missing required property: host", WS_ALLOWED_ORIGINS=[{}]),
    env("plugins: Invalid type: object (expected array)", plugins={}),
    env("plugins/0: Invalid type: string (expected object)", plugins=["x"]),
    env("plugins/0: Missing required property: name", plugins=[{"source": "/a", "destination": "b"}]),
    env("plugins/0/localDir: Additional properties not allowed", plugins=[{"name": "p", "source": "/a", "destination": "b", "localDir": "x"}]),
    env("plugins/0/source: Format validation failed (Invalid regular expression: ", plugins=[{"name": "p", "source": "([", "destination": "b"}]),
    env('plugins/0: Format validation failed (Plugin references destination "zz")', plugins=[{"name": "p", "source": "/a", "destination": "zz"}]),
    # -- default-env.json
    Case("default-env.json: is not JSON: ", files={"default-env.json": "{nope"}),
    Case("default-env.json: must be an object", files={"default-env.json": "[]"}),
    Case("default-env.json: is nested too deeply", files={"default-env.json": DEEP}),
    Case("default-env.json: is not UTF-8 text", files={"default-env.json": b"\xff"}),
    Case("default-env.json: cannot be read: ", files={"default-env.json/a-folder": ""}),
    Case("default-env.json: holds a number that is too long", files={"default-env.json": '{"a": ' + "1" * 5000 + "}"}),
    # -- bindings
    Case("default-services.json: is not JSON: ", files={"default-services.json": "{nope"}),
    Case("default-services.json/uaa: must be an object with the service's credentials", files={"default-services.json": '{"uaa": 1}'}),
    Case("default-services.json: cannot be read: ", files={"default-services.json/a-folder": ""}),
    vcap("VCAP_SERVICES: is not JSON: ", "{nope"),
    vcap("VCAP_SERVICES: must be an object", []),
    vcap("VCAP_SERVICES/svc: must be an array of bindings", {"svc": {}}),
    vcap("VCAP_SERVICES/svc/0: must be an object", {"svc": [1]}),
    vcap("VCAP_SERVICES/svc/0/name: must be a text that is not empty", {"svc": [{}]}),
    vcap("VCAP_SERVICES/svc/0/tags: must be an array of texts", entry(tags=[1])),
    vcap("VCAP_SERVICES/svc/0/credentials: must be an object", entry(credentials=[])),
    vcap("VCAP_SERVICES/svc/0/plan: must be a text", entry(plan=1)),
    vcap("VCAP_SERVICES: Found 2 services matching tag xsuaa: a, b", {"xsuaa": [{"name": "a", "tags": ["xsuaa"]}, {"name": "b", "tags": ["xsuaa"]}]}),
    vcap('VCAP_SERVICES/xsuaa/0/credentials/clientid: binding "a": ', {"xsuaa": [{"name": "a", "tags": ["xsuaa"], "credentials": {"url": "https://u.example"}}]}),
    vcap("VCAP_SERVICES/destination/0/credentials/", {"destination": [{"name": "a", "credentials": {}}]}),
    env('UAA_SERVICE_NAME: no service named "none" is bound', UAA_SERVICE_NAME="none"),
    env("VCAP_SERVICES_FILE_PATH: {folder}/no.json cannot be read: ", VCAP_SERVICES_FILE_PATH="{folder}/no.json"),
    env("VCAP_SERVICES_FILE_PATH: is not the name of a file", VCAP_SERVICES_FILE_PATH="a\0b"),
    Case("VCAP_SERVICES_FILE_PATH: {folder}/big.json is larger than 1 MB", env={"VCAP_SERVICES_FILE_PATH": "{folder}/big.json"}, files={"big.json": b" " * 1_000_001}),
    Case("{folder}/bad.json: is not UTF-8 text", env={"VCAP_SERVICES_FILE_PATH": "{folder}/bad.json"}, files={"bad.json": b"\xff"}),
    env("SERVICE_BINDING_ROOT: {folder}/no is not a directory", SERVICE_BINDING_ROOT="{folder}/no"),
    Case("{folder}/m/s/.metadata: must be an object", env={"SERVICE_BINDING_ROOT": "{folder}/m"}, files={"m/s/.metadata": "[]"}),
    Case("{folder}/m/s/.metadata: is not JSON", env={"SERVICE_BINDING_ROOT": "{folder}/m"}, files={"m/s/.metadata": "{"}),
    Case("{folder}/m/s/.metadata/credentialProperties: must be an array", env={"SERVICE_BINDING_ROOT": "{folder}/m"}, files={"m/s/.metadata": '{"credentialProperties": 1}'}),
    Case("{folder}/m/s/.metadata/credentialProperties/0/name: must name a file", env={"SERVICE_BINDING_ROOT": "{folder}/m"}, files={"m/s/.metadata": '{"credentialProperties": [{"name": "../x"}]}'}),
    Case("{folder}/m/s/.metadata: is larger than 1 MB", env={"SERVICE_BINDING_ROOT": "{folder}/m"}, files={"m/s/.metadata": b" " * 1_000_001}),
    Case("{folder}/m/s/.metadata: cannot be read: ", env={"SERVICE_BINDING_ROOT": "{folder}/m"}, files={"m/s/.metadata": b"\xff"}),
    bound("ias-configuration: Missing required property: url", identity={}),
    bound('default-services.json/identity: binding "identity": ', identity={"url": "https://i.example", "clientid": "c"}),
    bound("environment-settings/tenantHostPattern: UAA tenant mode is shared, but environment variable TENANT_HOST_PATTERN is not set", uaa=UAA | {"tenantmode": "shared"}),
    bound('default-services.json/saas-registry/appUrls: binding "saas-registry": must be a JSON object', saas_registry={"appUrls": "x"}),
    bound('default-services.json/saas-registry/appUrls/onSubscription: binding "saas-registry": must be an absolute URL', saas_registry={"appUrls": {"onSubscription": "x"}}),
    bound('default-services.json/subscription-manager/app_urls: binding "subscription-manager": must be a JSON object', subscription_manager={"app_urls": "x"}),
    bound('default-services.json/subscription-manager/app_urls/subscriptionCallbacks/url: binding "subscription-manager": must be an absolute URL', subscription_manager={"app_urls": {"subscriptionCallbacks": {"url": "/x"}}}),
    bound('default-services.json/subscription-manager/callback_certificate_subject: binding "subscription-manager": must be a JSON object with CN', subscription_manager={"callback_certificate_subject": "CN=x"}),
    env('Invalid value for environment variable CLIENT_CERTIFICATE_HEADER_NAME: "a b" is not a name of a header', CLIENT_CERTIFICATE_HEADER_NAME="a b"),
    env('Invalid value for environment variable SERVICE_2_APPROUTER: "yes" is neither true nor false', SERVICE_2_APPROUTER="yes"),
    # -- services of others
    bound('default-services.json/s/url: binding "s": ', xs_app={"routes": [{"source": "^/", "service": "svc"}]}, s=SERVICE | {"url": "x"}),
    bound('default-services.json/s/URL.headers.a b: binding "s": this is no header', xs_app={"routes": [{"source": "^/", "service": "svc"}]}, s=SERVICE | {"URL.headers.a b": "x"}),
    bound(f"{X}/routes/0: Format validation failed (Endpoint object has no attribute named e for service svc)", xs_app={"routes": [{"source": "^/", "service": "svc", "endpoint": "e"}]}, s=SERVICE),
    bound(f"{X}/routes/0: Format validation failed (Endpoint object has no url or uri for service svc)", xs_app={"routes": [{"source": "^/", "service": "svc"}]}, s={"sap.cloud.service": "svc"}),
    bound(f"{X}/routes/0: Format validation failed (Several bound services are called svc: s, z)", xs_app={"routes": [{"source": "^/", "service": "svc"}]}, s=SERVICE, z=SERVICE),
    bound('default-services.json/s/endpoints/q/url: binding "s": must be an absolute URL', xs_app={"routes": [{"source": "^/", "service": "svc", "endpoint": "q"}]}, s=SERVICE | {"endpoints": {"q": "amqps://q"}}),
    # -- the session store
    env("Invalid value for environment variable EXT_SESSION_MGT: ", EXT_SESSION_MGT="x"),
    env("EXT_SESSION_MGT: Missing required property: instanceName", EXT_SESSION_MGT={"storageType": "redis", "sessionSecret": "s" * 64}),
    env('EXT_SESSION_MGT/storageType: No enum match for: "disk"', EXT_SESSION_MGT=STORE | {"storageType": "disk"}),
    env("EXT_SESSION_MGT/sessionSecret: String is too short (3 chars), minimum 64", EXT_SESSION_MGT=STORE | {"sessionSecret": "abc"}),
    env("EXT_SESSION_MGT/instanceName: EXT_SESSION_MGT_INSTANCE with value redis defined but no matching", EXT_SESSION_MGT=STORE),
    bound('default-services.json/redis/port: binding "redis": ', variables={"EXT_SESSION_MGT": STORE}, redis={"hostname": "h", "port": 0}),
    bound("default-services.json/redis", variables={"EXT_SESSION_MGT": STORE}, redis={}),
]  # fmt: skip


WARNINGS = [
    Case(f'{X}: the key "routes" is written twice in one object: the last one counts', b'{"routes": [], "routes": []}'),
    route(': Format validation failed (Route references unknown destination "$2")', destination="$2"),
    root("/errorPage/0/note: the key is not known, and has no effect", errorPage=[{"status": 404, "path": "/x", "note": "x"}]),
    root("/sessionTimeout: 0 stands for the default of 15 minutes", sessionTimeout=0),
    route("/scope: the scope has no effect, because the route is public", scope="x", authenticationType="none"),
    route("/cacheControl: cacheControl has no effect here", cacheControl="no-cache"),
    route("/endpoint: the endpoint has no effect, because the route leads to no service", endpoint="e"),
    root("/services/svc: no such service is bound: it is not told of logouts", services={"svc": {"logoutPath": "/x"}}),
    bound(f"{X}/services/svc: the binding has no endpoint e: the service is not told of logouts", xs_app={"services": {"svc": {"logoutPath": "/x", "endpoint": "e"}}}, uaa=UAA, s=SERVICE),
    root("/logout/backChannelLogoutEndpoint: this setting has no effect here", logout={"logoutEndpoint": "/l", "backChannelLogoutEndpoint": "/b"}),
    bound(f'{X}/routes/0: binding "s": the grant type user_token needs an OAuth client (uaa)', xs_app={"routes": [{"source": "^/", "service": "svc"}]}, uaa=UAA, s={"sap.cloud.service": "svc", "url": "https://svc.example"}),
    bound(f"{X}/routes/0/authenticationType: the service svc needs a user's token, and this route is public", xs_app={"routes": [{"source": "^/", "service": "svc", "authenticationType": "none"}]}, s=SERVICE),
    bound("environment-settings: a SaaS registry is bound, and no service with the tag xsuaa", saas_registry={}),
    bound("environment-settings/tenantHostPattern: a SaaS registry is bound, and TENANT_HOST_PATTERN is not set", uaa=UAA, saas_registry={}),
    destination("/forwardAuthCertificates: Destination d is configured to forward authentication certificates, but", forwardAuthCertificates=True),
    env("SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED: this setting has no effect here", SVC2AR_EXTERNAL_SESSION_COOKIE_ENABLED="true"),
    env("OTEL_TRACES_EXPORTER: no traces are sent: x is not an exporter here", OTEL_TRACES_EXPORTER="x", OTEL_EXPORTER_OTLP_ENDPOINT="http://localhost:4318"),
    env("COOKIE_BACKWARD_COMPATIBILITY: this setting has no effect here", COOKIE_BACKWARD_COMPATIBILITY="true"),
    bound("environment-settings: a subscription manager is bound, and its binding does not say which certificate", subscription_manager={}),
    bound("environment-settings/tenantHostPattern: a subscription manager is bound, and TENANT_HOST_PATTERN is not set", subscription_manager={}),
    bound("TRUSTED_PROXIES: a subscription manager is bound, and its certificate is believed from everybody", subscription_manager={}),
    env('SECURE_SESSION_COOKIE: "yes" is neither true nor false', SECURE_SESSION_COOKIE="yes"),
    env("ENABLE_FORWARD_CORPORATE_IDP_TOKEN: this setting has no effect here", ENABLE_FORWARD_CORPORATE_IDP_TOKEN="true"),
    env("HTTP2_SUPPORT: Granian takes a hundred headers, and gives the head of a request the time of SERVER_KEEP_ALIVE", HTTP2_SUPPORT="true"),
    env("SVC2AR_EXTERNAL_SESSION_ID_SECRET: this setting has no effect here", SVC2AR_EXTERNAL_SESSION_ID_SECRET="s"),
    destination("/IASDependencyName: this setting has no effect here", IASDependencyName="d"),
    bound("environment-settings/tenantHostPattern: this setting has no effect here", variables={"TENANT_HOST_PATTERN": "^(.*)[.]x"}, identity=IAS),
    bound("default-services.json/s/forwardiastoken: this setting has no effect here", s=SERVICE | {"forwardiastoken": True}),
    env("TRUSTED_PROXIES: forwarding headers are believed from everybody, although a proxy is in front", ENTRYWAY_DECISION_PORT="5001"),
]  # fmt: skip


def environment_of(case: Case, folder: Path) -> dict[str, str]:
    """Write the case's files, and return its environment."""
    (folder / "web").mkdir()
    if case.xs_app is not None:
        content = case.xs_app if isinstance(case.xs_app, bytes) else json.dumps(case.xs_app).encode()
        (folder / X).write_bytes(content)
    services = {"uaa": UAA} if case.services is None else case.services
    if "default-services.json/a-folder" not in case.files:
        (folder / "default-services.json").write_text(json.dumps(services))
    for name, text in case.files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    variables = {"destinations": [{"name": "b", "url": "http://localhost:1"}]} | case.env
    environ = {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}
    return {name: text.replace("{folder}", str(folder)) for name, text in environ.items()}


def mistakes_of(case: Case, folder: Path) -> list[Mistake]:
    """Return what a start with this configuration says, and ends with."""
    environ = environment_of(case, folder)
    with pytest.raises(ConfigurationMistakes) as refused:
        read_configuration(folder, environ)
    return list(refused.value.mistakes)


def warnings_of(case: Case, folder: Path) -> list[Mistake]:
    """Return what a start with this configuration says, and goes on."""
    return list(read_configuration(folder, environment_of(case, folder)).warnings)


def every_mistake(tmp_path: Path) -> Iterator[Mistake]:
    for number, case in enumerate(ERRORS + WARNINGS):
        folder = tmp_path / str(number)
        folder.mkdir()
        yield from (mistakes_of if case in ERRORS else warnings_of)(case, folder)


@pytest.mark.parametrize("case", ERRORS, ids=[case.said[:70].replace("\0", "") for case in ERRORS])
def test_the_start_ends_with_the_mistake_named(tmp_path: Path, case: Case) -> None:
    lines = [line_of(mistake) for mistake in mistakes_of(case, tmp_path)]

    assert any(line.startswith(case.said.replace("{folder}", str(tmp_path))) for line in lines), lines


def test_a_binding_that_cannot_be_used_is_named_and_not_called_missing(tmp_path: Path) -> None:
    route = {"source": "^/a", "destination": "b", "authenticationType": "xsuaa"}
    broken = {"url": "https://uaa", "clientid": "c", "xsappname": "x"}
    case = Case("uaa", {"routes": [route]}, services={"uaa": broken})
    lines = [line_of(mistake) for mistake in mistakes_of(case, tmp_path)]
    assert any("needs clientsecret" in line for line in lines), lines
    assert not [line for line in lines if "No UAA service found" in line]


@pytest.mark.parametrize(
    "case",
    [
        Case("default-env.json: is not JSON: ", files={"default-env.json": "// mine"}),
        env("Invalid value for environment variable destinations: ", destinations="nope"),
    ],
    ids=["default-env.json", "destinations"],
)
def test_destinations_that_cannot_be_read_are_not_called_unknown(tmp_path: Path, case: Case) -> None:
    routed = replace(case, xs_app={"routes": [{"source": "^/a", "destination": "of-the-environment"}]})
    lines = [line_of(mistake) for mistake in mistakes_of(routed, tmp_path)]
    assert len(lines) == 1
    assert lines[0].startswith(case.said)


@pytest.mark.parametrize("case", WARNINGS, ids=[case.said[:70] for case in WARNINGS])
def test_the_start_goes_on_with_the_warning(tmp_path: Path, case: Case) -> None:
    lines = [line_of(mistake) for mistake in warnings_of(case, tmp_path)]

    assert any(line.startswith(case.said) for line in lines), lines


def rows() -> list[tuple[re.Pattern[str], str, str]]:
    """Return the rows of the reference: the document and the rule as expressions, and the rule as it is written."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            documents, rule, meaning = (cell.strip() for cell in line.strip("| ").split(" | "))
            assert meaning, f"{rule}: nothing is said about it"
            names = "|".join(_expression(name) for name in re.findall(r"`([^`]+)`", documents))
            found.append((re.compile(f"(?:{names}): {_expression(rule.strip('`'))}"), documents, rule))
    return found


def _expression(text: str) -> str:
    return re.escape(text).replace("…", ".*")


def test_every_message_is_in_the_reference_and_no_other(tmp_path: Path) -> None:
    page = rows()
    used: set[int] = set()
    unknown = []
    for mistake in every_mistake(tmp_path):
        text = f"{mistake.file}: {mistake.rule}"
        fitting = [number for number, (expression, _, _) in enumerate(page) if expression.fullmatch(text)]
        used.update(fitting)
        if not fitting:
            unknown.append(text)

    assert not unknown, "\n".join(unknown)
    assert [row[1:] for number, row in enumerate(page) if number not in used] == []


READERS = ("config/*.py", "router/configuration.py", "router/deciding.py", "router/replace.py")
"""What names mistakes in the configuration of a router."""
OTHERS = ("descriptor", "manifest", "mta", "landscape", "yaml", "json_file", "xs_security", "hosted", "default_env")
"""Files that begin like this read what is not the router's, or only later; or cannot be made to fail at will."""
NAMES = {"Mistake", "wrong", "unreadable"}
"""What is called to name a mistake."""


def places() -> set[tuple[str, int, int]]:
    """Return every place in the code that names a mistake: the file, and the lines from and to."""
    found = set()
    for pattern in READERS:
        for path in (ROOT / "src" / "entryway").glob(pattern):
            if path.stem.startswith(OTHERS):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = node.func if isinstance(node, ast.Call) else None
                called = name.id if isinstance(name, ast.Name) else name.attr if isinstance(name, ast.Attribute) else ""
                if isinstance(node, ast.Call) and called in NAMES:
                    found.add((path.name, node.lineno, node.end_lineno or node.lineno))
    return found


def test_every_place_that_names_a_mistake_has_a_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: set[tuple[str, int]] = set()
    made = Mistake.__init__

    def noted(mistake: Mistake, *args: Any, **keys: Any) -> None:
        made(mistake, *args, **keys)
        frame = sys._getframe(1)
        while frame is not None and "/entryway/" in frame.f_code.co_filename:
            reached.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
            frame = frame.f_back

    monkeypatch.setattr(Mistake, "__init__", noted)
    for _ in every_mistake(tmp_path):
        pass

    missed = sorted(
        (file, first)
        for file, first, last in places()
        if not any((file, line) in reached for line in range(first, last + 1))
    )
    assert not missed, "\n".join(map(str, missed))
