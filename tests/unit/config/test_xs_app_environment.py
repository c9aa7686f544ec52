"""The router's environment variables: each bad value is named."""

import json
from typing import Any

import pytest

from entryway.config.environment_model import RouterEnvironment
from entryway.config.xs_app_destinations import parse_destinations
from entryway.config.xs_app_environment import UNSUPPORTED, read_environment


def settings(**variables: Any) -> RouterEnvironment:
    found, mistakes = read_environment({name: text(value) for name, value in variables.items()})
    assert mistakes == []
    return found


def wrong(**variables: Any) -> str:
    _, mistakes = read_environment({name: text(value) for name, value in variables.items()})
    return "\n".join(f"{mistake.file}{mistake.path}: {mistake.rule}" for mistake in mistakes)


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_defaults():
    found = settings()
    assert (found.port, found.session_cookie_name, found.jwt_refresh_minutes) == (5000, "JSESSIONID", 5)
    assert found.trusted_proxies is None


def test_values_are_read():
    found = settings(
        PORT="8080",
        SESSION_TIMEOUT="30",
        httpHeaders=[{"X-A": "1"}],
        COOKIES={
            "SameSite": "Lax",
            "Partitioned": {"supportedPartitionAgents": "Chrome", "unsupportedPartitionAgents": "x"},
        },
        STATE_PARAMETER_SECRET="false",
        INCOMING_CONNECTION_TIMEOUT="1500",
        TRUSTED_PROXIES="10.0.0.0/8, ::1",
        destinations=[{"name": "b", "url": "http://h", "timeout": 5, "strictSSL": False}],
    )
    assert (found.port, found.session_timeout_minutes, found.http_headers) == (8080, 30, (("X-A", "1"),))
    assert (found.same_site, found.state_protection, found.incoming_connection_timeout) == ("Lax", False, 1.5)
    assert found.partitioned is not None
    assert len(found.trusted_proxies or ()) == 2
    assert (found.destinations["b"].timeout_ms, found.destinations["b"].strict_ssl) == (5, False)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PORT": "70000"}, "environment-settings/port: Value 70000 is greater than maximum 65535"),
        ({"SESSION_TIMEOUT": "abc"}, "Invalid value for environment variable SESSION_TIMEOUT"),
        ({"SESSION_TIMEOUT": "0"}, "environment-settings/sessionTimeout: Value 0 is less than minimum 1"),
        ({"SESSION_TIMEOUT": "0.5"}, "environment-settings/sessionTimeout: Invalid type: number (expected integer)"),
        ({"SEND_XFRAMEOPTIONS": "maybe"}, "Invalid value for environment variable SEND_XFRAMEOPTIONS"),
        ({"httpHeaders": {"a": "b"}}, "http-headers: Invalid type: object (expected array)"),
        ({"httpHeaders": [{"set-cookie": "a"}]}, 'Headers "set-cookie" and "cookie" are not allowed'),
        ({"httpHeaders": [{"x": "a\r\nb: c"}]}, "characters that a header cannot hold"),
        ({"httpHeaders": [{"a": "1", "b": "2"}]}, "http-headers/0: Too many properties defined (2), maximum 1"),
        ({"COOKIES": {"SameSite": "Strict"}}, '/SameSite: No enum match for: "Strict"'),
        ({"COOKIES": {"Foo": "x"}}, "/Foo: Additional properties not allowed"),
        ({"SESSION_COOKIE_NAME": "a=b; Domain=x"}, "environment-settings/sessionCookieName"),
        ({"TENANT_HOST_PATTERN": "(["}, "environment-settings/tenantHostPattern: Format validation failed"),
        ({"TRUSTED_PROXIES": "nowhere"}, "Invalid value for environment variable TRUSTED_PROXIES"),
        ({"WS_ALLOWED_ORIGINS": "x"}, "Invalid value for environment variable WS_ALLOWED_ORIGINS"),
        ({"plugins": "{}"}, "plugins: Invalid type: object (expected array)"),
        ({"CJ_PROTECT_WHITELIST": [{"host": "a.*.b"}]}, "clickjack-whitelist/0: Format validation failed"),
        ({"destinations": "nope"}, "Invalid value for environment variable destinations: "),
        (
            {"SVC2AR_DIRECT_EXT_SESSION_ID_USAGE": "yes"},
            "Invalid value for environment variable SVC2AR_DIRECT_EXT_SESSION_ID_USAGE",
        ),
    ],
)
def test_bad_values_are_named(variables: dict[str, Any], expected: str):
    assert expected in wrong(**variables)


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ({"name": "b"}, "/: Missing required property: url"),
        ({"url": "http://x"}, "/: Missing required property: name"),
        ({"name": "b", "url": "x"}, "/url/: Format validation failed (URI must be absolute)"),
        ({"name": "b", "url": "http://"}, "/url/: Format validation failed (URI must be absolute)"),
        ({"name": "b", "url": "http://h:99999"}, "/url/: Format validation failed (URI must be absolute)"),
        ({"name": "b", "url": "ftp://x"}, "unsupported protocol"),
        ({"name": "b", "url": "http://h", "proxyHost": "p"}, "key must exist: proxyPort (due to key: proxyHost)"),
        ({"name": "b", "url": "http://h", "timeout": "10"}, "/timeout/: Invalid type: string (expected integer)"),
        ({"name": "b", "url": "http://h", "timeout": 0}, "/timeout/: Value 0 is less than minimum 1"),
        ({"name": "b", "url": "http://h", "foo": 1}, "/foo/: Additional properties not allowed"),
        (
            {"name": "b", "url": "http://h", "proxyType": "OnPremise", "forwardAuthToken": True},
            "forwardAuthToken is not possible",
        ),
    ],
)
def test_each_mistake_of_a_destination_is_named(destination: dict[str, Any], expected: str):
    _, mistakes = parse_destinations([destination])
    assert any(expected in f"{mistake.path}/: {mistake.rule}" for mistake in mistakes)


def test_a_destination_of_the_internet_may_say_so():
    found, mistakes = parse_destinations(
        [{"name": "b", "url": "http://h", "proxyType": "Internet", "forwardAuthToken": True}]
    )
    assert (found["b"].on_premise, mistakes) == (False, [])


@pytest.mark.parametrize("proxy", ["https://h", "h/x", "h:8080", "user@h", "a:b:c@h", "a b", "u:p@q@h"])
def test_a_proxy_is_a_host_and_perhaps_who_asks(proxy: str):
    _, mistakes = parse_destinations([{"name": "b", "url": "http://h", "proxyHost": proxy, "proxyPort": 1}])
    assert [mistake.path for mistake in mistakes] == ["/proxyHost"]
    there, _ = parse_destinations([{"name": "b", "url": "http://h", "proxyHost": "u:p@[::1]", "proxyPort": "1"}])
    assert (there["b"].proxy, "dTpw" in repr(there["b"])) == (("::1", 1), False)


def test_a_name_is_used_once():
    _, mistakes = parse_destinations([{"name": "b", "url": "http://h"}] * 2)
    assert [mistake.rule for mistake in mistakes] == ["Format validation failed (Duplicate destination names: b)"]


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_a_setting_without_effect_is_warned_about(name: str):
    _, mistakes = read_environment({name: "true"})
    assert [(mistake.file, mistake.severity) for mistake in mistakes] == [(name, "warning")]
    assert read_environment({name: "false"})[1] == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OUTGOING_REQUEST_OPTIONS": {"xsuaa": {"timeout": -1}}}, "outgoing-request-options/xsuaa/timeout: Value -1"),
        ({"OUTGOING_REQUEST_OPTIONS": {"uaa": {}}}, "outgoing-request-options/uaa: Additional properties not allowed"),
        ({"XS_APP_LOG_LEVEL": "loud"}, 'variable XS_APP_LOG_LEVEL: "loud" is none of debug, info'),
        ({"DISABLE_CONNECTION_REUSE": "1"}, 'variable DISABLE_CONNECTION_REUSE: "1" is neither true nor false'),
        ({"MERGE_CSP_HEADERS": "yes"}, 'variable MERGE_CSP_HEADERS: "yes" is neither true nor false'),
        ({"ENABLE_X_FORWARDED_HOST_VALIDATION": "on"}, 'HOST_VALIDATION: "on" is neither true nor false'),
        ({"OMIT_LOGIN_CSP": "x"}, 'variable OMIT_LOGIN_CSP: "x" is neither true nor false'),
        ({"ZONE_INFO_CACHE_TTL": 900_000}, "zoneInfoCacheTtl: Value 900000 is greater than maximum 86400"),
        ({"ZONE_INFO_CACHE_TTL": -1}, "zoneInfoCacheTtl: Value -1 is less than minimum 0"),
        ({"ZONE_INFO_CACHE_TTL": "1h"}, 'variable ZONE_INFO_CACHE_TTL: "1h" is not a number'),
        ({"ENABLE_FORWARD_CORPORATE_IDP_TOKEN": "on"}, 'IDP_TOKEN: "on" is neither true nor false'),
        ({"REQUEST_TRACE": "x"}, 'variable REQUEST_TRACE: "x" is neither true nor false'),
    ],
)
def test_bad_values_of_the_surroundings_are_named(variables: dict[str, Any], expected: str):
    assert expected in wrong(**variables)


def test_levels_and_time_outs_are_read():
    assert settings(XS_APP_LOG_LEVEL="FATAL").log_level == "critical"
    found = settings(OUTGOING_REQUEST_OPTIONS={"html5-apps-repo": {"timeout": 5}})
    assert found.outgoing_timeouts_ms == {"html5-apps-repo": 5}
